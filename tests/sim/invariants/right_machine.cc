// I4: the machine that is wiped is the one the order means, and never one that nobody may touch; and whatever
// installs keeps its medium.
#include <algorithm>

#include "common/ports/wire_time.h"
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
      if (violations[seen].starts_with("medium ejected") && may_lose(machine)) continue;
      // The operator ordered a machine again while an installer runs of which its agent's journal was lost.
      const auto next = taken_over_.find(lower(machine.model->options().uuid));
      if (next != taken_over_.end() && next->second != installing) {
        mark("an installer was given up for the next order");
        continue;
      }
      object(machine.name + ": " + violations[seen]);
    }
    judge_reads(machine);
  }

 private:
  /// Its longest run has passed, in true time, or a person has spoken; a host that is off does not install.
  bool may_lose(const Machine& machine) {
    const auto& installs = machine.model->host().installs();
    // A host that starts it again by itself gets no time of its own for that.
    const bmcsim::Install& install =
        *std::ranges::find(installs, installs.back().deployment, &bmcsim::Install::deployment);
    const wire::StartInstall* order = facts_.launched_order(install.deployment);
    if (order == nullptr) return true;  // its journal is gone
    if (facts_.cancels.contains(install.deployment)) {
      mark("a medium was given back to a person");
      return true;
    }
    const bool too_long = court_.events.now() - install.launched > from_wire(order->max_run());
    if (too_long) mark("an installer that never ends was given up");
    return too_long;
  }

  /// Its agent's store was lost or put back to before the launch: the medium is unknown to it.
  [[nodiscard]] bool forgotten(const Machine& machine) {
    const std::string site = machine.name.substr(0, machine.name.rfind('-'));
    const bool behind = std::ranges::any_of(facts_.agents, [&](const auto& agent) {
      return agent.second.site == site && agent.second.behind_log;
    });
    if (behind || machine.displaced) mark("a running medium was forgotten with its journal");
    return behind || machine.displaced;
  }

  /// Our media server refused what an installer wanted to read. (Status 0 is a server that is dead.)
  void judge_reads(const Machine& machine) {
    const bmcsim::Host& host = machine.model->host();
    std::size_t& read = acts_read_[machine.name];
    for (; read < host.acts().size(); ++read) {
      const bmcsim::Act& act = host.acts()[read];
      const bool refused = act.what == "medium not readable" && act.detail.starts_with("HTTP 4");
      if (!refused || host.state() != bmcsim::HostState::installing) continue;
      if (may_lose(machine) || forgotten(machine)) continue;
      object(machine.name + ": " + act.what + ": " + act.detail + " while it installs");
    }
  }

  std::map<std::string, std::size_t> acts_read_;
  std::map<std::string, std::size_t> seen_;
  std::map<std::string, std::string> taken_over_;  // by machine UUID: the deployment that last took its slots
};

}  // namespace

std::unique_ptr<Invariant> right_machine(Court& court) { return std::make_unique<RightMachine>(court); }

}  // namespace metalmesh::sim
