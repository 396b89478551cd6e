// What a person was granted holds, whatever becomes of the controller's store: after an abort nothing is
// wiped that was still to be handed out; what is protected, or was told installed, is not wiped by an order
// that came later, until somebody unprotects or releases it, or says of that very install that it failed.
// Of an abort that no site was told of before the store was put back nobody knows but her.
#include <map>

#include "controller/state/tables.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

constexpr Duration recall_time = std::chrono::minutes(2);

using controller::ProtectServer;
using controller::StopRollout;

class AnswersHold final : public Invariant {
 public:
  explicit AnswersHold(Court& court) : Invariant("answers_hold", court) {}

  void on_granted(const Granted& granted) override {
    const auto& body = granted.request.body;
    if (const auto* abort = std::get_if<StopRollout>(&body)) return aborted(abort->rollout);
    if (const auto* resolve = std::get_if<controller::ResolveDeployment>(&body)) {
      called_back_.try_emplace(resolve->id, court_.events.now());
      if (resolve->as != "succeeded") given_up(resolve->id);
    }
    if (const auto* release = std::get_if<controller::ReleaseServer>(&body)) shielded_.erase(release->server);
    if (const auto* protect = std::get_if<ProtectServer>(&body)) {
      if (protect->protect) {
        for (const auto& [id, deployment] : facts_.deployments) {
          // What writes already, or may begin to at any moment because it is launched, is too late to be called
          // back, and is told so.
          const bool too_late = begun_.contains(id) || facts_.launched.contains(id);
          if (deployment.server() == protect->server && ordered_.contains(id) && !too_late)
            called_back_.try_emplace(id, court_.events.now());
        }
        shielded_.try_emplace(protect->server, Shield{court_.events.now(), {}}).first->second.told_of.clear();
      } else {
        shielded_.erase(protect->server);
      }
    }
  }
  // A restored controller may know neither what was said nor whom to call back.
  void on_controller_restored() override { called_back_.clear(); }
  void on_controller_rows(const Batch& batch) override {
    for (const RowWrite& row : batch) {
      if (row.value && row.key.starts_with(controller::tables::fences))
        fenced_.insert(row.key.substr(controller::tables::fences.size()));
    }
    for (const DeploymentMove& move : facts_.moves) {
      const std::string& server = move.now->server();
      const auto shielded = shielded_.find(server);
      // The same answer was taken back: the site told better.
      if (move.from == "SUCCEEDED" && shielded != shielded_.end() &&
          shielded->second.told_of == move.now->id())
        shielded_.erase(shielded);
      if (move.now->state() == "SUCCEEDED" && facts_.said[move.now->id()].server == server &&
          facts_.installs(move.now->id()))
        shielded_.try_emplace(server, Shield{court_.events.now(), move.now->id()});
    }
  }
  void on_order(const wire::Command&, const orders::Parts& order) override {
    if (is_recalled(order.issue.deployment_id()))
      object("handed out although its rollout was aborted before: " + order.issue.deployment_id());
    ordered_[order.issue.deployment_id()] = court_.events.now();
  }
  void on_wipe(const Wipe& wipe) override {
    const std::string& id = wipe.install.deployment;
    if (is_recalled(id)) object("wiped although its rollout was aborted before it was handed out: " + id);
    const auto called_back = called_back_.find(id);
    if (called_back != called_back_.end() && !fenced_.contains(id) &&
        court_.events.now() - called_back->second > recall_time)
      object(
          "wiped long after a person gave it up or protected its server, and nobody tried to call it back: " +
          id);
    begun_.insert(id);
    const auto said = facts_.said.find(id);
    const auto ordered = ordered_.find(id);
    if (said == facts_.said.end() || ordered == ordered_.end()) return;
    const auto shielded = shielded_.find(said->second.server);
    if (shielded != shielded_.end() && shielded->second.since <= ordered->second)
      object(said->second.server + " was protected, and wiped by an order that came later: " + id);
  }

 private:
  void aborted(const std::string& rollout) {
    for (const auto& [id, deployment] : facts_.deployments) {
      const bool issued = deployment.state() != "PENDING" || ordered_.contains(id);
      if (deployment.rollout() == rollout && !issued)
        recalled_[id] = facts_.remembrance.stamp(court_.events.now());
    }
  }
  bool is_recalled(const std::string& deployment) const {
    const auto recall = recalled_.find(deployment);
    return recall != recalled_.end() && facts_.remembrance.has(recall->second);
  }
  /// She was told that it had succeeded, then (the proof was lost on the way) that it is unclear, and says
  /// herself that it did not: what is there may be installed over.
  void given_up(const std::string& deployment) {
    std::erase_if(shielded_, [&](const auto& one) { return one.second.told_of == deployment; });
  }
  struct Shield {
    MonoTime since;
    std::string told_of;  // the deployment that was told to have succeeded; empty: a person protects it
  };

  std::map<std::string, MonoTime>
      called_back_;                        // deployments that a person resolved, or whose server she protects
  std::set<std::string> begun_;            // deployments whose installer wrote
  std::set<std::string> fenced_;           // deployments that the controller wants called back, or sees ended
  std::map<std::string, Stamp> recalled_;  // deployments of aborted rollouts that nobody had handed out
  std::map<std::string, MonoTime> ordered_;  // by deployment: published for the first time
  std::map<std::string, Shield> shielded_;   // by server
};

}  // namespace

std::unique_ptr<Invariant> answers_hold(Court& court) { return std::make_unique<AnswersHold>(court); }

}  // namespace metalmesh::sim
