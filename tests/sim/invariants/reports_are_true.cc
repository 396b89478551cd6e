// Beyond the thirteen: success means proof, and what is said of a disk is so.
#include <algorithm>

#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/truth.h"

namespace metalmesh::sim {
namespace {

class ReportsAreTrue final : public Invariant {
 public:
  explicit ReportsAreTrue(Court& court) : Invariant("reports_are_true", court) {}

  void on_told(const Told& told) override {
    const wire::Event& event = told.event;
    if (event.has_launched()) launched_in_[event.deployment_id()] = told.agent.copy;
    if (!event.has_ended() || told.agent.behind_log || is_contradicted(told)) return;
    const wire::Ended& end = event.ended();
    const std::string& id = event.deployment_id();
    const bool launched = facts_.launched.contains(id) && facts_.launched.at(id) == event.generation();
    if (end.outcome() == wire::Ended::SUCCEEDED && facts_.installs(id)) {
      mark("succeeded with " + wire::ProofGrade_Name(end.proof()));
      const orders::Parts* order = facts_.order(id, event.generation());
      if (order != nullptr && end.proof() < order->agreed.install().proof().minimum())
        object("SUCCEEDED with less proof than was ordered: " + id);
      if (!completed(id)) object("SUCCEEDED, but no installer of it came to its end: " + id);
      if (end.proof() >= wire::PROOF_BOOTED && !runs_new_system(id))
        object("SUCCEEDED as booted, but its new system never ran: " + id);
    }
    if (end.disk() == wire::DISK_UNTOUCHED && launched && !forgotten(id, told))
      object("the disk is called untouched, but its installer was launched: " + id);
  }

 private:
  /// The controller holds another event under this number, of a copy of the journal that went another way, and will
  /// never take this one: nobody is told. That its agent does not act is for doubt_does_not_act.
  bool is_contradicted(const Told& told) const {
    const auto logged = facts_.logged.find(facts_.copies[told.agent.copy].journal_id);
    return logged != facts_.logged.end() && logged->second >= told.seq;
  }
  /// The journal that has the launch is lost, or another copy's that the log contradicts: its successor
  /// cannot know.
  bool forgotten(const std::string& deployment, const Told& told) {
    const auto copy = launched_in_.find(deployment);
    if (copy == launched_in_.end() || copy->second == told.agent.copy) return false;
    const JournalCopy& journal = facts_.copies[copy->second];
    const bool gone = journal.lost || !journal.in_log;
    if (gone) mark("a launch was forgotten with its journal");
    return gone;
  }
  bool completed(const std::string& deployment) const {
    return any_machine([&](const bmcsim::Host& host) {
      return std::ranges::any_of(host.installs(), [&](const bmcsim::Install& install) {
        return install.deployment == deployment && install.completed;
      });
    });
  }
  bool runs_new_system(const std::string& deployment) const {
    return std::ranges::any_of(writes_of(court_.machines, deployment),
                               [](const Written& each) { return each.is_last() && has_booted(each); });
  }
  template <class Test>
  bool any_machine(Test test) const {
    return std::ranges::any_of(court_.machines,
                               [&](const Machine* machine) { return test(machine->model->host()); });
  }

  std::map<std::string, std::size_t> launched_in_;  // by deployment: which copy of a journal told it
};

}  // namespace

std::unique_ptr<Invariant> reports_are_true(Court& court) { return std::make_unique<ReportsAreTrue>(court); }

}  // namespace metalmesh::sim
