// Who a machine is and how it stands, read anew: changes nothing, so that nothing is against it but that nobody could
// answer.
#include <array>

#include "common/base/command_words.h"
#include "controller/core/actions/action.h"
#include "controller/core/actions/grounds.h"

namespace metalmesh::controller {
namespace {

constexpr std::array own_fields = {
    SpecField{"spec.capture", [](const rest::RolloutSpec& spec) { return spec.capture(); }},
    SpecField{"spec.screen", [](const rest::RolloutSpec& spec) { return spec.screen(); }}, failed_field};

constexpr std::array against_it = {
    Rule<Candidate>{"EXCLUDED", grounds::excluded_by_name},
    Rule<Candidate>{"RETIRED", grounds::retired},
    Rule<Candidate>{"SITE_UNKNOWN", grounds::site_unknown},
    Rule<Candidate>{"BMC_NOT_ALLOWED", grounds::bmc_not_allowed},
};

class InspectPlanning final : public Planning {
 public:
  explicit InspectPlanning(const PlanInput& input) : input_(input) {}
  [[nodiscard]] std::optional<Exclusion> exclusion_of(const rest::Server& server) const override {
    return first_of(against_it, Candidate{input_, server});
  }
  void agree(const rest::Server&, wire::Agreed& agreed) const override {
    agreed.mutable_inspect()->set_capture(input_.spec.capture());
    agreed.mutable_inspect()->set_screen(input_.spec.screen());
  }

 private:
  const PlanInput& input_;
};

class Inspect final : public Action {
 public:
  Inspect() : Action({.name = "inspect", .work = wire::Agreed::kInspect, .changes = false}) {}

  [[nodiscard]] std::span<const SpecField> fields() const override { return own_fields; }
  rules::Verdict check(rest::RolloutSpec& spec, const MeshState&) const override {
    if (!spec.capture() || !spec.screen()) return std::nullopt;
    return rules::refusal(ErrorKind::invalid, "spec.screen", "either this or spec.capture");
  }
  [[nodiscard]] std::unique_ptr<Planning> plan(const PlanInput& input) const override {
    return std::make_unique<InspectPlanning>(input);
  }
  [[nodiscard]] std::vector<Threshold> thresholds(const rest::RolloutStop& stop,
                                                  const EndTally& tally) const override {
    return failures_alike(stop, tally);
  }
  [[nodiscard]] std::string again(const wire::Agreed& agreed) const override {
    return agreed.inspect().screen() ? commands::bmc("screen", agreed.server(), "FILE")
                                     : commands::inspect(agreed.server());
  }
};

}  // namespace

const Action& inspect_action() {
  static const Inspect action;
  return action;
}

}  // namespace metalmesh::controller
