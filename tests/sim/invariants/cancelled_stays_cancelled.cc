// I2: no wipe after the controller recorded CANCELLED, none after the agent ended the job, and no cancel of
// what was launched.
#include <algorithm>

#include "controller/state/deployment_states.h"
#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/truth.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {
namespace {

constexpr Duration close_call = std::chrono::seconds(30);

class CancelledStaysCancelled final : public Invariant {
 public:
  explicit CancelledStaysCancelled(Court& court) : Invariant("cancelled_stays_cancelled", court) {}

  void on_told(const Told& told) override {
    const wire::Event& event = told.event;
    const auto attempt = std::pair(event.deployment_id(), event.generation());
    if (event.has_armed()) armed_[attempt] = court_.events.now();
    const bool launched =
        facts_.launched.contains(attempt.first) && facts_.launched.at(attempt.first) == attempt.second;
    if (event.has_cancel()) note_race(event, attempt, launched);
    if (is_cancelled(event)) {
      if (launched && knows_launch(told, attempt))
        object("cancelled after it was launched: " + attempt.first);
      cancelled_.insert(attempt);
    }
    if (event.has_ended()) ended_[told.node].insert(attempt);
  }

  void on_controller_rows(const Batch&) override {
    for (const DeploymentMove& move : facts_.moves) {
      if (move.now->state() == controller::states::cancelled && move.now->resolved_by().empty())
        recorded_.insert({move.now->id(), move.now->generation()});
    }
  }

  void on_wipe(const Wipe& wipe) override {
    if (wipe.order == nullptr) return;
    const auto attempt = std::pair(wipe.install.deployment, wipe.order->issue.generation());
    if (recorded_.contains(attempt) || cancelled_.contains(attempt))
      object("wiped after CANCELLED was recorded: " + attempt.first);
    // A medium in custody outlives its job: a host that died half-way goes on with its own unfinished work.
    const auto& installs = wipe.machine.model->host().installs();
    const bool own_work = wipe.index > 0 && wipe.install.self_started &&
                          installs[wipe.index - 1].deployment == wipe.install.deployment &&
                          installs[wipe.index - 1].died && !installs[wipe.index - 1].completed;
    if (own_work) return mark("an installer in custody was begun again by its host");
    if (facts_.serves_old_copy(wipe.node))
      return mark("an old copy of an agent's store served what had ended");
    const auto ended = ended_.find(wipe.node);
    if (ended == ended_.end() || !ended->second.contains(attempt)) return;
    if (went_on_unheard(wipe.machine, *wipe.order))
      return mark("an installer that nobody answered went on although its order had ended");
    object("wiped after the agent ended it: " + attempt.first);
  }

 private:
  /// A copy of its folder that another machine runs, made before the launch, has another history than the agent
  /// that launched: it answers for what it did, and cannot do more. Who believes it, although it is one of two,
  /// tells people something untrue of the disk, and is judged by that (disk_is_as_told.cc).
  bool knows_launch(const Told& told, const std::pair<std::string, std::uint64_t>& attempt) {
    if (told.agent.behind_log) return false;
    const std::size_t copy = facts_.launched_in.at(attempt.first);
    if (facts_.copies[copy].node == told.node) return true;
    const auto& history = facts_.copies[told.agent.copy].entries;
    const bool has_it = std::ranges::any_of(history, [&](const std::string& entry) {
      wire::Event event;
      return event.ParseFromString(entry) && event.has_launched() && event.deployment_id() == attempt.first &&
             event.generation() == attempt.second;
    });
    if (!has_it) mark("a twin cancelled what the other one had launched");
    return has_it;
  }

  void note_race(const wire::Event& event, const std::pair<std::string, std::uint64_t>& attempt,
                 bool launched) {
    const auto armed = armed_.find(attempt);
    if (event.cancel().answer() == wire::CancelAnswer::TOO_LATE) mark("a cancel came too late");
    if (armed == armed_.end() || court_.events.now() - armed->second > close_call) return;
    mark(launched ? "a cancel raced a launch" : "a cancel raced ARM and won");
  }

  std::map<std::pair<std::string, std::uint64_t>, MonoTime> armed_;
  std::set<std::pair<std::string, std::uint64_t>> cancelled_;                     // the agent said so
  std::set<std::pair<std::string, std::uint64_t>> recorded_;                      // the controller did
  std::map<std::string, std::set<std::pair<std::string, std::uint64_t>>> ended_;  // by agent
};

}  // namespace

std::unique_ptr<Invariant> cancelled_stays_cancelled(Court& court) {
  return std::make_unique<CancelledStaysCancelled>(court);
}

}  // namespace metalmesh::sim
