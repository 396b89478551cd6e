#include "agents/work/context.h"

#include <algorithm>
#include <utility>

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
