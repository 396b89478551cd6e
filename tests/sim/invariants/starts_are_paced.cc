// Beyond the thirteen: of what may write disks no more is handed out within an hour than the ceilings of the site and of who
// started it allow, whatever she starts and however often the controller dies; and when three installs of one person and
// profile failed behind the wipe beside others of the same, no more of it is.
#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

/// An hour by the controller's clock, which may be a little ahead.
constexpr Duration nearly_an_hour = std::chrono::minutes(59);

class StartsArePaced final : public Invariant {
 public:
  explicit StartsArePaced(Court& court) : Invariant("starts_are_paced", court) {}

  void on_controller_rows(const Batch&) override {
    for (const DeploymentMove& move : facts_.moves) {
      if (move.from == "PENDING" && move.to == "ISSUED") judge(*move.now);
    }
    // What failed in this batch may have been handed out beside before that was known.
    for (const DeploymentMove& move : facts_.moves) note_failure(*move.now);
    under_way_.clear();
    for (const auto& [name, rollout] : facts_.rollouts) {
      if (is_under_way(rollout)) under_way_.insert(name);
    }
  }
  void on_controller_restored() override {
    starts_.clear();
    failures_.clear();
  }

 private:
  using Times = std::deque<MonoTime>;

  static bool is_under_way(const rest::Rollout& rollout) {
    const std::string& state = rollout.status().state();
    return !state.empty() && state != "draft" && state != "planned" && state != "done";
  }
  [[nodiscard]] const rest::Rollout* rollout_of(const rest::Deployment& deployment) const {
    const auto found = facts_.rollouts.find(deployment.rollout());
    return found == facts_.rollouts.end() ? nullptr : &found->second;
  }
  static std::string what_of(const rest::Rollout& rollout) {
    return rollout.status().started_by() + " " + rollout.status().plan().profile();
  }
  [[nodiscard]] std::size_t recent(Times& times) const {
    while (!times.empty() && court_.events.now() - times.front() > nearly_an_hour) times.pop_front();
    return times.size();
  }
  void count(const std::string& whose, std::uint32_t most) {
    Times& times = starts_[whose];
    times.push_back(court_.events.now());
    const std::size_t within = recent(times);
    if (within == most) mark("starts came to a ceiling");
    if (within > most)
      object(std::to_string(within) + " starts of " + whose + " within an hour, the ceiling is " +
             std::to_string(most));
  }
  void judge(const rest::Deployment& issued) {
    const rest::Rollout* rollout = rollout_of(issued);
    if (rollout == nullptr || (issued.action() != "install" && issued.action() != "bootIso")) return;
    count("site " + issued.site(), facts_.ceilings.per_site);
    count("actor " + rollout->status().started_by(), facts_.ceilings.per_actor);
    if (issued.action() == "install" && recent(failures_[what_of(*rollout)]) >= facts_.ceilings.failures)
      object("handed out although " + std::to_string(facts_.ceilings.failures) +
             " of the same failed behind the wipe: " + issued.id());
  }
  void note_failure(const rest::Deployment& ended) {
    const bool missed =
        ended.state() == "FAILED" || ended.state() == "INDETERMINATE" || ended.state() == "UNPROVEN";
    const rest::Rollout* rollout = rollout_of(ended);
    if (!missed || !ended.launched() || ended.action() != "install" || rollout == nullptr) return;
    // Judged when it comes: what a person says of it later is no other failure.
    if (!counted_.insert(ended.id()).second || !has_company(*rollout)) return;
    Times& times = failures_[what_of(*rollout)];
    times.push_back(court_.events.now());
    if (recent(times) == facts_.ceilings.failures) mark("a burst of failures was stopped");
  }
  /// Before this batch and after it.
  [[nodiscard]] bool has_company(const rest::Rollout& rollout) const {
    return std::ranges::any_of(facts_.rollouts, [&](const auto& one) {
      return one.first != rollout.metadata().name() && is_under_way(one.second) &&
             under_way_.contains(one.first) && what_of(one.second) == what_of(rollout);
    });
  }

  std::map<std::string, Times> starts_;    // by whose
  std::map<std::string, Times> failures_;  // by person and profile
  std::set<std::string> counted_;          // deployments
  std::set<std::string> under_way_;        // rollouts, before the batch
};

}  // namespace

std::unique_ptr<Invariant> starts_are_paced(Court& court) { return std::make_unique<StartsArePaced>(court); }

}  // namespace metalmesh::sim
