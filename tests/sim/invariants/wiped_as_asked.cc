// What was written before, or held a system when we came, is wiped only by a rollout that says "reinstall";
// whom a person meant to spare is spared, however she wrote it; what is written is what its object says; and
// nothing is ordered for a machine of which a person was told that something about it is unclear, until one
// decided.
#include <map>
#include <set>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class WipedAsAsked final : public Invariant {
 public:
  explicit WipedAsAsked(Court& court) : Invariant("wiped_as_asked", court) {}

  void on_controller_rows(const Batch&) override {
    for (const DeploymentMove& move : facts_.moves) {
      if (!facts_.installs(move.now->id())) continue;
      const bool unclear = move.to == "INDETERMINATE" || move.to == "UNPROVEN";
      if (unclear) {
        unclear_[move.now->server()].insert(move.now->id());
      } else {
        unclear_[move.now->server()].erase(move.now->id());
      }
    }
  }
  void on_controller_restored() override { restored_ = true; }
  void on_granted(const Granted& granted) override {
    const auto& body = granted.request.body;
    if (const auto* release = std::get_if<controller::ReleaseServer>(&body)) unclear_.erase(release->server);
    if (const auto* adopt = std::get_if<controller::AdoptServer>(&body)) unclear_.erase(adopt->server);
    if (const auto* resolve = std::get_if<controller::ResolveDeployment>(&body)) {
      for (auto& [server, ids] : unclear_) ids.erase(resolve->id);
    }
  }
  void on_order(const wire::Command&, const orders::Parts& order) override {
    const std::string& server = order.agreed.server();
    const auto unclear = unclear_.find(server);
    if (unclear == unclear_.end() || unclear->second.empty() || restored_ || !order.agreed.has_install())
      return;
    object("ordered for " + server + " although nobody had decided how " + *unclear->second.begin() +
           " ended");
  }
  void on_wipe(const Wipe& wipe) override {
    as_written(wipe);
    const auto& installs = wipe.machine.model->host().installs();
    const bool again = wipe.index > 0 && installs[wipe.index - 1].deployment == wipe.install.deployment;
    const bool held_something = wipe.index > 0 || wipe.machine.model->options().disk_has_os;
    if (again || !held_something) return;
    const auto said = facts_.said.find(wipe.install.deployment);
    if (said == facts_.said.end()) return;
    const auto spec = facts_.specs.find(said->second.rollout);
    if (spec == facts_.specs.end()) return;
    if (!spec->second.reinstall() && wipe.index > 0 &&
        facts_.believed_untouched.contains(installs[wipe.index - 1].deployment))
      return mark("a disk was wiped that the wrong one of two agents had called untouched");
    if (!spec->second.reinstall()) {
      object(wipe.machine.name + " was not empty, and was wiped by a rollout that does not reinstall: " +
             wipe.install.deployment);
    }
    mark("a machine was installed again because somebody asked for it");
  }

 private:
  void as_written(const Wipe& wipe) {
    const auto said = facts_.said.find(wipe.install.deployment);
    if (wipe.order == nullptr || said == facts_.said.end()) return;
    const auto spared = facts_.spared.find(said->second.rollout);
    if (spared != facts_.spared.end() && spared->second.contains(said->second.server))
      object(said->second.server + " was to be spared, and was wiped: " + wipe.install.deployment);
    const auto note = facts_.notes.find(said->second.server);
    if (note == facts_.notes.end() || restored_) return;  // a store that went back forgot edits, too
    for (const wire::Variable& variable : wipe.order->agreed.install().variables()) {
      if (variable.name() == "note" && variable.value() == note->second) return;
    }
    object(said->second.server + " is installed otherwise than its object says: " + wipe.install.deployment);
  }

  std::map<std::string, std::set<std::string>> unclear_;  // by server: deployments
  bool restored_ = false;
};

}  // namespace

std::unique_ptr<Invariant> wiped_as_asked(Court& court) { return std::make_unique<WipedAsAsked>(court); }

}  // namespace metalmesh::sim
