// POWER: off when the order allows it, then on. Only after ARM, never after LAUNCHED, and never again for a
// change that already took effect.
#include "agents/install/stages.h"
#include "agents/work/reset_types.h"
#include "common/base/planted.h"

namespace metalmesh::install {
namespace {

using redfish::Refusal;

constexpr int most_refusals = 6;
constexpr int most_on_sends = 2;
Verdict refused(Context& context, const Answer& answer) {
  Conversation& talk = context.talk;
  talk.last_refusal = answer.error.text();
  ++talk.reset_tries;
  if (talk.on_sends > 0) --talk.on_sends;  // it did not count
  if (!talk.refused_since) talk.refused_since = context.now.mono;
  // A BMC that still does what it was told before refuses the next for a minute or so.
  const bool passes = answer.refusal == Refusal::conflict || answer.refusal == Refusal::busy;
  const bool over = passes ? context.now.mono - *talk.refused_since >= context.timeouts.power_conflict
                           : talk.reset_tries > most_refusals;
  if (over || answer.status == 403)
    return context.fail(wire::POWER_FAILED,
                        {.expected = "switched (HTTP " + std::to_string(answer.status) + ")",
                         .seen = talk.bmc.system()->power,
                         .detail = talk.last_refusal,
                         .tries = static_cast<std::uint32_t>(talk.reset_tries)});
  // 409 and 400 may mean that it is so already: look first.
  const bool now = answer.refusal == Refusal::conflict && talk.reset_tries == 1;
  return now ? Verdict::done : look_again(context, 2 * context.timeouts.poll);
}

Verdict stuck(Context& context, std::string_view wanted) {
  return context.fail(wire::POWER_FAILED, {.expected = std::string(wanted),
                                           .seen = context.talk.bmc.system()->power,
                                           .detail = context.talk.last_refusal,
                                           .span = context.timeouts.power});
}

void forget_off(Conversation& talk) {
  talk.told_off_at.reset();
  talk.forced_off = false;
}

/// Power is only for an incarnation that is vouched for: an old copy of the agent's store, or its twin, may
/// not know what is running there.
bool may_not_switch(const Context& context) {
  return !context.gate.vouched && !planted(Defect::off_while_installing);
}

bool may_be_late(const Context& context) {
  return context.issue().has_launch_by() && maybe_past(context, context.issue().launch_by());
}

Verdict switch_on(Context& context, const redfish::System& system) {
  if (may_not_switch(context)) return hold(context, context.gate.why_not);
  if (may_be_late(context)) return look_again(context, context.timeouts.poll);
  Conversation& talk = context.talk;
  if (talk.on_sends >= most_on_sends + most_refusals) return stuck(context, "On");
  ++talk.on_sends;
  talk.told_on_at = context.now.mono;
  context.set_mount(wire::OPEN);
  return act(context, Ask::reset, redfish::reset(system.reset, work::type_for_on(system.reset)),
             record::Job::RESET_ON);
}

/// What asks the host to shut down: by request, else by the button. Empty: nothing that it offers.
std::string_view gentle_type(const Context& context, const redfish::System& system) {
  const bool button =
      std::ranges::find(system.reset.allowed, "PushPowerButton") != system.reset.allowed.end();
  if (!context.talk.gentle_refused && work::offers(system.reset, "GracefulShutdown"))
    return "GracefulShutdown";
  return button ? "PushPowerButton" : "";
}

Verdict switch_off(Context& context, const redfish::System& system) {
  if (may_not_switch(context)) return hold(context, context.gate.why_not);
  if (may_be_late(context)) return look_again(context, context.timeouts.poll);
  Conversation& talk = context.talk;
  const bool gentle = context.install().power() == wire::GRACEFUL && !context.job.host_on_by_us();
  const Duration waited = context.now.mono - talk.told_off_at.value_or(context.now.mono);
  if (talk.told_off_at && waited < context.timeouts.power)
    return look_again(context, context.timeouts.poll / 2);
  if (talk.forced_off) return stuck(context, "Off");
  const bool force = !gentle || talk.told_off_at.has_value();
  if (!force && gentle_type(context, system).empty())
    return context.fail(wire::POWERED_ON, {.expected = "and its BMC cannot shut it down gracefully",
                                           .seen = system.power,
                                           .detail = talk.last_refusal});
  talk.told_off_at = context.now.mono;
  talk.forced_off = force;
  // It was off at ARM and went on by itself since: it must not begin to install under our power-off.
  context.set_mount(wire::CLOSED);
  const auto type = force ? redfish::pick_reset(system.reset, {"ForceOff", "PushPowerButton"})
                          : gentle_type(context, system);
  return act(context, Ask::reset, redfish::reset(system.reset, type), record::Job::RESET_OFF);
}

/// Told to go on, in this life or an earlier one: see whether it did.
Verdict await_on(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  record::Job& job = context.job;
  if (system.power.empty()) return look_again(context, context.timeouts.poll / 2);
  if (!system.off()) {
    job.set_powered(true);
    job.set_host_on_by_us(true);
    job.clear_intent();
    return Verdict::done;
  }
  const Duration waited = context.now.mono - talk.told_on_at.value_or(talk.entered);
  if (waited < (job.powered() ? context.timeouts.power : settle_time(context, system.reset)))
    return look_again(context, context.timeouts.poll / 2);
  if (job.powered() && talk.on_sends >= most_on_sends) return stuck(context, "On");
  return switch_on(context, system);
}

}  // namespace

Verdict power(Context& context) {
  Conversation& talk = context.talk;
  record::Job& job = context.job;
  if (job.launched() && !planted(Defect::off_while_installing)) return Verdict::done;
  // To end it takes a time that is known; while it may have passed, nothing is switched either.
  if (context.issue().has_launch_by() && surely_past(context, context.issue().launch_by()))
    return context.fail(wire::ORDER_EXPIRED,
                        {.expected = "launch_by", .seen = "the host was not powered on in time"});
  if (const auto answer = take_answer(context, Ask::reset)) {
    // PowerState lags; the first read of the medium tells sooner than any question.
    if (answer->kind == Answer::Kind::accepted && job.powered())
      return look_again(context, context.timeouts.poll);
    if (answer->kind == Answer::Kind::unsent) forget_off(talk);
    if (answer->kind == Answer::Kind::refused) {
      // A refused shutdown is asked for in another way; nobody is forced off for that.
      const bool stays = answer->refusal == Refusal::other || answer->refusal == Refusal::for_good;
      if (talk.told_off_at && !talk.forced_off && stays) talk.gentle_refused = true;
      forget_off(talk);
      if (refused(context, *answer) == Verdict::busy) return Verdict::busy;
    }
  }
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (planted(Defect::off_while_installing) && job.launched()) return switch_off(context, *system);
  if (job.powered() || job.intent() == record::Job::RESET_ON || talk.told_on_at)
    return await_on(context, *system);
  if (system->power.empty()) return look_again(context, context.timeouts.poll / 2);
  if (!system->off()) {
    if (refused_for_power(context, *system)) return Verdict::busy;
    return switch_off(context, *system);
  }
  job.clear_intent();  // an unanswered power-off: it is off now
  if (!boots_as_ordered(context, system->boot)) return ensure_boot(context, *system);
  return switch_on(context, *system);
}

}  // namespace metalmesh::install
