#include "agents/power/power_stages.h"

#include <algorithm>
#include <string>
#include <utility>

#include "agents/redfish/requests.h"
#include "common/ports/wire_time.h"

namespace metalmesh::power {
namespace {

using redfish::Refusal;
using work::ask;
using work::look;
using work::look_again;

constexpr int most_sends = 3;     // that did nothing
constexpr int most_refusals = 6;  // with what does not pass by itself
constexpr Duration glance = std::chrono::seconds(2);
constexpr int most_setbacks = 2;

Verdict not_offered(Context& context, std::string seen) {
  return context.fail(wire::NOT_OFFERED,
                      {.expected = std::string(context.change.words), .seen = std::move(seen)});
}

std::string offers_of(const redfish::ResetAction& action) {
  if (action.target.empty()) return "it has no such action";
  std::string all;
  for (const std::string& type : action.allowed) all += (all.empty() ? "" : ", ") + type;
  return "it offers " + all;
}

/// The one that can be told to restart; nullptr: none, or nobody knows which.
const redfish::Manager* manager_of(const bmc::Dialogue& dialogue) {
  const redfish::Manager* only = nullptr;
  for (const redfish::Manager& manager : dialogue.managers()) {
    if (manager.reset.target.empty()) continue;
    if (only != nullptr) return nullptr;
    only = &manager;
  }
  return only;
}

/// The action that is asked for, and nothing where it is no action.
const redfish::ResetAction* action_of(const Context& context) {
  switch (context.change.way) {
    case Way::reset:
    case Way::restart:
      return &context.talk.bmc.system()->reset;
    case Way::bmc_reset: {
      const redfish::Manager* manager = manager_of(context.talk.bmc);
      return manager == nullptr ? nullptr : &manager->reset;
    }
    case Way::light:
    case Way::setup:
      break;
  }
  return nullptr;
}

/// Of what is offered, and was not refused.
std::string_view type_of(const Context& context, const redfish::ResetAction& action) {
  if (context.talk.refused_type.empty()) return choose(context.change, action);
  for (const std::string_view type : context.change.types) {
    const bool offered = std::ranges::find(action.allowed, type) != action.allowed.end();
    if (offered && type != context.talk.refused_type) return type;
  }
  return {};
}

/// What can be chosen from is known.
Verdict read_offers(Context& context) {
  if (context.change.way == Way::bmc_reset) {
    if (ask(context, &bmc::Dialogue::find_managers) == Verdict::busy) return Verdict::busy;
    return ask(context, &bmc::Dialogue::read_manager_resets);
  }
  return ask(context, &bmc::Dialogue::read_reset_values);
}

/// Busy: it does not, and the job has failed.
Verdict offers_it(Context& context, const redfish::System& system) {
  switch (context.change.way) {
    case Way::light:
      return system.light.offered() ? Verdict::done
                                    : not_offered(context, "its system shows no indicator light");
    case Way::setup:
      return redfish::lacks_setup(system.boot) ? not_offered(context, "setup is no boot target of it")
                                               : Verdict::done;
    case Way::restart:
      if (system.off()) return not_offered(context, "the host is off");
      break;
    case Way::reset:
    case Way::bmc_reset:
      break;
  }
  const redfish::ResetAction* action = action_of(context);
  if (action == nullptr) {
    return not_offered(context, context.talk.bmc.managers().size() > 1
                                    ? "which of its managers is meant is not known"
                                    : "it has no such action");
  }
  return choose(context.change, *action).empty() ? not_offered(context, offers_of(*action)) : Verdict::done;
}

/// Done: it is not so yet. Busy: it may be, and is looked at again; or it is, and the job is at its end.
Verdict is_so_already(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  talk.reached.saw(shows(context.change, system) == true, context.now.mono);
  if (!talk.reached.maybe()) return Verdict::done;
  if (!talk.reached.sure()) return look_again(context, glance);
  context.note_evidence(std::string(context.change.state) + " already: nothing was changed");
  talk.finished = true;
  return Verdict::busy;
}

redfish::Request request_for(const Context& context, const redfish::System& system, std::string_view type) {
  const auto ladder = redfish::if_match_ladder(system.etag);
  const auto& if_match = ladder[context.talk.etag_step % ladder.size()];
  switch (context.change.way) {
    case Way::light:
      return redfish::set_light(system, context.change.change == wire::Power::LIGHT_ON, if_match);
    case Way::setup:
      return redfish::boot_setup_once(system, if_match);
    default:
      return redfish::reset(*action_of(context), type);
  }
}

Ask ask_for(Way way) {
  if (way == Way::light) return Ask::light;
  return way == Way::setup ? Ask::boot : Ask::reset;
}

wire::FaultCode failure_of(Way way) {
  return way == Way::setup ? wire::BOOT_OVERRIDE_REFUSED : wire::POWER_FAILED;
}

/// Done: to be asked for in another way, at once. Busy: later, or it has failed.
Verdict refused(Context& context, const Answer& answer) {
  Conversation& talk = context.talk;
  talk.last_refusal = answer.error.text();
  if (!talk.refused_since) talk.refused_since = context.now.mono;
  const bool passes = answer.refusal == Refusal::conflict || answer.refusal == Refusal::busy;
  if (answer.refusal == Refusal::precondition && talk.etag_step < 4) {
    ++talk.etag_step;
    return look_again(context, Duration::zero());
  }
  const Duration limit = std::min(context.within(), context.timeouts.power_conflict);
  const bool over =
      passes ? context.now.mono - *talk.refused_since >= limit : ++talk.refusals >= most_refusals;
  const bool for_good = answer.refusal == Refusal::for_good || answer.refusal == Refusal::denied ||
                        answer.refusal == Refusal::licence;
  const redfish::ResetAction* action = action_of(context);
  if (for_good && action != nullptr && talk.refused_type.empty()) {
    talk.refused_type = choose(context.change, *action);
    if (!type_of(context, *action).empty()) return Verdict::done;
  }
  if (for_good || over) {
    return context.fail(for_good ? wire::NOT_OFFERED : failure_of(context.change.way),
                        {.expected = std::string(context.change.words),
                         .seen = "it refused with HTTP " + std::to_string(answer.status),
                         .detail = talk.last_refusal,
                         .span = context.now.mono - *talk.refused_since,
                         .tries = static_cast<std::uint32_t>(talk.refusals)});
  }
  return look_again(context, 2 * context.timeouts.poll);
}

Verdict send(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  const redfish::ResetAction* action = action_of(context);
  const std::string_view type = action == nullptr ? std::string_view() : type_of(context, *action);
  if (talk.sends++ == 0) talk.entered = context.now.mono;  // the order's time begins
  talk.repeatable = may_repeat(context.change, type);
  talk.in_task = false;
  talk.told_at = context.now.mono;
  talk.reached = {};
  context.note_evidence("the BMC was told " + std::string(context.change.words) +
                        (type.empty() ? "" : " (" + std::string(type) + ")"));
  return work::act(context, ask_for(context.change.way), request_for(context, system, type),
                   context.change.intent);
}

/// What was told, in this life or an earlier one.
bool repeatable(const Context& context) {
  if (!was_told(context.job)) return true;
  return context.talk.sends > 0 ? context.talk.repeatable : may_repeat(context.change, action_of(context));
}

bool expired(const Context& context) {
  return context.issue().has_start_by() && work::surely_past(context, context.issue().start_by());
}

Verdict fail_expired(Context& context) {
  return context.fail(wire::ORDER_EXPIRED, {.expected = "start_by", .seen = "start_by has passed"});
}

/// A push ends whatever goes on: done only where the host was read twice to be in the one state that it is to leave.
Verdict stands_still(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  talk.still.saw(context.change.change == wire::Power::ON ? system.off() : system.on(), context.now.mono);
  if (talk.still.sure()) return Verdict::done;
  if (context.now.mono - talk.entered >= context.within()) {
    return not_offered(context, "it offers a push on the button only, and that may do the contrary while " +
                                    seen(context.change, system));
  }
  return look_again(context, glance);
}

Verdict succeed(Context& context, std::string evidence) {
  context.note_evidence(std::move(evidence));
  context.job.clear_intent();
  return Verdict::done;
}

Verdict too_late(Context& context, std::string seen) {
  const bool unknown = context.in_doubt() && !context.change.repeatable;
  return context.fail(unknown ? wire::OUTCOME_UNKNOWN : failure_of(context.change.way),
                      {.expected = std::string(context.change.words),
                       .seen = std::move(seen),
                       .detail = context.talk.last_refusal,
                       .span = context.now.mono - context.talk.entered});
}

/// A host that was to go off and on: either was seen, or its firmware has begun anew.
Verdict watch_restart(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  record::Job& job = context.job;
  // A boot that was under way goes on as well: only where the restart was acknowledged it is the sign of a new one.
  const bool anew = job.powered() && !system.boot_progress.empty() && !job.progress_before().empty() &&
                    system.boot_progress != job.progress_before();
  // Off, or on its way there or back. Where nobody said that it was done, one such reading may be a glitch, and
  // a way that began before the host was seen on is another one.
  if (system.on()) talk.was_on = true;
  const bool under_way = system.power.starts_with("Powering") && (job.powered() || talk.was_on);
  if (system.off() || under_way) talk.offs.saw(true, context.now.mono);
  const bool went_off = job.powered() ? talk.offs.maybe() : talk.offs.sure();
  talk.reached.saw(system.on(), context.now.mono);
  if (talk.reached.sure() && went_off) return succeed(context, "the host was seen off, and is on again");
  if (talk.reached.sure() && anew) return succeed(context, "the host's start has begun anew, and it is on");
  // An off that is too short to be seen is no contradiction to what the BMC says it did.
  const bool long_enough =
      context.now.mono - talk.told_at.value_or(talk.entered) >= context.timeouts.power / 4;
  if (job.powered() && talk.reached.sure() && long_enough)
    return succeed(context, "the host is on: read twice; it was not seen off");
  return look_again(context, glance);
}

/// A BMC that was told to restart: it answers again, as the same machine.
Verdict watch_bmc(Context& context) {
  Conversation& talk = context.talk;
  const bool waited = context.now.mono - talk.entered >= context.timeouts.power / 2;
  const bool gone = talk.silent.sure();
  // What lost the answer may have kept the BMC away as well.
  if (!context.job.powered() || !(gone || waited)) return look_again(context, glance);
  if (!std::exchange(talk.anew, true)) {
    talk.bmc.forget_identity();
    talk.bmc.forget_reply();
  }
  if (work::reach_machine(context) == Verdict::busy) return Verdict::busy;
  return succeed(context,
                 gone ? "the BMC was away, and answers again" : "the BMC answers; it was not seen away");
}

}  // namespace

Verdict preflight(Context& context) {
  const wire::Issue& issue = context.issue();
  if (expired(context)) return fail_expired(context);
  if (issue.has_not_before() && context.now.wall_high < from_wire(issue.not_before()))
    return look_again(context, 2 * context.timeouts.poll);
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (is_so_already(context, *system) == Verdict::busy) return Verdict::busy;
  if (read_offers(context) == Verdict::busy) return Verdict::busy;
  return offers_it(context, *context.talk.bmc.system());
}

Verdict arm(Context& context) {
  if (work::may_arm(context) == Verdict::busy) return Verdict::busy;
  work::begin_last_reading(context);
  if (work::check_identity(context) == Verdict::busy) return Verdict::busy;
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (is_so_already(context, *system) == Verdict::busy) return Verdict::busy;
  record::Job& job = context.job;
  job.set_armed(true);
  *job.mutable_armed_at() = to_wire(context.now.wall());
  job.set_was_off(system->off());
  job.set_progress_before(system->boot_progress);
  wire::Event event;
  event.mutable_armed();
  context.tell(std::move(event));
  return Verdict::done;
}

Verdict change_it(Context& context) {
  record::Job& job = context.job;
  if (const auto answer = work::take_answer(context, ask_for(context.change.way))) {
    const bool to_be_sent = job.intent() == record::Job::NONE && answer->kind != Answer::Kind::accepted;
    if (!to_be_sent) context.talk.again = false;
    const bool was_refused = to_be_sent && answer->kind == Answer::Kind::refused;
    if (was_refused && refused(context, *answer) == Verdict::busy) return Verdict::busy;
  }
  if (was_told(job) && !context.talk.again) return Verdict::done;
  if (!was_told(job) && expired(context)) return fail_expired(context);
  // An old copy of the agent's store, or its twin, may not know what goes on there.
  if (!context.gate.vouched) return work::hold(context, context.gate.why_not);
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (shows(context.change, *system) == true) return Verdict::done;
  if (read_offers(context) == Verdict::busy) return Verdict::busy;
  if (offers_it(context, *context.talk.bmc.system()) == Verdict::busy) return Verdict::busy;
  const redfish::ResetAction* action = action_of(context);
  const bool pushes = action != nullptr && type_of(context, *action) == button;
  if (pushes && stands_still(context, *context.talk.bmc.system()) == Verdict::busy) return Verdict::busy;
  return send(context, *context.talk.bmc.system());
}

bool wants_another(const Context& context) {
  const Conversation& talk = context.talk;
  if (!talk.bmc.system() || talk.reached.maybe() || talk.sends >= most_sends || !repeatable(context))
    return false;
  // Who was asked to shut down is shutting down.
  if (context.job.powered() && context.change.change == wire::Power::GRACEFUL) return false;
  const Duration lag =
      context.job.powered() ? context.timeouts.power / 4 : Duration(std::chrono::seconds(15));
  return shows(context.change, *talk.bmc.system()) == false &&
         context.now.mono - talk.told_at.value_or(talk.entered) >= lag;
}

Verdict verify(Context& context) {
  Conversation& talk = context.talk;
  const Duration left = context.within() - (context.now.mono - talk.entered);
  if (left <= Duration::zero()) {
    const bool looked = talk.bmc.system().has_value();
    return too_late(context, looked ? seen(context.change, *talk.bmc.system()) : "the BMC does not answer");
  }
  context.wait(left);
  if (context.change.way == Way::bmc_reset && !talk.anew) {
    if (work::connect(context) == Verdict::done && look(context) != nullptr) return watch_bmc(context);
    return Verdict::busy;
  }
  if (work::reach_machine(context) == Verdict::busy) return Verdict::busy;
  if (context.change.way == Way::bmc_reset) return watch_bmc(context);
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (context.change.way == Way::restart) return watch_restart(context, *system);
  talk.reached.saw(shows(context.change, *system) == true, context.now.mono);
  if (talk.reached.sure()) return succeed(context, std::string(context.change.state) + ": read twice");
  if (read_offers(context) == Verdict::busy) return Verdict::busy;
  return look_again(context, glance);
}

Verdict cleanup(Context& context) {
  const record::Job& job = context.job;
  Conversation& talk = context.talk;
  if (talk.setbacks >= most_setbacks || (!talk.bmc.logged_in() && talk.setbacks > 0)) return Verdict::done;
  if (job.session_uris().empty() || (job.has_fault() && work::must_not_talk(job))) return Verdict::done;
  if (work::open_session(context) == Verdict::busy) return Verdict::busy;
  return work::log_out(context);
}

void conclude(Context& context) {
  record::Job& job = context.job;
  if (will_retry(job, context.now)) return context.queue_again();
  const bool failed = job.has_fault();
  job.set_ending(!failed              ? wire::Ended::SUCCEEDED
                 : job.cancel_asked() ? wire::Ended::CANCELLED
                                      : wire::Ended::FAILED);
  job.set_stage(wire::DONE);
  job.set_ended(true);
  wire::Event event;
  wire::Ended& ended = *event.mutable_ended();
  ended.set_outcome(job.ending());
  *ended.mutable_evidence() = job.evidence();
  if (failed) *ended.mutable_fault() = job.fault();
  ended.set_disk(wire::DISK_UNTOUCHED);
  if (const auto& system = context.talk.bmc.system()) ended.set_power(system->power);
  for (const std::string& uri : job.session_uris()) ended.add_debts("session " + uri + " may still be open");
  context.tell(std::move(event));
  context.out.actions.emplace_back(work::Finish{});
}

}  // namespace metalmesh::power
