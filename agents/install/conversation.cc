#include "agents/install/conversation.h"

#include <algorithm>

#include "agents/install/exchange.h"
#include "agents/install/stages.h"
#include "common/base/backoff.h"
#include "common/base/check.h"

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
  start_over(context);
  if (news) talk.trouble = why;
  talk.held = why.code();
  if (why.code() == wire::BMC_LOGIN_REFUSED || why.code() == wire::BMC_PASSWORD_CHANGE_REQUIRED)
    talk.login_barred = true;
  talk.bmc.pause_until(context.now.mono + pause_pace.delay(++talk.pauses, context.random));
}

}  // namespace

void Context::log(LogLevel level, std::string message) {
  out.logs.push_back({level,
                      std::move(message),
                      {{"deployment", issue().deployment_id()},
                       {"server", agreed().server()},
                       {"stage", wire::Stage_Name(job.stage())}}});
}

Verdict Context::wait(Duration delay) {
  const MonoTime at = now.mono + std::max(delay, Duration(std::chrono::milliseconds(1)));
  if (!wake || at < *wake) wake = at;
  return Verdict::busy;
}

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

void Context::note_evidence(std::string line) {
  const auto& noted = job.evidence();
  if (std::find(noted.begin(), noted.end(), line) == noted.end()) job.add_evidence(std::move(line));
}

}  // namespace metalmesh::install
