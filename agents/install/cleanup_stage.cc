// CLEANUP: undo what we did, whatever the end. Only what still is ours is touched; what cannot be undone
// stays in the job's rows and is reported as a debt.
#include "agents/install/stages.h"
#include "agents/work/reset_types.h"
#include "common/base/planted.h"

namespace metalmesh::install {
namespace {

constexpr int most_setbacks = 2;

bool owes(const Context& context) {
  const record::Job& job = context.job;
  return !job.inserted_slot().empty() || !job.second_slot().empty() || job.boot_overridden() ||
         job.session_uris_size() > 0 || context.talk.bmc.logging_in() ||
         (job.was_off() && job.host_on_by_us() && !job.launched());
}

Verdict remove_override(Context& context) {
  Conversation& talk = context.talk;
  if (!context.job.boot_overridden() || talk.setbacks > 0) return Verdict::done;
  if (connect(context) == Verdict::busy) return Verdict::busy;
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  // The address may lead to another machine by now; its override is none of our business.
  const auto expected = redfish::from_wire(context.agreed().identity());
  if (!talk.bmc.identified() && !redfish::may_be(expected, system->identity)) return Verdict::done;
  return clear_override(context, *system);
}

/// Nothing was launched, and the host was off before we came: it is put back, gently where that is offered.
Verdict put_back_to_off(Context& context) {
  Conversation& talk = context.talk;
  record::Job& job = context.job;
  const bool left_on = job.was_off() && job.host_on_by_us() && !job.launched() && job.armed();
  if (!left_on || !context.gate.vouched || talk.setbacks > 0 || will_retry(job, context.now))
    return Verdict::done;
  if (reach_machine(context) == Verdict::busy) return Verdict::busy;
  if (switch_off_gently(context) == Verdict::busy) return Verdict::busy;
  if (talk.power.off(Duration{})) job.set_host_on_by_us(false);  // else a debt
  return Verdict::done;
}

}  // namespace

Verdict switch_off_gently(Context& context) {
  Conversation& talk = context.talk;
  if (const auto answer = take_answer(context, Ask::reset); answer && answer->kind == Answer::Kind::refused)
    talk.told_off_at = context.now.mono - context.timeouts.power;
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  talk.power.saw(system->power, context.now.mono);
  if (talk.power.off(Duration{})) return Verdict::done;
  const Duration waited = context.now.mono - talk.told_off_at.value_or(context.now.mono);
  if (talk.power.maybe_off() || (talk.told_off_at && waited < context.timeouts.power))
    return look_again(context, context.timeouts.poll / 2);
  if (talk.forced_off) return Verdict::done;
  const bool gently = !talk.told_off_at && work::offers(system->reset, "GracefulShutdown");
  talk.forced_off = !gently;
  talk.told_off_at = context.now.mono;
  return act(context, Ask::reset,
             redfish::reset(system->reset,
                            gently ? "GracefulShutdown" : redfish::pick_reset(system->reset, {"ForceOff"})),
             record::Job::RESET_OFF);
}

Verdict cleanup(Context& context) {
  Conversation& talk = context.talk;
  record::Job& job = context.job;
  if (talk.setbacks >= most_setbacks || (!talk.bmc.logged_in() && talk.setbacks > 0)) return Verdict::done;
  if (!owes(context) || (job.has_fault() && work::must_not_talk(job))) return Verdict::done;
  if (open_session(context) == Verdict::busy) return Verdict::busy;
  if (job.contradicted()) return log_out(context);  // nothing is changed where another machine answered
  if (put_back_to_off(context) == Verdict::busy) return Verdict::busy;
  for (std::string* slot : {job.mutable_inserted_slot(), job.mutable_second_slot()}) {
    if (only_tests(job) && planted(Defect::test_medium_stays)) slot->clear();
    if (slot->empty() || talk.stuck_slots.contains(*slot) || talk.setbacks > 0) continue;
    switch (eject(context, *slot, true)) {
      case Ejected::busy:
        return Verdict::busy;
      case Ejected::empty:
        // The next attempt waits for what may still come before it inserts anew; a job that ends owns up to it. What
        // was taken out just now has come.
        if (*slot != talk.unseen_slot || talk.eject_posts > 0) slot->clear();
        break;
      case Ejected::another:  // by now it holds the medium of another job
        slot->clear();
        break;
      case Ejected::stuck:
        talk.stuck_slots.insert(*slot);
    }
  }
  if (remove_override(context) == Verdict::busy) return Verdict::busy;
  return log_out(context);
}

}  // namespace metalmesh::install
