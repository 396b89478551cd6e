// VERIFY: gather proof that the installed system runs, until it is enough or the time is up. The BMC may be
// away meanwhile: a port that answers proves more than it could.
#include <algorithm>

#include "agents/install/final_power.h"
#include "agents/install/probe.h"
#include "agents/install/stages.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

constexpr Duration default_within = std::chrono::minutes(20);

wire::ProofGrade wanted(const Context& context) {
  // That it went off by itself is something; that it restarted, anybody may have brought about.
  const bool off_by_itself = context.job.proof() >= wire::PROOF_POWEROFF || !context.job.ends_in_restart();
  return std::max(context.install().proof().minimum(),
                  off_by_itself ? wire::PROOF_POWEROFF : wire::PROOF_BOOTED);
}

bool is_enough(const Context& context) {
  return context.job.proof() >= wanted(context) && !end_is_guessed(context.job);
}

/// What this profile's systems can show has been seen, and it is not enough: to wait longer gains nothing.
bool has_no_more(const Context& context) {
  const bool calls_back = context.install().proof().minimum() >= wire::PROOF_CALLBACK;
  return end_is_guessed(context.job) && !calls_back && context.job.proof() >= wanted(context);
}

std::string name_of(wire::ProofGrade grade) {
  switch (grade) {
    case wire::PROOF_POWEROFF:
      return "poweroff";
    case wire::PROOF_BOOTED:
      return "booted";
    case wire::PROOF_CALLBACK:
      return "callback";
    case wire::PROOF_REACHABLE:
      return "reachable";
    default:
      return "none";
  }
}

/// OSRunning may be left over from the installer: it counts when it was something else since.
bool os_runs(Context& context, const redfish::System& system) {
  const std::string progress = progress_of(system);
  std::string& before = *context.job.mutable_progress_before();
  const bool news = !before.empty() && progress != before;
  if (news && system.boot_progress == "OSRunning") return true;
  before = progress;
  return false;
}

/// Busy: the host is not on, and something is done about it. That it is on, and stays so, proves nothing: it may be in its
/// firmware, or started anew by itself meanwhile.
Verdict judge_power(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  if (talk.proves_late) return Verdict::done;
  talk.power.saw(system.power, context.now.mono);
  if (system.off()) {
    // What was on, and is off again, is a new system's own affair.
    return talk.power.on_seen() ? Verdict::done : still_off(context, system);
  }
  const bool runs = os_runs(context, system);
  if (!system.on()) return Verdict::done;
  talk.tells_what_runs |= !system.boot_progress.empty();
  if (runs) raise_proof(context, wire::PROOF_BOOTED, "the firmware reports a running operating system");
  return Verdict::done;
}

/// Of a BMC that never told what runs, more cannot be had by waiting.
std::string reached(const Context& context) {
  const bool silent = wanted(context) == wire::PROOF_BOOTED && !context.talk.tells_what_runs;
  return name_of(context.job.proof()) + (silent ? " (its BMC does not tell what runs)" : "");
}

std::string expected(const Context& context) {
  if (!end_is_guessed(context.job)) return name_of(wanted(context));
  return "callback, as it ended in a restart and nobody knows yet how much such an installer reads";
}

/// What runs now is what this job installed, unless another agent with our identity ordered something since:
/// what was seen counts once this incarnation is known to be the only one. A call back knows the job's secret
/// and speaks for itself; of a port that answers it says nothing.
Verdict proven(Context& context) {
  const bool called = context.job.callback_seen() && wanted(context) <= wire::PROOF_CALLBACK;
  const bool by_itself = called || wanted(context) <= wire::PROOF_POWEROFF;
  if (by_itself || context.gate.vouched) return Verdict::done;
  return hold(context, context.gate.why_not);
}

}  // namespace

Duration proof_time(const Context& context) {
  const wire::ProofPolicy& policy = context.install().proof();
  return policy.has_within() ? from_wire(policy.within()) : default_within;
}

Verdict verify(Context& context) {
  if (only_boots(context.job) || planted(Defect::success_without_proof)) return Verdict::done;
  if (is_enough(context)) return proven(context);
  if (context.job.port_was_closed() || planted(Defect::any_listener_proves)) probe_port(context);
  // What the BMC can prove is asked for until it has; only from this machine it counts.
  if (context.job.proof() < wire::PROOF_BOOTED && reach_machine(context) == Verdict::done) {
    if (const redfish::System* system = look(context)) {
      if (judge_power(context, *system) == Verdict::busy) return Verdict::busy;
      if (is_enough(context)) return proven(context);
      look_again(context, context.timeouts.poll * (wanted(context) > wire::PROOF_BOOTED ? 4 : 1));
    }
  }
  const Duration within = proof_time(context);
  const Duration waited = from_wire(context.job.verified_for());
  if (waited < within && !has_no_more(context)) return context.wait(within - waited);
  return context.fail(wire::PROOF_MISSING, {.expected = expected(context), .seen = reached(context), .span = waited});
}

}  // namespace metalmesh::install
