#include "agents/install/final_power.h"

#include "agents/install/probe.h"
#include "agents/install/stages.h"
#include "agents/work/reset_types.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

constexpr int most_refusals = 4;
constexpr int most_sends = 3;  // that were taken and did nothing
constexpr int most_port_probes = 2;

Verdict failed(Context& context, std::string seen) {
  return context.fail(wire::POWER_FAILED, {.expected = "On",
                                           .seen = std::move(seen),
                                           .detail = context.talk.last_refusal,
                                           .span = context.now.mono - context.talk.entered});
}

void powered_on(Context& context, std::string evidence) {
  context.job.clear_intent();
  if (!context.job.final_power_on()) {
    context.job.set_final_power_on(true);
    *context.job.mutable_final_power_on_at() = to_wire(context.now.wall());
  }
  context.note_evidence(std::move(evidence));
}

/// Busy: waits for another try, or has failed.
Verdict refused(Context& context, const Answer& answer) {
  Conversation& talk = context.talk;
  talk.last_refusal = answer.error.text();
  if (talk.on_sends > 0) --talk.on_sends;  // it did not count
  const bool passes =
      answer.refusal == redfish::Refusal::conflict || answer.refusal == redfish::Refusal::busy;
  if (!talk.refused_since) talk.refused_since = context.now.mono;
  const bool over = passes ? context.now.mono - *talk.refused_since >= context.timeouts.power_conflict
                           : ++talk.reset_tries >= most_refusals;
  if (over) return failed(context, "Off");
  return look_again(context, 2 * context.timeouts.poll);
}

Verdict send(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  ++talk.on_sends;
  talk.told_on_at = context.now.mono;
  return act(context, Ask::reset, redfish::reset(system.reset, work::type_for_on(system.reset)),
             record::Job::FINAL_RESET_ON);
}

}  // namespace

std::string progress_of(const redfish::System& system) {
  return system.boot_progress.empty() ? "not told" : system.boot_progress;
}

Verdict ask_for_closed_port(Context& context) {
  Conversation& talk = context.talk;
  const bool wanted = !context.install().proof().reach_host().empty() && !context.job.port_was_closed();
  const bool waits = context.now.mono < talk.next_probe;
  const bool answered = talk.probe_id.empty() || !waits;
  if (!wanted || (answered && talk.port_probes == most_port_probes)) return Verdict::done;
  if (waits) return context.wait(talk.next_probe - context.now.mono);
  ++talk.port_probes;
  probe_port(context);
  return Verdict::busy;
}

Verdict power_on_new_system(Context& context) {
  Conversation& talk = context.talk;
  record::Job& job = context.job;
  if (const auto answer = take_answer(context, Ask::reset); answer && answer->kind == Answer::Kind::refused) {
    if (refused(context, *answer) == Verdict::busy) return Verdict::busy;
  }
  if (job.final_power_on()) {
    powered_on(context, "powered on");
    look_again(context, context.timeouts.poll / 2);  // for VERIFY: PowerState lags
    return Verdict::done;
  }
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (system->power.empty()) return look_again(context, context.timeouts.poll);
  if (!system->off()) {
    const bool ours = job.intent() == record::Job::FINAL_RESET_ON || talk.on_sends > 0;
    powered_on(context, ours                    ? "powered on"
                        : job.ends_in_restart() ? "still on after its restart"
                                                : "found powered on, not by us");
    return Verdict::done;
  }
  // Once it was told to go on, a state that lags may stand beside the new system's progress.
  if (job.intent() != record::Job::FINAL_RESET_ON) job.set_progress_before(progress_of(*system));
  const Duration waited = context.now.mono - talk.told_on_at.value_or(talk.entered);
  if (job.intent() == record::Job::FINAL_RESET_ON && waited < settle_time(context, system->reset))
    return look_again(context, context.timeouts.poll / 2);
  if (job.boot_overridden() && clear_override(context, *system) == Verdict::busy) return Verdict::busy;
  if (ask_for_closed_port(context) == Verdict::busy) return Verdict::busy;
  if (talk.on_sends >= most_sends) return failed(context, "Off");
  return send(context, *system);
}

Verdict still_off(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  if (const auto answer = take_answer(context, Ask::reset); answer && answer->kind == Answer::Kind::refused) {
    if (refused(context, *answer) == Verdict::busy) return Verdict::busy;
  }
  const MonoTime since = std::max(talk.told_on_at.value_or(talk.entered), talk.power.off_since());
  if (!talk.power.off(std::chrono::seconds(1)) || context.now.mono - since < lag_time(context, system.reset))
    return look_again(context, context.timeouts.poll);
  if (talk.on_sends >= most_sends)
    return failed(context, "Off: its BMC took the power-on, and it is still Off");
  return send(context, system);
}

}  // namespace metalmesh::install
