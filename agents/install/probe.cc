#include "agents/install/probe.h"

#include <utility>

#include "agents/install/stages.h"
#include "common/base/planted.h"

namespace metalmesh::install {
namespace {

constexpr std::uint16_t default_port = 22;

}  // namespace

void probe_port(Context& context) {
  Conversation& talk = context.talk;
  const wire::ProofPolicy& policy = context.install().proof();
  if (policy.reach_host().empty()) return;
  if (context.now.mono < talk.next_probe) {
    context.wait(talk.next_probe - context.now.mono);
    return;
  }
  talk.probe_id = talk.bmc.next_id();
  talk.next_probe = context.now.mono + probe_gap;
  ProbeStart start{talk.probe_id, policy.reach_host(), default_port, false};
  if (policy.reach_port() != 0) start.port = static_cast<std::uint16_t>(policy.reach_port());
  context.out.actions.emplace_back(Probe{std::move(start)});
  context.wait(probe_gap);
}

void take_probe(Context& context, const ProbeAnswered& answer) {
  record::Job& job = context.job;
  if (answer.id != context.talk.probe_id) return;
  context.talk.probe_id.clear();
  const std::string& host = context.install().proof().reach_host();
  if (job.stage() == wire::WATCH) {
    if (!answer.open)
      job.set_port_was_closed(true);
    else if (job.port_was_closed())
      context.talk.restarts.port_answers(context.now.mono);
    return;
  }
  if (!job.final_power_on()) {
    if (!answer.open) {
      job.set_port_was_closed(true);
      context.talk.next_probe = context.now.mono;
    } else {
      context.note_evidence("a port of " + host +
                            " answers although the host is off: it is another machine's");
    }
    return;
  }
  const bool any = planted(Defect::any_listener_proves);
  // A restart may have been anybody's, and the port the installer's own.
  const bool another_sign =
      job.proof() >= wire::PROOF_BOOTED ||
      (std::exchange(context.talk.port_answered, answer.open) && !job.ends_in_restart());
  if (answer.open && (any || (job.port_was_closed() && another_sign)))
    raise_proof(context, wire::PROOF_REACHABLE, "a port of " + host + " answers");
}

}  // namespace metalmesh::install
