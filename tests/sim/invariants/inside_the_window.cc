// I3: nothing is armed or launched later after a person started the rollout than she allowed, by true elapsed
// time, whatever became of whose clock; nothing expires before that by a clock that nobody had time to
// believe; nothing is armed before its window. What the controller believed of the time its next life believes.
#include <optional>

#include "common/ports/wire_time.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

// What clocks that agree may differ by.
constexpr Duration clock_slack = std::chrono::seconds(5);

class InsideTheWindow final : public Invariant {
 public:
  explicit InsideTheWindow(Court& court) : Invariant("inside_the_window", court) {}

  void on_controller_rows(const Batch& batch) override {
    for (const RowWrite& row : batch) {  // in the same batch as what it ends, and before it is logged
      if (row.value && row.value->find("is believed from now on") != std::string::npos) {
        believed_anew_ = true;
        believed_after_ = clock_steps();
      }
      if (row.value && row.value->find("of what its monotone clock expects") != std::string::npos &&
          believed_after_ == clock_steps())
        object("a time that was believed is doubted again, although nobody set the clock since");
    }
    for (const DeploymentMove& move : facts_.moves) {
      if (!move.from.empty() && move.now->fault().code() == wire::ORDER_EXPIRED) expired(move.now->id());
      const auto rollout = facts_.rollouts.find(move.now->rollout());
      if (!move.from.empty() || rollout == facts_.rollouts.end()) continue;
      const rest::RolloutSpec& spec = rollout->second.spec();
      const MonoTime start_by = court_.events.now() + from_wire(spec.start_within());
      // What was handed out ends with its window (windows_hold).
      const MonoTime expires = spec.windows().empty() ? start_by : court_.events.now();
      bounds_.try_emplace(move.now->id(), Bounds{move.now->rollout(), start_by,
                                                 start_by + from_wire(spec.launch_within()), expires});
    }
    for (const auto& [name, rollout] : facts_.rollouts)
      note_later(name, from_wire(rollout.spec().start_within()));
  }

  /// What it had believed then is not what it believes now.
  void on_controller_restored() override { believed_after_.reset(); }

  void on_told(const Told& told) override {
    const wire::Event& event = told.event;
    if (event.has_clock_doubted() && !event.clock_doubted().over()) mark("a site doubted the time");
    const orders::Parts* order = facts_.order(event.deployment_id(), event.generation());
    const auto bounds = bounds_.find(event.deployment_id());
    if (order == nullptr || bounds == bounds_.end()) return;
    const MonoTime latest = court_.events.now() - clock_slack - facts_.unknown_gap;
    if (event.has_armed() && court_.events.wall() + clock_slack < from_wire(order->issue.not_before()))
      object("armed before not_before: " + event.deployment_id());
    if (event.has_armed() && latest > bounds->second.start_by)
      object("armed after start_by: " + event.deployment_id());
    if (event.has_launched() && latest > bounds->second.launch_by)
      object("launched after launch_by: " + event.deployment_id());
    if (event.ended().fault().code() == wire::ORDER_EXPIRED) expired(event.deployment_id());
  }

  void on_log_line(const std::string& node, std::string_view line) override {
    if (node != "controller") return;
    if (line.find("clock agrees again") != line.npos) mark("the controller's doubted clock agreed again");
    if (line.find("is believed from now on") != line.npos)
      mark("the controller's clock was set and believed");
  }

 private:
  [[nodiscard]] std::uint64_t clock_steps() const {
    return court_.marks.count("the controller's clock stepped") +
           court_.marks.count("the controller's clock stepped back");
  }

  /// Once a clock that was set is believed, whether rightly or not, orders go by it.
  void expired(const std::string& deployment) {
    const auto bounds = bounds_.find(deployment);
    if (bounds == bounds_.end() || believed_anew_ || facts_.unknown_gap != Duration::zero()) return;
    if (court_.events.now() + clock_slack < bounds->second.expires)
      object("expired before start_by by a clock that had just been set: " + deployment);
  }

  /// A person set another time until which servers may start: those that wait go by it, the others by the old one.
  void note_later(const std::string& rollout, Duration within) {
    const auto [known, first] = within_.try_emplace(rollout, within);
    const Duration by = within - known->second;
    if (first || by == Duration::zero()) return;
    known->second = within;
    for (auto& [id, bounds] : bounds_) {
      if (bounds.rollout != rollout) continue;
      if (by > Duration::zero()) {
        bounds.start_by += by;
        bounds.launch_by += by;
      } else {
        bounds.expires += by;
      }
    }
  }

  struct Bounds {
    std::string rollout;
    MonoTime start_by;
    MonoTime launch_by;
    MonoTime expires;  // not before that
  };
  std::map<std::string, Duration> within_;  // by rollout, as it was said last
  std::map<std::string, Bounds> bounds_;    // by deployment, in true elapsed time
  bool believed_anew_ = false;
  std::optional<std::uint64_t> believed_after_;  // so many steps of the controller's clock
};

}  // namespace

std::unique_ptr<Invariant> inside_the_window(Court& court) {
  return std::make_unique<InsideTheWindow>(court);
}

}  // namespace metalmesh::sim
