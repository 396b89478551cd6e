// What a person does with a rollout that was started: pause, continue, stop, skip some of its servers, set its limits. Whoever lets
// it go on names what she means; if that is not what there is, nothing happens, and she is told what there is.
#include <algorithm>
#include <string_view>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "common/text/utf8.h"
#include "controller/core/actions/actions.h"
#include "controller/core/fences.h"
#include "controller/core/field_rules.h"
#include "controller/core/operator_acts.h"
#include "controller/core/order_builder.h"
#include "controller/core/restore_hold.h"
#include "controller/core/rollout_gates.h"
#include "controller/core/rollout_runner.h"
#include "controller/core/rollout_start.h"
#include "controller/core/rollout_waves.h"
#include "controller/state/deployment_states.h"
#include "controller/state/rollout_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

using rules::refusal;
using rules::Verdict;

constexpr std::uint32_t parallel_most = 10'000;

std::unexpected<Refusal> refuse(ErrorKind kind, std::string field, std::string message,
                                std::string next = {}) {
  return std::unexpected(refusal(kind, std::move(field), std::move(message), std::move(next)));
}

std::expected<const rest::Rollout*, Refusal> rollout_named(const Work& work, const std::string& name) {
  const auto found = work.mesh().rollouts.find(name);
  if (found == work.mesh().rollouts.end())
    return refuse(ErrorKind::not_found, "rollout", "Rollout \"" + name.substr(0, 80) + "\" does not exist");
  return &found->second;
}

std::string note_of(const std::string& reason) { return Utf8(reason).cut(rules::note_limit).str(); }
std::string with_note(std::string words, const std::string& reason) {
  return reason.empty() ? words : words + ": " + note_of(reason);
}

std::unexpected<Refusal> is_not(const rest::Rollout& rollout, const std::string& what) {
  return refuse(ErrorKind::conflict, "",
                "rollout " + rollout.metadata().name() + " is " + rollout.status().state() + ": " + what);
}

/// What she names is not what there is.
Verdict means_otherwise(const rest::Rollout& rollout, const Awaited& next, const ContinueRollout& request) {
  if (planted(Defect::stale_continue_taken)) return std::nullopt;
  const bool failed = state_of(rollout) == RolloutState::stopped;
  const std::uint32_t failures = failed ? unaccepted(rollout.status()) : 0;
  const std::string right = commands::go_on_with(request.rollout, next.wave, next.servers, failures);
  const std::string there = wave_words(rollout.status(), next.wave) + " is next, of which " +
                            std::to_string(next.servers) + " servers wait";
  if (request.wave != next.wave)
    return refusal(ErrorKind::conflict, "wave",
                   "you named wave " + std::to_string(request.wave) + ", and " + there, right);
  if (request.confirm != next.servers)
    return refusal(ErrorKind::conflict, "confirm",
                   "you confirmed " + std::to_string(request.confirm) + " servers, and " + there, right);
  if (request.accept_failures != failures)
    return refusal(
        ErrorKind::conflict, "acceptFailures",
        failures == 0
            ? "there is no failure to accept"
            : std::to_string(failures) + " servers did not succeed (" + rollout.status().stop_reason() +
                  "), and you accept " + std::to_string(request.accept_failures),
        failures == 0 ? right : "look at them: " + commands::watch(request.rollout) + ", then: " + right);
  return std::nullopt;
}

/// What failed so far stops it no more.
void accept_all(rest::Rollout& rollout, const RolloutTally& tally) {
  for (rest::RolloutWaveStatus& wave : *rollout.mutable_status()->mutable_waves()) {
    const auto found = tally.waves.find(wave.number());
    if (found == tally.waves.end()) continue;
    wave.mutable_accepted()->set_missed(found->second.missed);
    wave.mutable_accepted()->set_before_wipe(found->second.failed_before_wipe);
    wave.mutable_accepted()->set_after_wipe(found->second.failed_after_wipe);
    wave.mutable_accepted()->set_unproven(found->second.unproven);
  }
}

/// Of one server: what becomes of its deployment.
enum class Skipped { no, recalled, called_back, goes_on, not_known };

Skipped skip(Work& work, const std::string& id, const std::string& why) {
  const rest::Deployment& deployment = work.mesh().deployments.at(id);
  const bool pending = deployment.state() == states::pending;
  if (!is_open(deployment.state())) return Skipped::no;
  if (pending && !known_unissued(work, deployment.site())) return Skipped::not_known;
  if (!pending && (deployment.launched() || !action_of(deployment).changes)) return Skipped::goes_on;
  work.ledger.change_deployment(id, [](rest::Deployment& d) { d.set_skipped(true); });
  if (planted(Defect::skip_recalls_nothing)) return Skipped::recalled;
  if (pending) {
    recall(work, id, why, wire::CANCELLED_BY_OPERATOR);
    return Skipped::recalled;
  }
  call_back(work, id, why);
  return Skipped::called_back;
}

std::vector<std::string> chosen(const Work& work, const SkipServers& request) {
  const auto named = [](const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
  };
  std::vector<std::string> ids;
  for (const auto& [id, deployment] : work.mesh().deployments) {
    if (deployment.rollout() == request.rollout && is_open(deployment.state()) &&
        (named(request.servers, deployment.server()) || named(request.sites, deployment.site())))
      ids.push_back(id);
  }
  return ids;
}

Verdict may_set(const Work& work, const rest::Rollout& rollout, const SetRollout& request) {
  if (request.total > parallel_most) return rules::at_most("parallel.total", request.total, parallel_most);
  if (request.per_site > parallel_most)
    return rules::at_most("parallel.perSite", request.per_site, parallel_most);
  if (!request.until) return std::nullopt;
  return check_until(work, *request.until, from_wire(rollout.status().started()), request.rollout);
}

}  // namespace

ActResult act(Work& work, const PauseRollout& request, const std::string& actor) {
  const auto found = rollout_named(work, request.rollout);
  if (!found) return std::unexpected(found.error());
  const RolloutState state = state_of(**found);
  Acted acted{false, "Rollout", request.rollout,
              with_note("paused rollout " + request.rollout, request.reason)};
  if (!is_under_way(state) || state == RolloutState::stopping)
    return is_not(**found, "there is nothing to pause");
  if (state == RolloutState::paused) return acted;
  if (state == RolloutState::stopped) {  // it starts nothing already, and why it does not is worth more
    acted.audit += " (it is stopped already)";
    return acted;
  }
  work.ledger.change_rollout(request.rollout, [&](rest::Rollout& rollout) {
    rest::RolloutStatus& status = *rollout.mutable_status();
    status.set_stop_reason(with_note("paused by " + actor, request.reason));
    if (state == RolloutState::starting) {
      status.set_pause_asked(true);
    } else {
      set_state(rollout, RolloutState::paused);
    }
  });
  work.moved = true;
  return acted;
}

ActResult act(Work& work, const ContinueRollout& request, const std::string& actor) {
  const auto found = rollout_named(work, request.rollout);
  if (!found) return std::unexpected(found.error());
  const rest::Rollout& rollout = **found;
  const RolloutState state = state_of(rollout);
  if (auto bad = may_start_anything(work)) return std::unexpected(std::move(*bad));
  const Awaited next = awaited(work, rollout);
  const bool rests = state == RolloutState::paused || state == RolloutState::stopped;
  if (!rests && state != RolloutState::running) return is_not(rollout, "it cannot be continued");
  if (next.wave == 0)
    return refuse(ErrorKind::conflict, "",
                  "what was planned of rollout " + request.rollout + " is not known any more",
                  commands::stop(request.rollout));
  if (!rests && !next.person)
    return refuse(ErrorKind::conflict, "",
                  "rollout " + request.rollout + " goes on by itself" +
                      (rollout.status().waits().empty() ? "" : ": " + rollout.status().waits()),
                  commands::watch(request.rollout));
  if (auto bad = means_otherwise(rollout, next, request)) return std::unexpected(std::move(*bad));
  const std::uint32_t over = rollout.status().wave();
  work.ledger.change_rollout(request.rollout, [&](rest::Rollout& changed) {
    rest::RolloutStatus& status = *changed.mutable_status();
    if (state == RolloutState::stopped) accept_all(changed, work.ledger.board().rollout(request.rollout));
    for (rest::RolloutWaveStatus& wave : *status.mutable_waves()) {
      // She names the next one: that is her word for it, too, when its gate asks for one.
      if (next.wave > over && wave.number() == over) wave.set_continued_by(actor);
    }
    set_state(changed, RolloutState::running);
    status.clear_stop_reason();
    status.clear_waits();
    status.clear_waits_until();
  });
  work.moved = true;
  return Acted{
      false, "Rollout", request.rollout,
      with_note("continued rollout " + request.rollout + " with " + wave_words(rollout.status(), next.wave) +
                    ", " + std::to_string(next.servers) + " servers" +
                    (request.accept_failures == 0
                         ? ""
                         : ", and accepted " + std::to_string(request.accept_failures) + " failures"),
                request.reason)};
}

ActResult act(Work& work, const StopRollout& request, const std::string&) {
  const auto found = rollout_named(work, request.rollout);
  if (!found) return std::unexpected(found.error());
  const RolloutState state = state_of(**found);
  Acted acted{false, "Rollout", request.rollout,
              "stopped rollout " + request.rollout + ": " + note_of(request.reason)};
  if (state == RolloutState::stopping) return acted;
  if (!is_under_way(state)) return is_not(**found, "there is nothing to stop");
  work.ledger.change_rollout(request.rollout, [&](rest::Rollout& rollout) {
    set_state(rollout, RolloutState::stopping);
    rollout.mutable_status()->set_stop_reason(with_note(std::string(stopped_by_person), request.reason));
  });
  work.moved = true;
  return acted;
}

ActResult act(Work& work, const SkipServers& request, const std::string& actor) {
  const auto found = rollout_named(work, request.rollout);
  if (!found) return std::unexpected(found.error());
  const RolloutState state = state_of(**found);
  if (!is_under_way(state) || state == RolloutState::starting)
    return is_not(**found, "there is nobody to skip");
  const std::vector<std::string> ids = chosen(work, request);
  if (ids.empty())
    return refuse(ErrorKind::conflict, "servers", "none of them is open in rollout " + request.rollout,
                  commands::watch(request.rollout));
  const std::string why = with_note("skipped by " + actor, request.reason);
  std::uint32_t skipped = 0, go_on = 0, not_known = 0;
  for (const std::string& id : ids) {
    const Skipped what = skip(work, id, why);
    skipped += what == Skipped::recalled || what == Skipped::called_back ? 1 : 0;
    go_on += what == Skipped::goes_on ? 1 : 0;
    not_known += what == Skipped::not_known ? 1 : 0;
  }
  if (skipped == 0 && not_known > 0)
    return refuse(ErrorKind::unavailable, "sites",
                  "whether these were handed out is not known: their sites were not heard since this "
                  "controller started",
                  "wait for the site");
  if (skipped == 0)
    return refuse(ErrorKind::conflict, "servers", "they are at work by now, and go on to their ends",
                  commands::watch(request.rollout));
  work.moved = true;
  return Acted{false, "Rollout", request.rollout,
               "skipped " + std::to_string(skipped) + " servers of rollout " + request.rollout +
                   (go_on == 0 ? "" : ", " + std::to_string(go_on) + " go on") +
                   (not_known == 0 ? "" : ", of " + std::to_string(not_known) + " it is not known") + ": " +
                   note_of(request.reason)};
}

ActResult act(Work& work, const SetRollout& request, const std::string&) {
  const auto found = rollout_named(work, request.rollout);
  if (!found) return std::unexpected(found.error());
  const RolloutState state = state_of(**found);
  const bool done_with = state == RolloutState::stopping || state == RolloutState::starting;
  if (!is_under_way(state) || done_with)
    return is_not(**found,
                  is_before_start(state) ? "edit it, and plan it again" : "nothing of it can be set");
  if (!(*found)->status().has_started()) return is_not(**found, "its start was not carried through");
  if (auto bad = may_set(work, **found, request)) return std::unexpected(std::move(*bad));
  std::string set;
  work.ledger.change_rollout(request.rollout, [&](rest::Rollout& rollout) {
    rest::RolloutSpec& spec = *rollout.mutable_spec();
    if (request.until) {
      *spec.mutable_start_within() = to_wire(*request.until - from_wire(rollout.status().started()));
      set += " until " + for_people(to_wire(*request.until));
    }
    if (request.total != 0) {
      spec.mutable_parallel()->set_total(request.total);
      set += " parallel " + std::to_string(request.total);
    }
    if (request.per_site != 0) {
      spec.mutable_parallel()->set_per_site(request.per_site);
      set += " per site " + std::to_string(request.per_site);
    }
  });
  work.moved = true;
  return Acted{false, "Rollout", request.rollout,
               with_note("set rollout " + request.rollout + ":" + set, request.reason)};
}

}  // namespace metalmesh::controller
