#include "agents/install/conversation.h"

#include <algorithm>

namespace metalmesh::install {

void Context::log(LogLevel level, std::string message) {
  out.logs.push_back({level,
                      std::move(message),
                      {{"deployment", order().deployment_id()},
                       {"server", order().server()},
                       {"stage", wire::Stage_Name(job.stage())}}});
}

Verdict Context::wait(Duration delay) {
  const MonoTime at = now.mono + std::max(delay, Duration(std::chrono::milliseconds(1)));
  if (!wake || at < *wake) wake = at;
  return Verdict::busy;
}

Verdict Context::fail(wire::FaultCode code, const FaultFacts& facts) {
  failed = true;
  talk.task.reset();  // whatever becomes of it, cleanup looks for itself
  if (job.stage() == wire::CLEANUP || job.has_fault()) {
    log(LogLevel::warning, "cleanup: " + make_fault(job, code, facts).seen());
    return Verdict::busy;
  }
  *job.mutable_fault() = make_fault(job, code, facts);
  log(LogLevel::warning, wire::FaultCode_Name(code) + ": " + job.fault().seen());
  if (job.mount_state() != wire::MOUNT_STATE_UNSPECIFIED && job.mount_state() != wire::DEAD)
    set_mount(will_retry(job, now) ? wire::CLOSED : wire::DEAD);
  return Verdict::busy;
}

void Context::set_mount(wire::MountState state) {
  if (job.mount_state() == state) return;
  job.set_mount_state(state);
  out.actions.emplace_back(SetMount{});
}

void Context::note_evidence(std::string line) {
  const auto& known = job.evidence();
  if (std::find(known.begin(), known.end(), line) == known.end()) job.add_evidence(std::move(line));
}

}  // namespace metalmesh::install
