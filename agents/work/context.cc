#include "agents/work/context.h"

#include <algorithm>
#include <utility>

#include "common/base/backoff.h"

namespace metalmesh::work {

void Context::tell_stage() {
  wire::Event event;
  event.mutable_stage()->set_stage(job.stage());
  tell(std::move(event));
}

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

void Context::note_evidence(std::string line) {
  const auto& noted = job.evidence();
  if (std::find(noted.begin(), noted.end(), line) == noted.end()) job.add_evidence(std::move(line));
}

Context::Passed Context::pass_time() {
  /// What is later than this was not late by itself: the agent was frozen, or its machine was.
  constexpr Duration late = std::chrono::seconds(10);
  Passed passed{now.mono - common.handled_at.value_or(now.mono), {}};
  common.handled_at = now.mono;
  const auto answer = common.bmc.answer_due();
  const MonoTime due = answer ? *answer : common.armed_wake.value_or(MonoTime::max());
  if (due >= now.mono || now.mono - due < late) return passed;
  passed.slept = std::min(passed.counted, now.mono - due);
  passed.counted -= passed.slept;
  common.entered += passed.slept;
  common.bmc.skip(passed.slept);
  return passed;
}

void Context::queue_again() {
  constexpr Backoff pace{.first = std::chrono::seconds(30), .most = std::chrono::minutes(10)};
  const std::uint32_t failed_attempt = job.attempt();
  wire::Event event;
  *event.mutable_retry()->mutable_fault() = job.fault();
  event.mutable_retry()->set_attempt(failed_attempt + 1);
  job.set_attempt(failed_attempt + 1);
  job.set_stage(wire::QUEUED);
  job.clear_fault();
  job.clear_intent();
  job.clear_intent_at();
  job.set_armed(false);
  job.clear_armed_at();
  job.set_powered(false);
  job.clear_contradicted();
  tell(std::move(event));
  out.actions.emplace_back(RetryLater{pace.delay(failed_attempt, random)});
}

void Context::arrange_wake() {
  if (common.bmc.waits()) wake.reset();
  if (wake == common.armed_wake) return;
  if (wake)
    out.actions.emplace_back(WaitFor{*wake - now.mono});
  else
    out.actions.emplace_back(StopWaiting{});
  common.armed_wake = wake;
}

void Context::settle(const Answer& answer) {
  if (answer.kind == Answer::Kind::unknown) return;
  job.clear_intent();
  job.clear_intent_at();
}

void Context::barred(const wire::Fault& why) {
  fail(wire::BMC_LOGIN_REFUSED, {.seen = "401", .detail = why.seen()});
}

void Context::take(const bmc::Trouble& trouble) { fail(trouble.code, facts_of(trouble)); }

}  // namespace metalmesh::work
