// Beyond the thirteen: of two controllers with one identity an agent follows one. It leaves the one that it heard
// moments ago only for its own next life, or for one that a person chose, which has a higher epoch; and a controller
// that is told by a site, again and again, that another one is followed there hands it no orders.
#include <algorithm>
#include <chrono>
#include <map>
#include <string>

#include "agents/core/row_keys.h"
#include "schemas/record/agent.pb.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

/// Less than the product's own times, and more than a round trip.
constexpr Duration moments = std::chrono::seconds(60);

class OneController final : public Invariant {
 public:
  explicit OneController(Court& court) : Invariant("one_controller", court) {}

  void on_second_frame(const Frame& frame) override { hear(frame); }
  void on_frame(const Frame& frame) override {
    hear(frame);
    if (frame.by_controller && frame.welcome != nullptr) first_ = frame.welcome->instance();
    if (frame.by_controller || frame.hello == nullptr || first_.empty()) return;
    const std::string site(frame.site);
    const std::string& followed = frame.hello->controller_instance();
    const bool anothers = seconds_.contains(followed) && frame.hello->controller_lives();
    if (!anothers) {
      told_since_.erase(site);
    } else {
      told_since_.try_emplace(site, court_.events.now());
    }
  }
  void on_order(const wire::Command&, const orders::Parts& order) override {
    const auto said = facts_.said.find(order.issue.deployment_id());
    if (said == facts_.said.end()) return;
    const auto since = told_since_.find(said->second.site);
    if (since == told_since_.end() || court_.events.now() - since->second < moments) return;
    object("handed out to " + said->second.site +
           ", which follows another controller and says so: " + said->first);
  }
  void on_controller_restored() override { told_since_.clear(); }

  void on_agent_rows(const std::string& node, const Batch& batch) override {
    for (const RowWrite& row : batch) {
      record::LinkState link;
      if (row.key != agent::rows::link || !row.value || !link.ParseFromString(*row.value)) continue;
      std::string& followed = followed_[node];
      if (followed != link.controller_instance()) leave(node, followed, link.controller_instance());
      followed = link.controller_instance();
      epoch_[node] = std::max<std::uint64_t>(epoch_[node], link.controller_epoch());
    }
  }
  void on_link_lost(const std::string& node) override { on_store_changed(node); }
  void on_store_changed(const std::string& node) override {
    followed_.erase(node);
    epoch_.erase(node);
    past_.erase(node);
  }

 private:
  struct Life {
    std::set<std::string> predecessors;
    std::map<std::string, MonoTime> welcomed;         // by site
    std::map<std::string, std::uint64_t> epoch_told;  // by site
  };
  void hear(const Frame& frame) {
    if (frame.welcome == nullptr || frame.welcome->instance().empty()) return;
    Life& life = lives_[frame.welcome->instance()];
    life.epoch_told[std::string(frame.site)] = frame.welcome->controller_epoch();
    life.predecessors = {frame.welcome->predecessors().begin(), frame.welcome->predecessors().end()};
    life.welcomed[std::string(frame.site)] = court_.events.now();
    if (frame.node != "controller") seconds_.insert(frame.welcome->instance());
  }
  void leave(const std::string& node, const std::string& from, const std::string& to) {
    std::set<std::string>& past = past_[node];
    Life& next = lives_[to];
    const Life& last = lives_[from];
    const std::string& site = facts_.agents[node].site;
    const auto heard = last.welcomed.find(site);
    const bool lived = heard != last.welcomed.end() && court_.events.now() - heard->second < moments;
    const bool its_next_life = next.predecessors.contains(from) && !past.contains(to);
    if (lived && !its_next_life && next.epoch_told[site] <= epoch_[node])
      object(node + " left the controller that it had heard moments ago for another one with its identity");
    past.insert(from);
  }

  std::string first_;                                  // the instance of the controller that people know
  std::set<std::string> seconds_;                      // instances of the other one
  std::map<std::string, Life> lives_;                  // by instance
  std::map<std::string, MonoTime> told_since_;         // by site
  std::map<std::string, std::string> followed_;        // by agent
  std::map<std::string, std::uint64_t> epoch_;         // the highest that the agent knows
  std::map<std::string, std::set<std::string>> past_;  // by agent
};

}  // namespace

std::unique_ptr<Invariant> one_controller(Court& court) { return std::make_unique<OneController>(court); }

}  // namespace metalmesh::sim
