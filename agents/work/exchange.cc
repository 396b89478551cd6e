#include "agents/work/exchange.h"

#include <utility>

#include "common/base/planted.h"
#include "common/orders/order_parts.h"
#include "common/ports/wire_time.h"

namespace metalmesh::work {
namespace {

bmc::Turn& turn_of(Context& context) {
  context.turn.patience = context.patience();
  context.turn.patience_useless = context.timeouts.unreachable;
  context.turn.alive = context.alive();
  context.turn.may_log_in = !context.why_no_login();
  return context.turn;
}

void keep_sessions(Context& context) {
  const auto& sessions = context.common.bmc.sessions();
  auto& row = *context.job.mutable_session_uris();
  row.Assign(sessions.begin(), sessions.end());
}

void take(Context& context, const bmc::Trouble& trouble) {
  if (trouble.held_back)
    context.barred(*context.why_no_login());
  else
    context.take(trouble);
}

/// What the dialogue left in the turn becomes the job's.
void carry(Context& context) {
  bmc::Turn& turn = context.turn;
  keep_sessions(context);
  if (context.common.bmc.contradicted()) context.job.set_contradicted(true);
  if (auto request = std::exchange(turn.request, std::nullopt))
    context.out.actions.emplace_back(CallBmc{std::move(*request)});
  if (const auto wake = std::exchange(turn.wake, std::nullopt)) context.wait(*wake - context.now.mono);
  if (std::exchange(turn.login_accepted, false)) context.out.actions.emplace_back(LoginAccepted{});
  if (std::exchange(turn.login_refused, false)) context.out.actions.emplace_back(LoginRefused{});
  for (std::string& note : std::exchange(turn.notes, {})) context.note_evidence(std::move(note));
  if (const auto settled = std::exchange(turn.settled, std::nullopt)) context.settle(*settled);
  if (const auto trouble = std::exchange(turn.trouble, std::nullopt)) take(context, *trouble);
}

}  // namespace

bmc::Dialogue open_dialogue(const record::Job& job, const StageTimeouts& timeouts, bmc::Known known,
                            std::uint64_t first_number) {
  bmc::Peer peer{"job/" + job.issue().deployment_id(), orders::bmc_of(job.agreed(), job.issue()), false,
                 known.resumed};
  bmc::Timing timing{.request = timeouts.bmc_request, .poll = timeouts.poll};
  bmc::Dialogue dialogue(std::move(peer), timing, redfish::from_wire(job.agreed().identity()),
                         {job.session_uris().begin(), job.session_uris().end()}, first_number, known);
  if (job.contradicted()) dialogue.hold_contradicted("one machine", "another one than before, for a while");
  return dialogue;
}

void start_over(Context& context) {
  context.common.bmc =
      open_dialogue(context.job, context.timeouts, context.known, context.common.bmc.next_number());
}

Verdict act(Context& context, Ask ask, redfish::Request request, record::Job::Intent intent) {
  if (context.failed || context.common.bmc.waits()) return Verdict::busy;
  context.common.bmc.act(turn_of(context), ask, std::move(request));
  if (context.turn.request) {
    if (!planted(Defect::act_before_intent)) context.job.set_intent(intent);
    *context.job.mutable_intent_at() = to_wire(context.now.wall());
  }
  carry(context);
  return Verdict::busy;
}

std::optional<Answer> take_answer(Context& context, Ask ask) { return context.common.bmc.take_answer(ask); }

Verdict ask(Context& context, Verdict (bmc::Dialogue::*question)(bmc::Turn&)) {
  if (context.failed) return Verdict::busy;
  const Verdict verdict = (context.common.bmc.*question)(turn_of(context));
  carry(context);
  return verdict;
}

Verdict follow_task(Context& context) { return ask(context, &bmc::Dialogue::follow_task); }

Verdict log_out(Context& context) {
  if (context.failed) return Verdict::busy;
  const Verdict verdict = context.common.bmc.close(turn_of(context), true);
  carry(context);
  return verdict;
}

const redfish::System* look(Context& context) {
  if (context.failed) return nullptr;
  const redfish::System* system = context.common.bmc.look(turn_of(context));
  carry(context);
  return context.failed ? nullptr : system;
}

const redfish::Slot* look_at_slot(Context& context, const std::string& uri) {
  if (context.failed) return nullptr;
  const redfish::Slot* slot = context.common.bmc.look_at_slot(turn_of(context), uri);
  carry(context);
  return context.failed ? nullptr : slot;
}

const HttpReplied* read(Context& context, const std::string& path) {
  if (context.failed) return nullptr;
  const HttpReplied* reply = context.common.bmc.read(turn_of(context), path);
  carry(context);
  return context.failed ? nullptr : reply;
}

Verdict look_again(Context& context, Duration gap) {
  context.common.bmc.look_again(turn_of(context), gap);
  carry(context);
  return Verdict::busy;
}

void absorb(Context& context, const HttpReplied& reply) {
  context.common.bmc.take(turn_of(context), reply);
  carry(context);
}

void absorb(Context& context, const HttpFailed& failure) {
  context.common.bmc.take(turn_of(context), failure);
  carry(context);
}

}  // namespace metalmesh::work
