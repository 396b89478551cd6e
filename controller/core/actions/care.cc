// What is done to a BMC and never to its host: a test of the way to its media, and housekeeping. Neither use nor protection
// is against them; whoever is installed, or may still run from a medium of ours, is left alone.
#include <algorithm>
#include <array>

#include "common/base/command_words.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/action.h"
#include "controller/core/actions/grounds.h"

namespace metalmesh::controller {
namespace {

using rules::Verdict;

constexpr std::chrono::seconds longest = std::chrono::minutes(15);

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

struct Deed {
  const char* word;     // of specs
  const char* command;  // of the command line
  wire::Housekeeping::Deed deed;
};
constexpr std::array deeds = {
    Deed{"clearJobs", "clear-jobs", wire::Housekeeping::CLEAR_JOBS},
    Deed{"endSessions", "end-sessions", wire::Housekeeping::END_SESSIONS},
    Deed{"eject", "eject", wire::Housekeeping::EJECT},
    Deed{"setClock", "set-clock", wire::Housekeeping::SET_CLOCK},
    Deed{"trustCa", "trust-ca", wire::Housekeeping::TRUST_CA},
};

/// What is agreed to needs no word of the server.
class CarePlanning final : public Planning {
 public:
  CarePlanning(const PlanInput& input, void (*agree)(const rest::RolloutSpec&, wire::Agreed&))
      : input_(input), agree_(agree) {}
  [[nodiscard]] std::optional<Exclusion> exclusion_of(const rest::Server& server) const override {
    return first_of(against_it, Candidate{input_, server});
  }
  void agree(const rest::Server&, wire::Agreed& agreed) const override { agree_(input_.spec, agreed); }

 private:
  const PlanInput& input_;
  void (*agree_)(const rest::RolloutSpec&, wire::Agreed&);
};

class Care : public Action {
 public:
  using Action::Action;
  [[nodiscard]] std::vector<Threshold> thresholds(const rest::RolloutStop& stop,
                                                  const EndTally& tally) const override {
    return failures_alike(stop, tally);
  }
  [[nodiscard]] Duration longest_run(const record::Order* order, const rest::Deployment&,
                                     const Now& now) const override {
    if (order == nullptr) return longest;
    return longest + std::max(Duration(), from_wire(order->order().issue().start_by()) - now.wall_low);
  }
};

constexpr std::array fields_of_test = {
    SpecField{"spec.mountTest", [](const rest::RolloutSpec& spec) { return spec.has_mount_test(); }},
    failed_field};

class MountTest final : public Care {
 public:
  MountTest() : Care({.name = "mountTest", .work = wire::Agreed::kMountTest, .changes = true}) {}

  [[nodiscard]] std::span<const SpecField> fields() const override { return fields_of_test; }
  Verdict check(rest::RolloutSpec&, const MeshState&) const override { return std::nullopt; }
  [[nodiscard]] std::unique_ptr<Planning> plan(const PlanInput& input) const override {
    return std::make_unique<CarePlanning>(input, [](const rest::RolloutSpec& spec, wire::Agreed& agreed) {
      agreed.mutable_mount_test()->set_in_use(spec.mount_test().in_use());
    });
  }
  [[nodiscard]] std::string again(const wire::Agreed& agreed) const override {
    return commands::doctor(agreed.server(), "--mount-test");
  }
};

const Deed* deed_of(const rest::RolloutSpec& spec) {
  const auto* found =
      std::ranges::find_if(deeds, [&](const Deed& one) { return one.word == spec.bmc().deed(); });
  return found == deeds.end() ? nullptr : found;
}

constexpr std::array fields_of_bmc = {
    SpecField{"spec.bmc", [](const rest::RolloutSpec& spec) { return spec.has_bmc(); }}, failed_field};

class BmcCare final : public Care {
 public:
  BmcCare() : Care({.name = "bmc", .work = wire::Agreed::kHousekeeping, .changes = true}) {}

  [[nodiscard]] std::span<const SpecField> fields() const override { return fields_of_bmc; }
  Verdict check(rest::RolloutSpec& spec, const MeshState&) const override {
    if (auto bad = rules::required("spec.bmc.deed", !spec.bmc().deed().empty())) return bad;
    if (deed_of(spec) != nullptr) return std::nullopt;
    std::string known;
    for (const Deed& one : deeds) known += (known.empty() ? "" : ", ") + std::string(one.word);
    return rules::refusal(ErrorKind::invalid, "spec.bmc.deed",
                          "\"" + spec.bmc().deed().substr(0, 80) + "\" is none of: " + known);
  }
  [[nodiscard]] std::unique_ptr<Planning> plan(const PlanInput& input) const override {
    return std::make_unique<CarePlanning>(input, [](const rest::RolloutSpec& spec, wire::Agreed& agreed) {
      agreed.mutable_housekeeping()->set_deed(deed_of(spec)->deed);
      agreed.mutable_housekeeping()->set_all(spec.bmc().all());
    });
  }
  [[nodiscard]] std::string again(const wire::Agreed& agreed) const override {
    const auto* deed = std::ranges::find(deeds, agreed.housekeeping().deed(), &Deed::deed);
    return commands::bmc(deed == deeds.end() ? "eject" : deed->command, agreed.server());
  }
};

}  // namespace

const Action& mount_test_action() {
  static const MountTest action;
  return action;
}

const Action& bmc_action() {
  static const BmcCare action;
  return action;
}

}  // namespace metalmesh::controller
