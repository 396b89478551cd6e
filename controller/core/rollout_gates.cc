#include "controller/core/rollout_gates.h"

#include <algorithm>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/rollout_waves.h"
#include "controller/core/window_words.h"
#include "controller/state/rollout_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

using WaveStatus = rest::RolloutWaveStatus;

const WaveStatus* wave_in(const rest::RolloutStatus& status, std::uint32_t number) {
  const auto found = std::ranges::find(status.waves(), number, &WaveStatus::number);
  return found == status.waves().end() ? nullptr : &*found;
}

const WaveTally& tally_of(const RolloutTally& tally, std::uint32_t wave) {
  static const WaveTally nobody;
  const auto found = tally.waves.find(wave);
  return found == tally.waves.end() ? nobody : found->second;
}

/// What a person accepted is as if it had not been.
void take_off(EndTally& tally, const rest::RolloutFailures& accepted) {
  const auto less = [](std::uint32_t& count, std::uint32_t by) { count -= std::min(count, by); };
  less(tally.missed, accepted.missed());
  less(tally.failed_before_wipe, accepted.before_wipe());
  less(tally.failed_after_wipe, accepted.after_wipe());
  less(tally.unproven, accepted.unproven());
}

std::optional<std::string> beyond_a_threshold(const rest::Rollout& rollout, const EndTally& tally,
                                              const std::string& whose) {
  for (const Threshold& one : action_of(rollout.spec()).thresholds(rollout.spec().stop_after(), tally)) {
    if (one.count < one.most) continue;
    return std::to_string(one.count) + whose + " " + one.what + " (stop at " + std::to_string(one.most) + ")";
  }
  return std::nullopt;
}

std::optional<std::string> unhealthy(const rest::Rollout& rollout, std::uint32_t wave,
                                     const EndTally& tally) {
  const WaveGate gate = gate_behind(rollout, wave);
  if (!gate.health || tally.missed == 0 || !is_beyond(*gate.health, tally.missed, tally.total))
    return std::nullopt;
  const std::string name = wave_words(rollout.status(), wave);
  return std::to_string(tally.missed) + " of " + (name.ends_with("(canary)") ? "the canary" : name) +
         " did not succeed" +
         (gate.health->number == 0 ? ""
                                   : " (at most " + std::to_string(gate.health->number) +
                                         (gate.health->percent ? " %" : "") + " may not)");
}

WaveStatus& edit_wave(rest::Rollout& rollout, std::uint32_t number) {
  return *std::ranges::find(*rollout.mutable_status()->mutable_waves(), number, &WaveStatus::number);
}

bool soaks(const Work& work, const WaveStatus& wave) {
  if (!wave.has_soaks_until() || planted(Defect::soak_ignored)) return false;
  const Duration since_set = work.mesh().clock_steps - from_wire(wave.clock_steps());
  return work.now.wall_low <= from_wire(wave.soaks_until()) + since_set;
}

/// All of it were skipped: whether the rest will do well it does not show.
bool shows_nothing(const WaveStatus& wave) {
  return wave.servers() > 0 && wave.succeeded() == 0 && wave.missed() == 0;
}

bool wants_person(const rest::Rollout& rollout, const WaveStatus& wave) {
  if (!wave.continued_by().empty() || planted(Defect::person_gate_ignored)) return false;
  return gate_behind(rollout, wave.number()).person || shows_nothing(wave);
}

/// The next one, as long as somebody waits behind this one. One that was skipped as a whole before it began has its turn, too: its gate
/// stands before those behind it.
const WaveStatus* next_wave(const rest::RolloutStatus& status, std::uint32_t number) {
  const auto waits = [&](const WaveStatus& wave) { return wave.number() > number && wave.open() > 0; };
  const auto planned = [&](const WaveStatus& wave) { return wave.number() > number && wave.servers() > 0; };
  if (std::ranges::none_of(status.waves(), waits)) return nullptr;
  const auto found = std::ranges::find_if(status.waves(), planned);
  return found == status.waves().end() ? nullptr : &*found;
}

void mark_ended(Work& work, const std::string& name, std::uint32_t number) {
  work.ledger.change_rollout(name, [&](rest::Rollout& rollout) {
    WaveStatus& wave = edit_wave(rollout, number);
    *wave.mutable_ended() = to_wire(work.now.wall());
    const Duration soak = gate_behind(rollout, number).soak;
    if (soak <= Duration::zero()) return;
    *wave.mutable_soaks_until() = to_wire(work.now.wall() + soak);
    *wave.mutable_clock_steps() = to_wire(work.mesh().clock_steps);
  });
}

/// Something that had ended runs again: once it has ended, all begins anew.
void mark_open(Work& work, const std::string& name, std::uint32_t number) {
  work.ledger.change_rollout(name, [&](rest::Rollout& rollout) {
    WaveStatus& wave = edit_wave(rollout, number);
    wave.clear_ended();
    wave.clear_soaks_until();
    wave.clear_continued_by();
    wave.clear_clock_steps();
  });
}

void begin_wave(Work& work, const std::string& name, std::uint32_t number) {
  work.ledger.change_rollout(name,
                             [&](rest::Rollout& rollout) { rollout.mutable_status()->set_wave(number); });
  const rest::RolloutStatus& status = work.mesh().rollouts.at(name).status();
  tell_of_rollout(work, name,
                  "rollout " + name + ": " + wave_words(status, number) + " begins with " +
                      std::to_string(wave_in(status, number)->open()) + " servers");
}

std::string at_person_gate(const rest::Rollout& rollout, const WaveStatus& wave, const WaveStatus& next,
                           std::uint32_t pending) {
  const std::string& name = rollout.metadata().name();
  const bool bare = shows_nothing(wave);
  return wave_words(rollout.status(), wave.number()) + " has ended: " + std::to_string(wave.succeeded()) +
         " of " + std::to_string(wave.servers()) + " succeeded" + (bare ? ", which shows nothing" : "") +
         "; a person lets " + wave_words(rollout.status(), next.number()) +
         " begin. Next: " + commands::go_on_with(name, next.number(), pending);
}

/// Nobody is at work, and those that wait stand at sites that are not heard.
std::string silent_words(const Work& work, const RolloutTally& tally) {
  if (tally.in_flight > 0) return {};
  std::string silent;
  for (const auto& [site, pending] : tally.pending) {
    const SiteLink* link = work.link(site);
    if (link != nullptr && !link->silent(work.now)) return {};
    silent += (silent.empty() ? "" : ", ") + site + " with " + std::to_string(pending.size());
  }
  return silent.empty() ? silent : "silent sites: " + silent + " servers that wait";
}

/// A wave is handed out, and its sites start nothing now.
void tell_sites(Work& work, const std::string& name, const RolloutTally& tally) {
  WindowWait shut = window_wait(work, work.mesh().rollouts.at(name), tally);
  if (!shut.words.empty()) return tell_waits(work, name, std::move(shut.words), shut.until);
  tell_waits(work, name, silent_words(work, tally));
}

}  // namespace

std::optional<std::string> stop_reason(const rest::Rollout& rollout, const RolloutTally& tally) {
  if (planted(Defect::threshold_ignored)) return std::nullopt;
  const rest::RolloutStatus& status = rollout.status();
  EndTally all = tally;
  for (const WaveStatus& wave : status.waves()) take_off(all, wave.accepted());
  if (auto why = beyond_a_threshold(rollout, all, "")) return why;
  if (tally.waves.size() < 2) return std::nullopt;
  for (const auto& [number, ends] : tally.waves) {
    if (number > status.wave()) break;
    EndTally own = ends;
    if (const WaveStatus* wave = wave_in(status, number)) take_off(own, wave->accepted());
    if (!planted(Defect::canary_ignored) && !planted(Defect::health_ignored)) {
      if (auto why = unhealthy(rollout, number, own)) return why;
    }
    // Of a few nothing can be said that is not said of all.
    const bool is_small = own.total < threshold_minimum(rollout.spec().stop_after());
    if (is_small || planted(Defect::wave_threshold_ignored)) continue;
    if (auto why = beyond_a_threshold(rollout, own, " of " + wave_words(status, number))) return why;
  }
  return std::nullopt;
}

std::uint32_t unaccepted(const rest::RolloutStatus& status) {
  std::uint32_t missed = 0;
  for (const WaveStatus& wave : status.waves())
    missed += wave.missed() - std::min(wave.missed(), wave.accepted().missed());
  return missed;
}

std::uint32_t wave_handed_out(const rest::RolloutStatus& status, const RolloutTally& tally) {
  for (const auto& [number, ends] : tally.waves) {
    if (number >= status.wave()) break;
    if (ends.open > 0) return number;
  }
  return status.wave();
}

Awaited awaited(const Work& work, const rest::Rollout& rollout) {
  const rest::RolloutStatus& status = rollout.status();
  const WaveStatus* wave = wave_in(status, status.wave());
  if (wave == nullptr) return {};
  const RolloutTally& all = work.ledger.board().rollout(rollout.metadata().name());
  const WaveTally& tally = tally_of(all, wave->number());
  const WaveStatus* next = next_wave(status, wave->number());
  if (tally.open > 0 || next == nullptr) return {wave->number(), tally.pending, false};
  const bool person = wave->has_ended() && !soaks(work, *wave) && wants_person(rollout, *wave);
  return {next->number(), tally_of(all, next->number()).pending, person};
}

void tell_waits(Work& work, const std::string& name, std::string waits, std::optional<WallTime> until) {
  if (work.mesh().rollouts.at(name).status().waits() == waits) return;
  if (!waits.empty()) tell_of_rollout(work, name, "rollout " + name + " waits: " + waits);
  work.ledger.change_rollout(name, [&](rest::Rollout& r) {
    r.mutable_status()->set_waits(std::move(waits));
    r.mutable_status()->clear_waits_until();
    if (until) *r.mutable_status()->mutable_waits_until() = to_wire(*until);
  });
}

void pass_gates(Work& work, const std::string& name) {
  const RolloutTally& tally = work.ledger.board().rollout(name);
  for (;;) {
    const rest::Rollout& rollout = work.mesh().rollouts.at(name);
    const std::uint32_t number = rollout.status().wave();
    const WaveStatus* wave = wave_in(rollout.status(), number);
    const WaveStatus* next = wave == nullptr ? nullptr : next_wave(rollout.status(), number);
    if (next == nullptr) return tell_sites(work, name, tally);
    if (tally_of(tally, wave_handed_out(rollout.status(), tally)).open > 0) {
      if (wave->has_ended()) mark_open(work, name, number);
      return tell_sites(work, name, tally);
    }
    if (wave->servers() == 0) {
      begin_wave(work, name, next->number());
      continue;
    }
    if (!wave->has_ended()) {
      mark_ended(work, name, number);
      continue;
    }
    if (soaks(work, *wave))
      return tell_waits(work, name,
                        wave_words(rollout.status(), number) + " has ended and soaks until " +
                            for_people(wave->soaks_until()));
    if (wants_person(rollout, *wave))
      return tell_waits(work, name,
                        at_person_gate(rollout, *wave, *next, tally_of(tally, next->number()).pending));
    begin_wave(work, name, next->number());
  }
}

}  // namespace metalmesh::controller
