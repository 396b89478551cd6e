// A node of the simulation whose core does what the test says and remembers what happened: how the suites reach the
// simulated ports, which have no other owner.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/turn/decision_core.h"
#include "tests/sim/sim_node.h"

namespace metalmesh::contract {

class PuppetNode {
 public:
  struct Seen {
    Input input;
    MonoTime at;  // by the node's clock
  };

  explicit PuppetNode(sim::EventQueue& events, sim::Surroundings around = {}) : events_(events) {
    if (!around.came_up) around.came_up = [](const auto&) {};
    if (!around.went_down) around.went_down = [] {};
    around.durable = [](const Batch&) {};
    around.log_line = [](std::string_view) {};
    node_ = std::make_unique<sim::SimNode>(
        "node", events_, trace_, swarm_, Random(3),
        [this](const RowReader&, Entropy&) { return std::make_unique<Core>(*this); }, std::move(around));
    node_->set_healthy();
    node_->start();
    pass(std::chrono::seconds(1));
  }

  void tell(Effect order) {
    orders_.push_back(std::move(order));
    node_->deliver(DiskLevel{});
    pass(std::chrono::milliseconds(10));
  }
  /// The process ends, and comes back.
  void restart() {
    node_->crash("restarts");
    wait([this] { return node_->alive(); });
    pass(std::chrono::milliseconds(10));
  }
  /// It ends and stays away, until `revive`, which forgets what was seen before.
  void stop() { node_->stop(); }
  void revive() {
    seen_.clear();
    node_->revive();
    pass(std::chrono::milliseconds(20));
  }
  void pass(Duration time) {
    bool over = false;
    events_.after(time, [&over] { over = true; });
    while (!over) events_.run_one(MonoTime::max());
  }
  /// Lets time go by until `done`; false when it does not come to that within minutes.
  bool wait(const std::function<bool()>& done) {
    const MonoTime last = events_.now() + std::chrono::minutes(5);
    while (!done() && events_.run_one(last)) {
    }
    return done();
  }
  [[nodiscard]] MonoTime now() const { return node_->now().mono; }
  [[nodiscard]] const std::vector<Seen>& seen() const { return seen_; }
  [[nodiscard]] std::vector<Input> inputs() const {
    std::vector<Input> all;
    for (const Seen& one : seen_) all.push_back(one.input);
    return all;
  }
  /// What the core does at once when something happens.
  std::function<std::vector<Effect>(const Input&)> reacts = [](const Input&) {
    return std::vector<Effect>();
  };

 private:
  class Core final : public DecisionCore {
   public:
    explicit Core(PuppetNode& owner) : owner_(owner) {}
    Outcome handle(const Input& input, const Now& now) override {
      owner_.seen_.push_back({input, now.mono});
      Outcome out;
      out.effects = std::exchange(owner_.orders_, {});
      for (Effect& effect : owner_.reacts(input)) out.effects.push_back(std::move(effect));
      return out;
    }

   private:
    PuppetNode& owner_;
  };

  sim::EventQueue& events_;
  sim::Trace trace_{false};
  sim::Swarm swarm_;
  std::vector<Effect> orders_;
  std::vector<Seen> seen_;
  std::unique_ptr<sim::SimNode> node_;
};

}  // namespace metalmesh::contract
