#include "agents/install/conversation.h"

#include <algorithm>

#include "agents/install/stages.h"
#include "common/base/backoff.h"
#include "common/base/check.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

constexpr Backoff pause_pace{.first = std::chrono::seconds(10), .most = std::chrono::minutes(2)};

/// The talk stops, the job goes on: told once, tried again at a slower and slower pace.
void pause(Context& context, const wire::Fault& why) {
  Conversation& talk = context.talk;
  const bool news = !talk.trouble;
  if (news && !context.job.custody()) {
    wire::Event event;
    *event.mutable_held()->mutable_fault() = why;
    context.tell(std::move(event));
  }
  if (news) context.log(LogLevel::warning, "the installer goes on without us: " + why.seen());
  work::start_over(context);
  if (news) talk.trouble = why;
  talk.held = why.code();
  if (why.code() == wire::BMC_LOGIN_REFUSED || why.code() == wire::BMC_PASSWORD_CHANGE_REQUIRED)
    talk.login_barred = true;
  talk.bmc.pause_until(context.now.mono + pause_pace.delay(++talk.pauses, context.random));
}

}  // namespace

Verdict Context::fail(wire::FaultCode code, const FaultFacts& facts) {
  failed = true;
  talk.bmc.forget_task();  // whatever becomes of it, cleanup looks for itself
  const bool running = installer_may_run(job);
  if (running && (job.custody() || is_of_talk(code))) {
    paused = true;
    pause(*this, make_fault(job, code, facts));
    return Verdict::busy;
  }
  if (job.stage() == wire::CLEANUP || job.has_fault()) {
    log(LogLevel::warning, "cleanup: " + make_fault(job, code, facts).seen());
    return Verdict::busy;
  }
  return fail_with(make_fault(job, code, facts));
}

Verdict Context::fail_with(wire::Fault fault) {
  failed = true;
  paused = false;  // this ends it
  const wire::FaultCode code = fault.code();
  *job.mutable_fault() = std::move(fault);
  log(LogLevel::warning, wire::FaultCode_Name(code) + ": " + job.fault().seen());
  if (installer_may_run(job)) return Verdict::busy;
  if (job.mount_state() != wire::MOUNT_STATE_UNSPECIFIED && job.mount_state() != wire::DEAD)
    set_mount(will_retry(job, now) ? wire::CLOSED : wire::DEAD);
  return Verdict::busy;
}

void Context::release(wire::MediumReleased::Ground ground) {
  job.set_released_by(ground);
  set_mount(wire::DEAD);
}

void Context::talk_works() {
  if (!talk.trouble) return;
  log(LogLevel::info, "the BMC answers as it should again");
  if (!job.custody()) {
    wire::Event event;
    event.mutable_stage()->set_stage(job.stage());
    event.mutable_stage()->set_note("the BMC answers as it should again");
    tell(std::move(event));
  }
  talk.trouble.reset();
  talk.held.reset();
  talk.pauses = 0;
}

void Context::set_mount(wire::MountState state) {
  if (job.mount_state() == state) return;
  MM_CHECK(state != wire::DEAD || !installer_may_run(job));
  job.set_mount_state(state);
  out.actions.emplace_back(SetMount{});
}

void Context::settle(const Answer& answer) {
  if (answer.kind == Answer::Kind::accepted) {
    if (job.intent() == record::Job::RESET_ON) {
      job.set_powered(true);
      job.set_host_on_by_us(true);
    }
    if (job.intent() == record::Job::FINAL_RESET_ON) {
      job.set_final_power_on(true);
      *job.mutable_final_power_on_at() = to_wire(now.wall());
    }
  }
  work::Context::settle(answer);
}

std::optional<Duration> Context::patience() const {
  if (job.stage() == wire::VERIFY || (only_boots(job) && job.stage() == wire::WATCH && job.launched()))
    return std::nullopt;
  const bool lost_counts = job.launched() && job.stage() != wire::CLEANUP;
  return lost_counts ? timeouts.bmc_lost : timeouts.unreachable;
}

const std::optional<wire::Fault>& Context::why_no_login() const {
  static const std::optional<wire::Fault> nothing;
  if (gate.no_login) return gate.no_login;
  return talk.login_barred ? talk.trouble : nothing;
}

/// Whoever touched power already is not given up: it waits for a better password.
void Context::barred(const wire::Fault& why) {
  if (job.armed() && job.stage() != wire::CLEANUP)
    work::hold(*this, why);
  else
    work::Context::barred(why);
}

void Context::take(const bmc::Trouble& trouble) {
  const bool was_there = trouble.code == wire::BMC_UNREACHABLE && job.launched();
  fail(was_there ? wire::BMC_LOST : trouble.code, work::facts_of(trouble));
}

}  // namespace metalmesh::install
