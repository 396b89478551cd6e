// BOOT ONCE: CD, once, UEFI; and taking it back. The read-back is the System that ARM reads anyway.
#include "agents/install/stages.h"

namespace metalmesh::install {
namespace {

using redfish::Refusal;

constexpr int most_tries = 10;
constexpr int most_sends = 3;  // that were accepted and did not read back

Verdict send(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  const auto ladder = redfish::if_match_ladder(system.etag);
  const bool with_mode = system.boot.has_mode && !talk.without_mode;
  context.job.set_boot_overridden(true);
  ++talk.boot_tries;
  talk.boot_etag = system.etag;
  return act(context, Ask::boot,
             redfish::boot_once(system, with_mode, ladder[talk.etag_step % ladder.size()],
                                context.job.boot_target_step()),
             record::Job::SET_BOOT);
}

Verdict refused(Context& context, const Answer& answer) {
  Conversation& talk = context.talk;
  const auto fault = [&] {
    return context.fail(wire::BOOT_OVERRIDE_REFUSED, {.expected = "Once/Cd/UEFI",
                                                      .seen = "HTTP " + std::to_string(answer.status),
                                                      .detail = answer.error.text()});
  };
  if (talk.boot_tries >= most_tries) return fault();
  if (answer.refusal == Refusal::precondition) {
    talk.etag_refused = true;
    return Verdict::done;
  }
  if (answer.refusal == Refusal::busy || answer.refusal == Refusal::conflict)
    return look_again(context, context.timeouts.poll);
  if (answer.status >= 400 && answer.status < 500 && answer.status != 403 && !talk.without_mode) {
    talk.without_mode = true;
    return Verdict::done;
  }
  return fault();
}

std::string words_of(const redfish::Boot& boot) {
  return boot.enabled + "/" + boot.target + (boot.mode.empty() ? "" : " in mode " + boot.mode);
}

bool legacy(const redfish::Boot& boot) { return boot.has_mode && boot.mode == "Legacy"; }

/// What we sent reads back as something that another request would not change.
bool reads_back_wrong(const Context& context, const redfish::Boot& boot) {
  const unsigned tried = context.job.boot_target_step();
  const bool for_ever =
      !boot.may_stay && boot.enabled == "Continuous" && boot.target == redfish::cd_target(boot, tried);
  return for_ever || (redfish::boots_our_cd(boot, tried) && legacy(boot));
}

/// Ours, in any form that it was given: nobody else's is taken back.
bool still_set(const Context& context, const redfish::Boot& boot) {
  return !boot.enabled.empty() && boot.enabled != "Disabled" &&
         boot.target == redfish::cd_target(boot, context.job.boot_target_step());
}

Verdict not_taken(Context& context, const redfish::Boot& boot) {
  return context.fail(
      wire::BOOT_OVERRIDE_REFUSED,
      {.expected =
           "Once/" + std::string(redfish::cd_target(boot, context.job.boot_target_step())) + " in mode UEFI",
       .seen = "accepted, but reads back " + words_of(boot)});
}

}  // namespace

bool boots_as_ordered(const Context& context, const redfish::Boot& boot) {
  return redfish::boots_our_cd(boot, context.job.boot_target_step()) && !legacy(boot);
}

Verdict set_boot(Context& context) {
  Conversation& talk = context.talk;
  if (const auto answer = take_answer(context, Ask::boot)) {
    if (answer->kind == Answer::Kind::accepted || answer->kind == Answer::Kind::unknown) {
      ++talk.boot_sends;
      return Verdict::done;
    }
    if (answer->kind == Answer::Kind::refused && refused(context, *answer) == Verdict::busy)
      return Verdict::busy;
  }
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (boots_as_ordered(context, system->boot)) {
    context.job.set_boot_overridden(true);
    return Verdict::done;
  }
  if (talk.boot_sends > 0 && reads_back_wrong(context, system->boot)) return not_taken(context, system->boot);
  // Refused for an ETag that was out of date: the new one. For one that still holds: another form of it.
  if (std::exchange(talk.etag_refused, false) && system->etag == talk.boot_etag) ++talk.etag_step;
  return send(context, *system);
}

Verdict ensure_boot(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  if (boots_as_ordered(context, system.boot)) return Verdict::done;
  const bool wrong = talk.boot_sends > 0 && reads_back_wrong(context, system.boot);
  if (wrong || talk.boot_sends >= most_sends) return not_taken(context, system.boot);
  return set_boot(context) == Verdict::done ? look_again(context, context.timeouts.poll / 2) : Verdict::busy;
}

Verdict clear_override(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  if (const auto answer = take_answer(context, Ask::unboot)) {
    // Only what reads back as gone is no longer owed.
    if (answer->kind == Answer::Kind::accepted) return look_again(context, context.timeouts.poll / 2);
    const auto ladder = redfish::if_match_ladder(system.etag);
    const bool again = answer->refusal == Refusal::precondition && talk.etag_step + 1 < ladder.size();
    if (again) ++talk.etag_step;
    talk.unboot_tried = !again;
  }
  if (!still_set(context, system.boot)) {
    context.job.set_boot_overridden(false);
    return Verdict::done;
  }
  if (talk.unboot_tried) return Verdict::done;  // it expires by itself at the next boot; until then a debt
  talk.unboot_tried = true;
  const auto ladder = redfish::if_match_ladder(system.etag);
  return act(context, Ask::unboot, redfish::clear_boot(system, ladder[talk.etag_step % ladder.size()]),
             record::Job::SET_BOOT);
}

}  // namespace metalmesh::install
