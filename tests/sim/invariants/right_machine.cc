// I4: the machine that is wiped is the one the order means, and never one that nobody may touch.
#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {
namespace {

class RightMachine final : public Invariant {
 public:
  explicit RightMachine(Court& court) : Invariant("right_machine", court) {}

  void on_wipe(const Wipe& wipe) override {
    const bmcsim::BmcOptions& truth = wipe.machine.model->options();
    if (facts_.precious.contains(wipe.machine.name))
      object(wipe.machine.name + " is protected and was wiped");
    if (wipe.order == nullptr) return;
    const wire::Identity& meant = wipe.order->identity();
    const bool same =
        lower(meant.uuid()) == lower(truth.uuid) && lower(meant.serial()) == lower(truth.serial);
    if (!same)
      object(wipe.machine.name + " was wiped by the order for another machine: " + wipe.install.deployment);
  }

  void on_told(const Told& told) override {
    const std::string& id = told.event.deployment_id();
    const wire::StartInstall* order = facts_.order(id, told.event.generation());
    if (told.event.stage().stage() == wire::CLEANUP) given_up_.insert(id);
    if (told.event.stage().stage() == wire::MEDIA && order != nullptr)
      taken_over_[lower(order->identity().uuid())] = id;
  }

  // Nor is an installer disturbed once it writes, until its time is over.
  void on_machine(const Machine& machine) override {
    const auto& violations = machine.model->host().violations();
    std::size_t& seen = seen_[machine.name];
    for (; seen < violations.size(); ++seen) {
      // The host means every second boot of an installer; one_wipe_per_generation knows the one that is none.
      if (violations[seen].starts_with("second install")) continue;
      const std::string& installing = machine.model->host().installs().back().deployment;
      if (violations[seen].starts_with("medium ejected") && given_up_.contains(installing)) {
        mark("an installer that never ends was given up");
        continue;
      }
      // The operator ordered a machine again while an installer runs of which its agent's journal was lost.
      const auto next = taken_over_.find(lower(machine.model->options().uuid));
      if (next != taken_over_.end() && next->second != installing) {
        mark("an installer was given up for the next order");
        continue;
      }
      object(machine.name + ": " + violations[seen]);
    }
  }

 private:
  std::map<std::string, std::size_t> seen_;
  std::set<std::string> given_up_;                 // deployments
  std::map<std::string, std::string> taken_over_;  // by machine UUID: the deployment that last took its slots
};

}  // namespace

std::unique_ptr<Invariant> right_machine(Court& court) { return std::make_unique<RightMachine>(court); }

}  // namespace metalmesh::sim
