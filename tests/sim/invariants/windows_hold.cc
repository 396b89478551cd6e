// Beyond the thirteen: nothing is handed out, and nothing is armed, while the clocks on the walls of its windows' zones show a time
// outside of them, by the true time and by this judge's own reading of the windows. What was handed out in one may end with it.
#include <algorithm>

#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/sim_zones.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

// What clocks that agree may differ by.
constexpr Duration shown_slack = 5s;

Duration minutes_in(const std::string& text) {
  const auto number = [&](std::size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  return std::chrono::hours(number(0)) + std::chrono::minutes(number(3));
}

bool is_inside(const rest::RolloutSpec& spec, WallTime when) {
  return std::ranges::any_of(spec.windows(), [&](const rest::StartWindow& window) {
    const Duration time = local_time_in(window.time_zone(), when) % 24h;
    const Duration from = minutes_in(window.from());
    const Duration to = minutes_in(window.to());
    return from < to ? time >= from && time < to : time >= from || time < to;
  });
}

class WindowsHold final : public Invariant {
 public:
  explicit WindowsHold(Court& court) : Invariant("windows_hold", court) {}

  void on_controller_rows(const Batch&) override {
    for (const DeploymentMove& move : facts_.moves) {
      if (move.from == "PENDING" && move.to == "ISSUED")
        judge(move.now->rollout(), "handed out: " + move.now->id());
    }
    for (const auto& [name, rollout] : facts_.rollouts) {
      if (rollout.status().waits().starts_with("the window of")) mark("a rollout waited for its window");
    }
  }

  void on_told(const Told& told) override {
    const auto known = facts_.deployments.find(told.event.deployment_id());
    if (told.event.has_armed() && known != facts_.deployments.end())
      judge(known->second.rollout(), "armed: " + known->first);
  }

 private:
  void judge(const std::string& name, const std::string& what) {
    const auto found = facts_.rollouts.find(name);
    if (found == facts_.rollouts.end() || found->second.spec().windows().empty()) return;
    const bool was_set = court_.marks.count("the controller's clock stepped") +
                             court_.marks.count("the controller's clock stepped back") >
                         0;
    if (was_set || facts_.unknown_gap != Duration::zero()) return;
    mark("a server was started in a window");
    const WallTime now = court_.events.wall();
    for (const Duration by : {-shown_slack, Duration(), shown_slack}) {
      if (is_inside(found->second.spec(), now + by)) return;
    }
    object("outside of its windows " + what);
  }
};

}  // namespace

std::unique_ptr<Invariant> windows_hold(Court& court) { return std::make_unique<WindowsHold>(court); }

}  // namespace metalmesh::sim
