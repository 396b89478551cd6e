#include "agents/power/power_machine.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agents/power/power_kind.h"
#include "agents/power/power_stages.h"
#include "common/base/check.h"
#include "common/base/planted.h"

namespace metalmesh::power {
namespace {

enum class Needs { nothing, connected, identified };

struct Row {
  wire::Stage stage;
  Needs needs;
  Verdict (*run)(Context&);
  wire::Stage next;
};

Verdict reach_bmc(Context& context) { return work::connect(context); }
Verdict know_machine(Context& context) { return work::check_identity(context); }

// VERIFY judges its deadline even while the BMC is away, so it connects by itself.
constexpr std::array<Row, 7> rows = {{
    {wire::CONNECT, Needs::nothing, reach_bmc, wire::IDENTITY},
    {wire::IDENTITY, Needs::connected, know_machine, wire::PREFLIGHT},
    {wire::PREFLIGHT, Needs::identified, preflight, wire::ARM},
    {wire::ARM, Needs::connected, arm, wire::POWER},
    {wire::POWER, Needs::identified, change_it, wire::VERIFY},
    {wire::VERIFY, Needs::nothing, verify, wire::CLEANUP},
    {wire::CLEANUP, Needs::nothing, cleanup, wire::DONE},
}};

const Row& row_of(wire::Stage stage) {
  const auto* row = std::ranges::find(rows, stage, &Row::stage);
  MM_CHECK(row != rows.end());
  return *row;
}

/// Where a job goes on after a restart, by what is durably true of it: what may have been told is looked at first.
wire::Stage stage_by_facts(const record::Job& job) {
  if (job.stage() == wire::CLEANUP || job.has_fault()) return wire::CLEANUP;
  if (!job.armed()) return wire::CONNECT;
  return was_told(job) ? wire::VERIFY : wire::POWER;
}

void enter(Context& context, wire::Stage stage) {
  Conversation& talk = context.talk;
  context.job.set_stage(stage);
  if (talk.sends == 0 || stage == wire::CLEANUP) talk.entered = context.now.mono;
  talk.bmc.forget_answers();
  talk.reached = {};
  // Whatever was known of a BMC that restarts: its sessions, connections and paths are to be found anew.
  if (stage == wire::VERIFY && context.change.way == Way::bmc_reset) work::start_over(context);
  context.tell_stage();
}

Verdict prepare(Context& context, Needs needs) {
  if (needs == Needs::connected) return work::connect(context);
  return needs == Needs::identified ? work::reach_machine(context) : Verdict::done;
}

void take_as_done(Context& context) {
  context.talk.bmc.forget_task();
  context.settle({.ask = Ask::reset, .kind = Answer::Kind::accepted});
}

Verdict step(Context& context) {
  const Row& row = row_of(context.job.stage());
  Conversation& talk = context.talk;
  if (row.stage != wire::VERIFY && context.now.mono < talk.bmc.pause())
    return context.wait(talk.bmc.pause() - context.now.mono);
  if (talk.bmc.has_task()) {
    talk.in_task = true;
    // That of a BMC's restart dies in it: its beginning is the answer.
    if (context.change.way == Way::bmc_reset)
      take_as_done(context);
    else if (work::follow_task(context) == Verdict::busy)
      return Verdict::busy;
  }
  if (prepare(context, row.needs) == Verdict::busy || context.failed) return Verdict::busy;
  return row.run(context);
}

void run(Context& context) {
  constexpr int most_steps = 64;
  Conversation& talk = context.talk;
  for (int i = 0; i < most_steps; ++i) {
    if (std::exchange(context.failed, false)) {
      if (context.job.stage() == wire::CLEANUP)
        ++talk.setbacks;
      else
        enter(context, wire::CLEANUP);
    }
    if (talk.bmc.waits()) return;
    context.wake.reset();
    const Verdict verdict = step(context);
    if (context.failed) continue;
    if (std::exchange(talk.finished, false)) {
      enter(context, wire::CLEANUP);
      continue;
    }
    if (verdict == Verdict::busy) {
      if (context.job.stage() != wire::VERIFY || talk.bmc.waits() || !wants_another(context)) return;
      talk.again = true;
      enter(context, wire::POWER);
      continue;
    }
    if (context.job.stage() == wire::CLEANUP) return conclude(context);
    enter(context, row_of(context.job.stage()).next);
  }
}

}  // namespace

PowerMachine::PowerMachine(work::Makings with)
    : job_(with.job),
      timeouts_(with.timeouts),
      random_(with.seed),
      known_(with.known),
      talk_(std::make_unique<Conversation>()) {}

PowerMachine::~PowerMachine() = default;

void PowerMachine::resume(Context& context) {
  *talk_ = Conversation{};
  // An answer to a request of an earlier life must not pass for one of this.
  talk_->bmc = work::open_dialogue(job_, timeouts_, known_, 1 + random_.below(1'000'000'000));
  if (job_.attempt() == 0) job_.set_attempt(1);
  if (planted(Defect::toggle_repeated) && job_.armed()) {
    job_.clear_intent();
    job_.set_powered(false);
  }
  enter(context, stage_by_facts(job_));
  if (job_.cancel_asked()) take_cancel(context);
}

void PowerMachine::take_cancel(Context& context) {
  if (power_kind.past_return(job_)) return;
  job_.set_cancel_asked(true);
  if (job_.stage() != wire::CLEANUP) context.fail(wire::CANCELLED_BY_OPERATOR, {});
}

void PowerMachine::fold(Context& context, const work::JobInput& input) {
  if (std::holds_alternative<work::Resume>(input)) return resume(context);
  if (std::holds_alternative<work::CancelAsked>(input)) return take_cancel(context);
  if (std::holds_alternative<work::PollDue>(input)) context.talk.armed_wake.reset();
  if (std::holds_alternative<work::CredentialSet>(input))
    context.talk.bmc.pause_until(std::min(context.talk.bmc.pause(), context.now.mono));
  if (const auto* reply = std::get_if<HttpReplied>(&input)) {
    if (!context.talk.silent.sure()) context.talk.silent = {};
    work::absorb(context, *reply);
  }
  if (const auto* failure = std::get_if<HttpFailed>(&input)) {
    if (job_.stage() == wire::VERIFY && failure->failure != HttpFailure::local)
      context.talk.silent.saw(true, context.now.mono);
    work::absorb(context, *failure);
  }
}

std::string PowerMachine::boot_progress() const {
  const auto& system = talk_->bmc.system();
  return system ? system->boot_progress : std::string();
}

work::JobOutcome PowerMachine::handle(const work::JobInput& input, const Now& now, const work::Gate& gate) {
  work::JobOutcome out;
  if (job_.ended()) {
    out.actions.emplace_back(work::Finish{});
    return out;
  }
  const bool running = job_.stage() >= wire::CONNECT && job_.stage() != wire::DONE;
  if (!running && !std::holds_alternative<work::Resume>(input)) return out;
  Context context(job_, *talk_, timeouts_, random_, now, gate, out, known_);
  context.pass_time();
  fold(context, input);
  run(context);
  context.arrange_wake();
  return out;
}

}  // namespace metalmesh::power
