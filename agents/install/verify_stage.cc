// VERIFY: gather proof that the installed system runs, until it is enough or the time is up. The BMC may be
// away meanwhile: a port that answers proves more than it could.
#include <algorithm>

#include "agents/install/duration_words.h"
#include "agents/install/exchange.h"
#include "agents/install/stages.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

constexpr Duration default_within = std::chrono::minutes(20);
constexpr Duration default_settle = std::chrono::minutes(1);
constexpr Duration probe_gap = std::chrono::seconds(10);
constexpr std::uint16_t default_port = 22;

wire::ProofGrade wanted(const Context& context) {
  return std::max(context.order().proof().minimum(), wire::PROOF_POWEROFF);
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

void probe(Context& context) {
  Conversation& talk = context.talk;
  const wire::ProofPolicy& policy = context.order().proof();
  if (policy.reach_host().empty() || !talk.probe_id.empty()) return;
  if (context.now.mono < talk.next_probe) {
    context.wait(talk.next_probe - context.now.mono);
    return;
  }
  talk.probe_id = "job/" + context.order().deployment_id() + "/" + std::to_string(talk.next_number++);
  talk.next_probe = context.now.mono + probe_gap;
  ProbeStart start{talk.probe_id, policy.reach_host(), default_port, false};
  if (policy.reach_port() != 0) start.port = static_cast<std::uint16_t>(policy.reach_port());
  context.out.actions.emplace_back(Probe{std::move(start)});
}

void judge_power(Context& context, const redfish::System& system) {
  Conversation& talk = context.talk;
  if (context.job.proof() >= wire::PROOF_BOOTED) return;
  if (!system.on()) {
    talk.on_since.reset();
    return;
  }
  if (!talk.on_since) talk.on_since = context.now.mono;
  if (system.boot_progress == "OSRunning")
    return raise_proof(context, wire::PROOF_BOOTED, "the firmware reports a running operating system");
  const auto& policy = context.order().proof();
  const Duration settle = policy.has_settle() ? from_wire(policy.settle()) : default_settle;
  // Staying up proves nothing while our medium might be what it stays up from.
  if (context.job.inserted_slot().empty() && context.now.mono - *talk.on_since >= settle)
    raise_proof(context, wire::PROOF_BOOTED, "stayed on for " + for_people(settle) + " with the media gone");
}

}  // namespace

Verdict verify(Context& context) {
  const wire::ProofPolicy& policy = context.order().proof();
  if (planted(Defect::success_without_proof)) return Verdict::done;
  if (context.job.proof() >= wanted(context)) return Verdict::done;
  probe(context);
  // What the BMC can prove is asked for until it has; only from this machine it counts.
  if (context.job.proof() < wire::PROOF_BOOTED && reach_machine(context) == Verdict::done) {
    if (const redfish::System* system = look(context)) {
      judge_power(context, *system);
      if (context.job.proof() >= wanted(context)) return Verdict::done;
      look_again(context, context.timeouts.poll * (wanted(context) > wire::PROOF_BOOTED ? 4 : 1));
    }
  }
  const Duration within = policy.has_within() ? from_wire(policy.within()) : default_within;
  const Duration waited = context.now.wall_low - from_wire(context.job.final_power_on_at());
  if (waited < within) return context.wait(within - waited);
  return context.fail(
      wire::PROOF_MISSING,
      {.expected = name_of(wanted(context)), .seen = name_of(context.job.proof()), .span = within});
}

}  // namespace metalmesh::install
