// What stands in the way of an install: a reading of all that a BMC tells, which changes nothing. What is found is the
// result, not a failure.
#include <array>

#include "common/base/command_words.h"
#include "controller/core/actions/action.h"
#include "controller/core/actions/grounds.h"

namespace metalmesh::controller {
namespace {

constexpr std::array own_fields = {failed_field};

constexpr std::array against_it = {
    Rule<Candidate>{"EXCLUDED", grounds::excluded_by_name},
    Rule<Candidate>{"RETIRED", grounds::retired},
    Rule<Candidate>{"SITE_UNKNOWN", grounds::site_unknown},
    Rule<Candidate>{"BMC_NOT_ALLOWED", grounds::bmc_not_allowed},
};

class DoctorPlanning final : public Planning {
 public:
  explicit DoctorPlanning(const PlanInput& input) : input_(input) {}
  [[nodiscard]] std::optional<Exclusion> exclusion_of(const rest::Server& server) const override {
    return first_of(against_it, Candidate{input_, server});
  }
  void agree(const rest::Server&, wire::Agreed& agreed) const override { agreed.mutable_doctor(); }

 private:
  const PlanInput& input_;
};

class Doctor final : public Action {
 public:
  Doctor() : Action({.name = "doctor", .work = wire::Agreed::kDoctor, .changes = false}) {}

  [[nodiscard]] std::span<const SpecField> fields() const override { return own_fields; }
  rules::Verdict check(rest::RolloutSpec&, const MeshState&) const override { return std::nullopt; }
  [[nodiscard]] std::unique_ptr<Planning> plan(const PlanInput& input) const override {
    return std::make_unique<DoctorPlanning>(input);
  }
  [[nodiscard]] std::vector<Threshold> thresholds(const rest::RolloutStop& stop,
                                                  const EndTally& tally) const override {
    return failures_alike(stop, tally);
  }
  [[nodiscard]] std::string again(const wire::Agreed& agreed) const override {
    return commands::doctor(agreed.server());
  }
};

}  // namespace

const Action& doctor_action() {
  static const Doctor action;
  return action;
}

}  // namespace metalmesh::controller
