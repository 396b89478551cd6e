// Starts from images, by what happened to machines: nothing runs from an image that nobody ordered for that machine, each
// launch runs once, what is in use is started so only if somebody said so, and what is told was so.
#include <algorithm>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

constexpr std::string_view runs_it = "runs what is on the medium";

class StartsAsAsked final : public Invariant {
 public:
  explicit StartsAsAsked(Court& court) : Invariant("starts_as_asked", court) {}

  void on_order(const wire::Command&, const orders::Parts& order) override {
    if (order.agreed.has_boot_iso())
      ordered_.try_emplace(order.issue.deployment_id(), Ordered{order.agreed, court_.events.now()});
  }
  /// An old copy of an agent's store serves what it believes to be running: README.md.
  void on_store_changed(const std::string& node) override { old_copy_ |= facts_.serves_old_copy(node); }

  void on_told(const Told& told) override {
    const auto ordered = ordered_.find(told.event.deployment_id());
    if (ordered == ordered_.end()) return;
    const wire::Agreed& agreed = ordered->second.agreed;
    if (told.event.has_launched()) {
      Known& machine = machines_[agreed.server()];
      ++machine.launches;
      machine.launched = ordered->first;
    }
    if (told.event.has_ended() && told.event.ended().outcome() == wire::Ended::SUCCEEDED)
      judge_end(told.event.ended(), ordered->first, ordered->second);
  }

  void on_machine(const Machine& machine) override {
    const auto& acts = machine.model->host().acts();
    Known& known = machines_[machine.name];
    for (; known.acts_seen < acts.size(); ++known.acts_seen) {
      if (acts[known.acts_seen].what == runs_it) judge_run(machine, known);
    }
  }

 private:
  struct Ordered {
    wire::Agreed agreed;
    MonoTime at;  // first published
  };
  struct Known {
    std::size_t acts_seen = 0;
    unsigned launches = 0;
    unsigned runs = 0;
    std::string launched;  // the deployment that was launched last
  };

  void judge_run(const Machine& machine, Known& known) {
    mark("a machine ran what was on an image");
    if (++known.runs > known.launches && !old_copy_)
      object(machine.name + " ran from an image more often than one was launched for it");
    if (!facts_.precious.contains(machine.name) || known.launched.empty()) return;
    const auto said = facts_.said.find(known.launched);
    const auto spec =
        said == facts_.said.end() ? facts_.specs.end() : facts_.specs.find(said->second.rollout);
    if (spec == facts_.specs.end()) return;
    if (!spec->second.boot_iso().in_use())
      object(machine.name + " is in use, and was started from an image unasked: " + known.launched);
    mark("what is in use was started from an image, as asked");
  }

  void judge_end(const wire::Ended& end, const std::string& id, const Ordered& ordered) {
    for (const std::string& evidence : end.evidence()) {
      if (evidence.ends_with("a person ended it")) mark("a start from an image ended by a person's word");
      if (evidence.ends_with("were over")) mark("a start from an image ended as its time was over");
      if (evidence.contains("its host "))
        mark("a start from an image ended as its host went off or started anew");
    }
    if (end.disk() != wire::DISK_UNKNOWN)
      object("what was started could write a disk, and one is told: " + id);
    const auto found = std::ranges::find(court_.machines, ordered.agreed.server(), &Machine::name);
    if (found == court_.machines.end()) return;
    const bmcsim::Host& host = (*found)->model->host();
    const auto since = [&](std::string_view what) {
      return std::ranges::any_of(host.acts(), [&](const bmcsim::Act& act) {
        return act.at >= ordered.at && act.what.starts_with(what);
      });
    };
    if (!since("boots the medium")) object(id + " is told to have started, and its machine never did");
    const bool off = !host.on() || since("power off") || since("power cut");
    if (ordered.agreed.boot_iso().afterwards() == wire::BootIso::SWITCH_OFF && !off)
      object(id + " left its machine on, and off was ordered");
  }

  std::map<std::string, Ordered> ordered_;  // by deployment
  std::map<std::string, Known> machines_;   // by name
  bool old_copy_ = false;
};

}  // namespace

std::unique_ptr<Invariant> starts_as_asked(Court& court) { return std::make_unique<StartsAsAsked>(court); }

}  // namespace metalmesh::sim
