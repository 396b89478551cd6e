// The timers suite on the real event loop, and on a node of the simulation with its own monotone clock.
#include "tests/contract/timers/timers_contract.h"

#include <map>
#include <thread>

#include "common/adapters/asio_timers.h"
#include "common/os/clocks.h"
#include "tests/contract/support/collecting_sink.h"
#include "tests/contract/support/puppet_node.h"

namespace metalmesh::contract {
namespace {

class AsioWorld final : public TimersWorld {
 public:
  [[nodiscard]] MonoTime now() const override { return os::boot_time(); }
  void arm(TimerArm timer) override { timers_->arm(std::move(timer)); }
  void disarm(TimerDisarm timer) override { timers_->disarm(std::move(timer)); }
  void when(const std::string& token, Order order) override {
    orders_.insert_or_assign(token, std::move(order));
  }
  [[nodiscard]] std::vector<Fired> fired() const override { return fired_; }
  void restart() override {
    timers_.reset();
    timers_ = std::make_unique<adapters::AsioTimers>(runtime_, sink_);
  }
  void pass(Duration time) override {
    const MonoTime until = now() + time;
    while (now() < until) {
      std::this_thread::sleep_for(2ms);
      const auto all = sink_.all();
      for (; taken_ < all.size(); ++taken_) take(std::get<TimerFired>(all[taken_]).token);
    }
  }

 private:
  void take(const std::string& token) {
    fired_.push_back({token, now()});
    const auto order = orders_.find(token);
    if (order == orders_.end()) return;
    if (const auto* timer = std::get_if<TimerArm>(&order->second)) timers_->arm(*timer);
    if (const auto* timer = std::get_if<TimerDisarm>(&order->second)) timers_->disarm(*timer);
  }

  adapters::AsioRuntime runtime_;
  CollectingSink sink_;
  std::unique_ptr<adapters::AsioTimers> timers_ = std::make_unique<adapters::AsioTimers>(runtime_, sink_);
  std::map<std::string, Order> orders_;
  std::size_t taken_ = 0;
  std::vector<Fired> fired_;
};

class SimulatedWorld final : public TimersWorld {
 public:
  SimulatedWorld() {
    node_.reacts = [this](const Input& input) -> std::vector<Effect> {
      const auto* timer = std::get_if<TimerFired>(&input);
      const auto order = timer != nullptr ? orders_.find(timer->token) : orders_.end();
      if (order == orders_.end()) return {};
      return {std::visit([](const auto& effect) { return Effect(effect); }, order->second)};
    };
  }
  [[nodiscard]] MonoTime now() const override { return node_.now(); }
  void arm(TimerArm timer) override { node_.tell(std::move(timer)); }
  void disarm(TimerDisarm timer) override { node_.tell(std::move(timer)); }
  void when(const std::string& token, Order order) override {
    orders_.insert_or_assign(token, std::move(order));
  }
  [[nodiscard]] std::vector<Fired> fired() const override {
    std::vector<Fired> fired;
    for (const auto& one : node_.seen()) {
      if (const auto* timer = std::get_if<TimerFired>(&one.input)) fired.push_back({timer->token, one.at});
    }
    return fired;
  }
  void restart() override { node_.restart(); }
  void pass(Duration time) override { node_.pass(time); }

 private:
  sim::EventQueue events_;
  PuppetNode node_{events_};
  std::map<std::string, Order> orders_;
};

INSTANTIATE_TEST_SUITE_P(
    Timers, TimersContract,
    testing::Values(TimersWorldKind{"asio", [] { return std::make_unique<AsioWorld>(); }},
                    TimersWorldKind{"simulated", [] { return std::make_unique<SimulatedWorld>(); }}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace metalmesh::contract
