// What a person was granted holds, whatever becomes of the controller's store: after an abort nothing is
// wiped that was still to be handed out; what is protected, or was told installed, is not wiped by an order
// that came later, until somebody unprotects it.
#include <map>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

using controller::AbortRollout;
using controller::ProtectServer;

class AnswersHold final : public Invariant {
 public:
  explicit AnswersHold(Court& court) : Invariant("answers_hold", court) {}

  void on_granted(const Granted& granted) override {
    const auto& body = granted.request.body;
    if (const auto* abort = std::get_if<AbortRollout>(&body)) return aborted(abort->rollout);
    if (const auto* protect = std::get_if<ProtectServer>(&body)) {
      if (protect->protect) {
        shield(protect->server);
      } else {
        shielded_.erase(protect->server);
      }
    }
  }
  void on_controller_rows(const Batch&) override {
    for (const DeploymentMove& move : facts_.moves) {
      if (move.now->state() == "SUCCEEDED" && facts_.said[move.now->id()].server == move.now->server())
        shield(move.now->server());
    }
  }
  void on_order(const wire::Command& command) override {
    const wire::StartInstall& order = command.start_install();
    if (recalled_.contains(order.deployment_id()))
      object("handed out although its rollout was aborted before: " + order.deployment_id());
    ordered_[order.deployment_id()] = court_.events.now();
  }
  void on_wipe(const Wipe& wipe) override {
    const std::string& id = wipe.install.deployment;
    if (recalled_.contains(id)) object("wiped although its rollout was aborted before it was handed out: " + id);
    const auto said = facts_.said.find(id);
    const auto ordered = ordered_.find(id);
    if (said == facts_.said.end() || ordered == ordered_.end()) return;
    const auto shielded = shielded_.find(said->second.server);
    if (shielded != shielded_.end() && shielded->second <= ordered->second)
      object(said->second.server + " was protected, and wiped by an order that came later: " + id);
  }

 private:
  void aborted(const std::string& rollout) {
    for (const auto& [id, deployment] : facts_.deployments) {
      const bool issued = deployment.generation() != 0 || ordered_.contains(id);
      if (deployment.rollout() == rollout && !issued) recalled_.insert(id);
    }
  }
  void shield(const std::string& server) { shielded_.try_emplace(server, court_.events.now()); }

  std::set<std::string> recalled_;             // deployments of aborted rollouts that nobody had handed out
  std::map<std::string, MonoTime> ordered_;    // by deployment: published for the first time
  std::map<std::string, MonoTime> shielded_;   // by server: since when
};

}  // namespace

std::unique_ptr<Invariant> answers_hold(Court& court) { return std::make_unique<AnswersHold>(court); }

}  // namespace metalmesh::sim
