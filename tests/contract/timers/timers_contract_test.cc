// The timers suite on the real event loop, and on a node of the simulation with its own monotone clock.
#include "tests/contract/timers/timers_contract.h"

#include <ctime>
#include <thread>

#include "common/adapters/asio_timers.h"
#include "tests/contract/support/collecting_sink.h"
#include "tests/sim/sim_node.h"

namespace metalmesh::contract {
namespace {

class AsioWorld final : public TimersWorld {
 public:
  [[nodiscard]] MonoTime now() const override {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return MonoTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
  }
  void arm(TimerArm timer) override { timers_.arm(std::move(timer)); }
  void disarm(TimerDisarm timer) override { timers_.disarm(std::move(timer)); }
  [[nodiscard]] std::vector<Fired> fired() const override { return fired_; }
  void pass(Duration time) override {
    const MonoTime until = now() + time;
    while (now() < until) {
      std::this_thread::sleep_for(2ms);
      const auto all = sink_.all();
      for (; taken_ < all.size(); ++taken_) {
        if (const auto* timer = std::get_if<TimerFired>(&all[taken_]))
          fired_.push_back({timer->token, now()});
      }
    }
  }

 private:
  adapters::AsioRuntime runtime_;
  CollectingSink sink_;
  adapters::AsioTimers timers_{runtime_, sink_};
  std::size_t taken_ = 0;
  std::vector<Fired> fired_;
};

/// Does what it is told, and remembers what fired.
class PuppetCore final : public DecisionCore {
 public:
  PuppetCore(std::vector<Effect>& orders, std::vector<TimersWorld::Fired>& fired)
      : orders_(orders), fired_(fired) {}
  Outcome handle(const Input& input, const Now& now) override {
    Outcome out;
    if (const auto* timer = std::get_if<TimerFired>(&input)) fired_.push_back({timer->token, now.mono});
    for (Effect& order : orders_) out.effects.push_back(std::move(order));
    orders_.clear();
    return out;
  }

 private:
  std::vector<Effect>& orders_;
  std::vector<TimersWorld::Fired>& fired_;
};

class SimulatedWorld final : public TimersWorld {
 public:
  SimulatedWorld() {
    sim::Surroundings around;
    around.came_up = [](const auto&) {};
    around.went_down = [] {};
    around.durable = [](const Batch&) {};
    around.log_line = [](std::string_view) {};
    node_ = std::make_unique<sim::SimNode>(
        "node", events_, trace_, swarm_, Random(3),
        [this](const RowReader&, Entropy&) { return std::make_unique<PuppetCore>(orders_, fired_); },
        std::move(around));
    node_->set_healthy();
    node_->start();
    pass(1s);
  }
  [[nodiscard]] MonoTime now() const override { return node_->now().mono; }
  void arm(TimerArm timer) override { tell(std::move(timer)); }
  void disarm(TimerDisarm timer) override { tell(std::move(timer)); }
  [[nodiscard]] std::vector<Fired> fired() const override { return fired_; }
  void pass(Duration time) override {
    bool over = false;
    events_.after(time, [&over] { over = true; });
    while (!over) events_.run_one(MonoTime::max());
  }

 private:
  void tell(Effect order) {
    orders_.push_back(std::move(order));
    node_->deliver(DiskLevel{});
    pass(10ms);
  }

  sim::EventQueue events_;
  sim::Trace trace_{false};
  sim::Swarm swarm_;
  std::vector<Effect> orders_;
  std::vector<Fired> fired_;
  std::unique_ptr<sim::SimNode> node_;
};

INSTANTIATE_TEST_SUITE_P(
    Timers, TimersContract,
    testing::Values(TimersWorldKind{"asio", [] { return std::make_unique<AsioWorld>(); }},
                    TimersWorldKind{"simulated", [] { return std::make_unique<SimulatedWorld>(); }}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace metalmesh::contract
