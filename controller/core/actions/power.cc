// A change of power, or of what a machine or its BMC shows and does next: no disk is touched by itself, so neither use nor
// protection is against it.
#include <algorithm>
#include <array>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/action.h"
#include "controller/core/actions/grounds.h"
#include "controller/core/actions/install_end.h"
#include "controller/core/fences.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/order_builder.h"
#include "controller/core/server_phases.h"

namespace metalmesh::controller {
namespace {

using rules::Verdict;

constexpr std::int64_t longest_within = 24 * 3600;  // seconds
constexpr std::chrono::seconds within_default = std::chrono::minutes(10);

struct Change {
  const char* word;     // of specs
  const char* command;  // of the command line
  wire::Power::Change change;
  bool interrupts = false;  // what runs on the host
};
constexpr std::array changes_known = {
    Change{"on", "on", wire::Power::ON},
    Change{"off", "off", wire::Power::OFF, true},
    Change{"graceful", "graceful", wire::Power::GRACEFUL, true},
    Change{"cycle", "cycle", wire::Power::CYCLE, true},
    Change{"bmcReset", "bmc-reset", wire::Power::BMC_RESET},
    Change{"lightOn", "light-on", wire::Power::LIGHT_ON},
    Change{"lightOff", "light-off", wire::Power::LIGHT_OFF},
    Change{"setupOnce", "setup-once", wire::Power::SETUP_ONCE},
};
const Change* change_of(const rest::RolloutSpec& spec) {
  const auto* found = std::ranges::find_if(
      changes_known, [&](const Change& one) { return one.word == spec.power().change(); });
  return found == changes_known.end() ? nullptr : found;
}

constexpr std::array own_fields = {
    SpecField{"spec.power", [](const rest::RolloutSpec& spec) { return spec.has_power(); }}, failed_field};

/// In the order in which people want to be told.
constexpr std::array against_it = {
    Rule<Candidate>{"EXCLUDED", grounds::excluded_by_name},
    Rule<Candidate>{"RETIRED", grounds::retired},
    Rule<Candidate>{"SITE_UNKNOWN", grounds::site_unknown},
    Rule<Candidate>{"BMC_NOT_ALLOWED", grounds::bmc_not_allowed},
    Rule<Candidate>{"OPEN_DEPLOYMENT", grounds::busy},
    Rule<Candidate>{"BLOCKED", grounds::blocked},
    Rule<Candidate>{"NOT_FENCED", grounds::not_fenced},
    Rule<Candidate>{"MAY_STILL_RUN", grounds::may_still_run},
    Rule<Candidate>{"IDENTITY_INSUFFICIENT", grounds::not_identified},
    Rule<Candidate>{"NOT_READY", grounds::never_inspected, true},
    Rule<Candidate>{"KEY_UNKNOWN", grounds::key_unknown},
};

class PowerPlanning final : public Planning {
 public:
  explicit PowerPlanning(const PlanInput& input) : input_(input), change_(*change_of(input.spec)) {}

  [[nodiscard]] std::optional<Exclusion> exclusion_of(const rest::Server& server) const override {
    return first_of(against_it, Candidate{input_, server});
  }
  void agree(const rest::Server&, wire::Agreed& agreed) const override {
    wire::Power& power = *agreed.mutable_power();
    power.set_change(change_.change);
    *power.mutable_within() = input_.spec.power().within();
  }
  void show(rest::Plan& plan, const PlanFigures& figures) const override {
    if (change_.interrupts && figures.kept > 0)
      plan.add_warnings(std::string("power ") + change_.word +
                        " stops what runs; in use or protected: " + std::to_string(figures.kept) +
                        " of the " + std::to_string(plan.server_count()) + " servers");
  }

 private:
  const PlanInput& input_;
  const Change& change_;
};

class Power final : public Action {
 public:
  Power() : Action({.name = "power", .work = wire::Agreed::kPower, .changes = true, .has_canary = true}) {}

  [[nodiscard]] std::span<const SpecField> fields() const override { return own_fields; }

  Verdict check(rest::RolloutSpec& spec, const MeshState&) const override {
    if (auto bad = rules::required("spec.power.change", !spec.power().change().empty())) return bad;
    if (change_of(spec) == nullptr) {
      std::string known;
      for (const Change& one : changes_known) known += (known.empty() ? "" : ", ") + std::string(one.word);
      return rules::refusal(ErrorKind::invalid, "spec.power.change",
                            "\"" + spec.power().change().substr(0, 80) + "\" is none of: " + known);
    }
    if (!spec.power().has_within()) *spec.mutable_power()->mutable_within() = to_wire(within_default);
    return rules::duration("spec.power.within", spec.power().within(), longest_within);
  }

  [[nodiscard]] std::unique_ptr<Planning> plan(const PlanInput& input) const override {
    return std::make_unique<PowerPlanning>(input);
  }
  [[nodiscard]] std::vector<Threshold> thresholds(const rest::RolloutStop& stop,
                                                  const EndTally& tally) const override {
    return failures_alike(stop, tally);
  }
  [[nodiscard]] Duration longest_run(const record::Order* order, const rest::Deployment&,
                                     const Now& now) const override {
    if (order == nullptr) return within_default;
    return from_wire(agreed_in(*order).power().within()) +
           std::max(Duration(), from_wire(order->order().issue().start_by()) - now.wall_low);
  }
  void ended(Work& work, const rest::Deployment& deployment) const override {
    if (planted(Defect::power_touches_phase)) settle_installed(work, deployment);
  }
  [[nodiscard]] std::string again(const wire::Agreed& agreed) const override {
    const auto* change = std::ranges::find(changes_known, agreed.power().change(), &Change::change);
    return commands::power(change == changes_known.end() ? "on" : change->command, agreed.server());
  }
};

}  // namespace

const Action& power_action() {
  static const Power action;
  return action;
}

}  // namespace metalmesh::controller
