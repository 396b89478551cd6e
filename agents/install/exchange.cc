#include "agents/install/exchange.h"

#include <utility>

#include "agents/install/stages.h"
#include "common/base/planted.h"
#include "common/orders/order_parts.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

/// How long the BMC may be silent. While an installer runs, or has ended, much longer; while the new system's
/// proof is awaited, that wait's own deadline decides.
std::optional<Duration> patience(const Context& context) {
  if (context.job.stage() == wire::VERIFY) return std::nullopt;
  const bool lost_counts = context.job.launched() && context.job.stage() != wire::CLEANUP;
  return lost_counts ? context.timeouts.bmc_lost : context.timeouts.unreachable;
}

/// Refused elsewhere meanwhile, or here.
const std::optional<wire::Fault>& why_no_login(const Context& context) {
  static const std::optional<wire::Fault> nothing;
  if (context.gate.no_login) return context.gate.no_login;
  return context.talk.login_barred ? context.talk.trouble : nothing;
}

bmc::Turn& turn_of(Context& context) {
  context.turn.patience = patience(context);
  context.turn.patience_useless = context.timeouts.unreachable;
  // Whoever still serves reads to the installer is not gone.
  context.turn.alive = context.talk.reads.last();
  context.turn.may_log_in = !why_no_login(context);
  return context.turn;
}

/// A changing call is over: facts that follow from it, whatever stage is interested.
void settle(Context& context, const Answer& answer) {
  record::Job& job = context.job;
  if (answer.kind == Answer::Kind::accepted) {
    if (job.intent() == record::Job::RESET_ON) {
      job.set_powered(true);
      job.set_host_on_by_us(true);
    }
    if (job.intent() == record::Job::FINAL_RESET_ON) {
      job.set_final_power_on(true);
      *job.mutable_final_power_on_at() = to_wire(context.now.wall());
    }
  }
  if (answer.kind != Answer::Kind::unknown) {
    job.clear_intent();
    job.clear_intent_at();
  }
}

/// Whoever touched power already is not given up: it waits for a better password.
void not_to_be_tried(Context& context) {
  const wire::Fault& why = *why_no_login(context);
  const bool waits = context.job.armed() && context.job.stage() != wire::CLEANUP;
  if (waits)
    hold(context, why);
  else
    context.fail(wire::BMC_LOGIN_REFUSED, {.seen = "401", .detail = why.seen()});
}

void fail(Context& context, const bmc::Trouble& trouble) {
  if (trouble.held_back) return not_to_be_tried(context);
  const bool was_there = trouble.code == wire::BMC_UNREACHABLE && context.job.launched();
  context.fail(was_there ? wire::BMC_LOST : trouble.code, {.expected = trouble.expected,
                                                           .seen = trouble.seen,
                                                           .detail = trouble.detail,
                                                           .span = trouble.span,
                                                           .tries = trouble.tries});
}

void keep_sessions(Context& context) {
  const auto& sessions = context.talk.bmc.sessions();
  auto& row = *context.job.mutable_session_uris();
  row.Assign(sessions.begin(), sessions.end());
}

/// What the dialogue left in the turn becomes the job's.
void carry(Context& context) {
  bmc::Turn& turn = context.turn;
  keep_sessions(context);
  if (context.talk.bmc.contradicted()) context.job.set_contradicted(true);
  if (auto request = std::exchange(turn.request, std::nullopt))
    context.out.actions.emplace_back(CallBmc{std::move(*request)});
  if (const auto wake = std::exchange(turn.wake, std::nullopt)) context.wait(*wake - context.now.mono);
  if (std::exchange(turn.login_accepted, false)) context.out.actions.emplace_back(LoginAccepted{});
  if (std::exchange(turn.login_refused, false)) context.out.actions.emplace_back(LoginRefused{});
  for (std::string& note : std::exchange(turn.notes, {})) context.note_evidence(std::move(note));
  if (const auto settled = std::exchange(turn.settled, std::nullopt)) settle(context, *settled);
  if (const auto trouble = std::exchange(turn.trouble, std::nullopt)) fail(context, *trouble);
}

}  // namespace

bmc::Dialogue open_dialogue(const record::Job& job, const StageTimeouts& timeouts, bmc::Known known,
                            std::uint64_t first_number) {
  bmc::Peer peer{"job/" + job.issue().deployment_id(), orders::bmc_of(job.agreed(), job.issue()), false};
  bmc::Timing timing{.request = timeouts.bmc_request, .poll = timeouts.poll};
  bmc::Dialogue dialogue(std::move(peer), timing, redfish::from_wire(job.agreed().identity()),
                         {job.session_uris().begin(), job.session_uris().end()}, first_number, known);
  if (job.contradicted()) dialogue.hold_contradicted("one machine", "another one than before, for a while");
  return dialogue;
}

void start_over(Context& context) {
  context.talk.bmc =
      open_dialogue(context.job, context.timeouts, context.known, context.talk.bmc.next_number());
}

Verdict act(Context& context, Ask ask, redfish::Request request, record::Job::Intent intent) {
  if (context.failed || context.talk.bmc.waits()) return Verdict::busy;
  context.talk.bmc.act(turn_of(context), ask, std::move(request));
  if (context.turn.request) {
    if (!planted(Defect::act_before_intent)) context.job.set_intent(intent);
    *context.job.mutable_intent_at() = to_wire(context.now.wall());
  }
  carry(context);
  return Verdict::busy;
}

std::optional<Answer> take_answer(Context& context, Ask ask) { return context.talk.bmc.take_answer(ask); }

Verdict ask(Context& context, Verdict (bmc::Dialogue::*question)(bmc::Turn&)) {
  if (context.failed) return Verdict::busy;
  const Verdict verdict = (context.talk.bmc.*question)(turn_of(context));
  carry(context);
  return verdict;
}

Verdict follow_task(Context& context) { return ask(context, &bmc::Dialogue::follow_task); }

Verdict log_out(Context& context) {
  if (context.failed) return Verdict::busy;
  const Verdict verdict = context.talk.bmc.close(turn_of(context), true);
  carry(context);
  return verdict;
}

const redfish::System* look(Context& context) {
  if (context.failed) return nullptr;
  const redfish::System* system = context.talk.bmc.look(turn_of(context));
  carry(context);
  return context.failed ? nullptr : system;
}

const redfish::Slot* look_at_slot(Context& context, const std::string& uri) {
  if (context.failed) return nullptr;
  const redfish::Slot* slot = context.talk.bmc.look_at_slot(turn_of(context), uri);
  carry(context);
  return context.failed ? nullptr : slot;
}

Verdict look_again(Context& context, Duration gap) {
  context.talk.bmc.look_again(turn_of(context), gap);
  carry(context);
  return Verdict::busy;
}

void absorb(Context& context, const HttpReplied& reply) {
  context.talk.bmc.take(turn_of(context), reply);
  carry(context);
}

void absorb(Context& context, const HttpFailed& failure) {
  context.talk.bmc.take(turn_of(context), failure);
  carry(context);
}

}  // namespace metalmesh::install
