// WATCH and FINALISE of a start from any image: what runs is somebody's own. It ends when a person says so, when its time is
// over, or when its host goes off or starts anew; then the medium is taken, and the host is left as was agreed.
#include "agents/install/stages.h"
#include "agents/work/duration_words.h"
#include "agents/work/reset_types.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

Verdict over(Context& context, wire::MediumReleased::Ground ground, std::string how) {
  context.release(ground);
  context.note_evidence("its kernel was read from the medium; " + std::move(how));
  return Verdict::done;
}

Verdict not_done(Context& context, std::string_view wanted) {
  return context.fail(wire::POWER_FAILED, {.expected = std::string(wanted),
                                           .seen = context.talk.bmc.system()->power,
                                           .detail = context.talk.last_refusal,
                                           .span = context.timeouts.power});
}

/// From its disk, once: what became of a call whose answer was lost is not known, and it is not made again.
Verdict restart(Context& context, const redfish::System& system) {
  record::Job& job = context.job;
  if (const auto answer = take_answer(context, Ask::reset); answer && answer->kind == Answer::Kind::refused) {
    context.talk.last_refusal = answer->error.text();
    return not_done(context, "restarted");
  }
  if (context.talk.on_sends > 0 || job.intent() == record::Job::RESET_CYCLE) {
    job.clear_intent();
    context.note_evidence("the host was told to restart");
    return Verdict::done;
  }
  ++context.talk.on_sends;
  const std::string_view type =
      system.off() ? work::type_for_on(system.reset)
                   : redfish::pick_reset(system.reset, {"ForceRestart", "PowerCycle", "GracefulRestart"});
  return act(context, Ask::reset, redfish::reset(system.reset, type), record::Job::RESET_CYCLE);
}

}  // namespace

Verdict session(Context& context) {
  record::Job& job = context.job;
  const Duration longest = longest_run(context);
  const Duration ran = from_wire(job.ran_for());
  if (job.cancel_asked()) return over(context, wire::MediumReleased::PERSON, "a person ended it");
  if (ran > longest)
    return over(context, wire::MediumReleased::LONGEST_RUN,
                "its " + work::for_people(longest) + " were over");
  context.wait(longest - ran + std::chrono::seconds(1));
  const redfish::System* system = read_power(context);
  if (system == nullptr) return Verdict::busy;
  Conversation& talk = context.talk;
  if (talk.restarts.restarted(talk.power, context.now.mono))
    return over(context, wire::MediumReleased::HOST_OFF, "its host started anew");
  if (talk.power.off(long_apart)) return over(context, wire::MediumReleased::HOST_OFF, "its host went off");
  const bool soon = talk.power.maybe_off() || talk.restarts.suspects();
  return soon ? look_again(context, context.timeouts.poll) : look_later(context);
}

Verdict leave_as_agreed(Context& context) {
  const auto afterwards = context.agreed().boot_iso().afterwards();
  if (afterwards != wire::BootIso::SWITCH_OFF && afterwards != wire::BootIso::RESTART) return Verdict::done;
  // An old copy of the agent's store, or its twin, may not know what runs there by now.
  if (!context.gate.vouched) return hold(context, context.gate.why_not);
  if (afterwards == wire::BootIso::SWITCH_OFF) {
    if (switch_off_gently(context) == Verdict::busy) return Verdict::busy;
    return context.talk.power.off(Duration{}) ? Verdict::done : not_done(context, "Off");
  }
  const redfish::System* system = look(context);
  return system == nullptr ? Verdict::busy : restart(context, *system);
}

}  // namespace metalmesh::install
