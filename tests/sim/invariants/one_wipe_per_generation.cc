// I1: at most one reset into the installer per (server, deployment, generation). That no two deployments
// share a generation is for numbers_only_rise, which knows epochs.
//
// A host that resets by itself half-way boots the same installer again. No fence can tell that from the
// installer's own reads, and what it writes over is its own work: allowed, as long as nobody could know that
// the installer had ended.
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

  void on_wipe(const Wipe& wipe) override {
    if (wipe.order == nullptr) return;
    const auto key = std::tuple(to_lower(wipe.machine.model->options().uuid), wipe.install.deployment,
                                wipe.order->issue.generation());
    const auto [before, first] = wiped_.try_emplace(key, wipe.index);
    if (first) return;
    const auto& installs = wipe.machine.model->host().installs();
    const bmcsim::Install& last = installs[wipe.index - 1];
    const bool by_itself = wipe.install.self_started && last.deployment == wipe.install.deployment;
    if (excused_.contains(wipe.install.deployment)) return;
    if (by_itself && last.died && !last.completed) return mark("installer restarted half-way by the host");
    if (by_itself && wipe.machine.model->options().cd_first)
      return mark("installer booted again before anybody could see its end");
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
  std::set<std::string> excused_;  // deployments
  std::map<std::tuple<std::string, std::string, std::uint64_t>, std::size_t>
      wiped_;  // by machine UUID, order
};

}  // namespace

std::unique_ptr<Invariant> one_wipe_per_generation(Court& court) {
  return std::make_unique<OneWipePerGeneration>(court);
}

}  // namespace metalmesh::sim
