// FINALISE: the installer ended and the mount is DEAD. Eject, take back an override that was not used, power
// on.
#include "agents/install/exchange.h"
#include "agents/install/stages.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

constexpr int most_sends = 4;
constexpr Duration settle_after_unknown = std::chrono::seconds(15);

void eject_or_owe(Context& context, std::string& slot, Ejected ejected) {
  if (ejected == Ejected::empty) {
    slot.clear();
    context.note_evidence("media ejected");
  } else {
    context.talk.stuck_slots.insert(slot);
    context.log(LogLevel::warning, "the slot does not empty; the mount is dead, going on");
  }
}

void powered_on(Context& context, std::string evidence) {
  context.job.clear_intent();
  context.job.set_final_power_on(true);
  *context.job.mutable_final_power_on_at() = to_wire(context.now.wall());
  context.note_evidence(std::move(evidence));
}

Verdict failed(Context& context) {
  return context.fail(wire::POWER_FAILED, {.expected = "On",
                                           .seen = context.talk.system->power,
                                           .detail = context.talk.last_refusal,
                                           .span = context.now.mono - context.talk.entered});
}

Verdict power_on(Context& context) {
  Conversation& talk = context.talk;
  record::Job& job = context.job;
  if (const auto answer = take_answer(context, Ask::reset); answer && answer->kind == Answer::Kind::refused) {
    talk.last_refusal = answer->error.text();
    if (talk.on_sends >= most_sends) return failed(context);
    if (answer->refusal != redfish::Refusal::conflict || talk.on_sends > 1)
      return look_again(context, 2 * context.timeouts.poll);
  }
  if (job.final_power_on()) {
    powered_on(context, "powered on");
    look_again(context, context.timeouts.poll / 2);  // for VERIFY: PowerState lags
    return Verdict::done;
  }
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (!system->off()) {
    const bool ours = job.intent() == record::Job::FINAL_RESET_ON || talk.on_sends > 0;
    powered_on(context, ours ? "powered on" : "found powered on, not by us");
    return Verdict::done;
  }
  const Duration waited = context.now.mono - talk.told_on_at.value_or(talk.entered);
  if (job.intent() == record::Job::FINAL_RESET_ON && waited < settle_after_unknown)
    return look_again(context, context.timeouts.poll / 2);
  if (job.boot_overridden() && clear_override(context, *system) == Verdict::busy) return Verdict::busy;
  if (talk.on_sends >= most_sends) return failed(context);
  ++talk.on_sends;
  talk.told_on_at = context.now.mono;
  return act(
      context, Ask::reset,
      redfish::reset(*system, redfish::pick_reset(system->reset, {"On", "ForceOn", "PushPowerButton"})),
      record::Job::FINAL_RESET_ON);
}

}  // namespace

Verdict finalise(Context& context) {
  record::Job& job = context.job;
  for (std::string* slot : {job.mutable_inserted_slot(), job.mutable_second_slot()}) {
    if (slot->empty() || context.talk.stuck_slots.contains(*slot)) continue;
    const Ejected ejected = eject(context, *slot, true);
    if (ejected == Ejected::busy) return Verdict::busy;
    // An old copy of this agent's store, or its twin: the machine belongs to another job by now.
    if (ejected == Ejected::another)
      return context.fail(
          wire::FOREIGN_MEDIA,
          {.expected = "our medium or none", .seen = context.talk.slot->image, .slot = *slot});
    eject_or_owe(context, *slot, ejected);
  }
  return power_on(context);
}

}  // namespace metalmesh::install
