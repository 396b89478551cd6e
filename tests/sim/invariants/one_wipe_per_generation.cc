// I1: at most one reset into the installer per (server, deployment, generation). That no two deployments
// share a generation is for numbers_only_rise, which knows epochs.
//
// A host that starts again, by itself, half-way or after its installer's end, finds a medium that starts nothing.
#include <fmt/format.h>

#include <tuple>

#include "common/text/letters.h"
#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {
namespace {

class OneWipePerGeneration final : public Invariant {
 public:
  explicit OneWipePerGeneration(Court& court) : Invariant("one_wipe_per_generation", court) {}

  void on_told(const Told& told) override {
    if (!told.event.has_launched()) return;
    const auto launch = std::pair(told.event.deployment_id(), told.event.generation());
    const auto [first, fresh] = launched_.try_emplace(launch, Launch{told.node, told.agent.copy, told.seq});
    if (fresh) return;
    if (nobody_knew(first->second, told)) {
      mark("two copies of an agent launched one order, and nobody could have known");
      excused_.insert(launch.first);
      return;
    }
    object("launched twice: " + launch.first);
  }

  void on_machine(const Machine& machine) override {
    const auto& acts = machine.model->host().acts();
    for (std::size_t& seen = acts_seen_[machine.name]; seen < acts.size(); ++seen) {
      if (acts[seen].detail == "it starts nothing")
        mark("a firmware found a medium that starts nothing any more");
      if (acts[seen].what == "the installer goes on from the disk")
        mark("an installer went on from the disk");
    }
  }

  void on_wipe(const Wipe& wipe) override {
    if (wipe.order == nullptr) return;
    const auto key = std::tuple(to_lower(wipe.machine.model->options().uuid), wipe.install.deployment,
                                wipe.order->issue.generation());
    const auto [before, first] = wiped_.try_emplace(key, wipe.index);
    if (first) return;
    if (excused_.contains(wipe.install.deployment)) return;
    if (facts_.serves_old_copy(wipe.node))
      return mark("an old copy of an agent's store served what had ended");
    object(fmt::format("{} was wiped again by generation {}", wipe.machine.name,
                       wipe.order->issue.generation()));
  }

 private:
  struct Launch {
    std::string node;
    std::size_t copy = 0;  // of the journal
    std::uint64_t seq = 0;
  };
  /// The first one told nobody: its twin launches in a life that the controller vouched for, which had heard
  /// no word of it. Only the machine itself could tell.
  bool nobody_knew(const Launch& first, const Told& second) const {
    const auto logged = facts_.logged.find(facts_.copies[first.copy].journal_id);
    return first.node != second.node &&
           (logged == facts_.logged.end() || logged->second < first.seq || !facts_.copies[first.copy].in_log);
  }

  std::map<std::pair<std::string, std::uint64_t>, Launch> launched_;
  std::map<std::string, std::size_t> acts_seen_;  // by machine
  std::set<std::string> excused_;                 // deployments
  std::map<std::tuple<std::string, std::string, std::uint64_t>, std::size_t>
      wiped_;  // by machine UUID, order
};

}  // namespace

std::unique_ptr<Invariant> one_wipe_per_generation(Court& court) {
  return std::make_unique<OneWipePerGeneration>(court);
}

}  // namespace metalmesh::sim
