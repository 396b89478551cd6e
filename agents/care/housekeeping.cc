#include "agents/care/housekeeping.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agents/work/common_stages.h"
#include "agents/work/exchange.h"
#include "common/base/check.h"
#include "common/base/command_words.h"

namespace metalmesh::care {
namespace {

using bmc::Dialogue;
using work::Verdict;

constexpr int most_looks = 5;

// {expected}: "to end sessions".
const std::array<work::Wording, 3>& wordings() {
  using namespace work::marks;
  static const std::array<work::Wording, 3> table = {{
      {wire::NOT_OFFERED, stays, known, "{bmc} was told {expected}, and {seen}",
       "look at the BMC's web page; a restart of the BMC may help: " +
           commands::power("bmc-reset", "{server}")},
      {wire::POWERED_ON, stays, known, "nothing was taken out: {seen}",
       "when nothing reads it any more, switch the host off and order it again; what an agent that lost its "
       "folder "
       "left: " +
           commands::clean("{server}")},
      {wire::CANCELLED_BY_OPERATOR, stays, known, "cancelled before it was over", "nothing"},
  }};
  return table;
}

wire::Fault worded(const record::Job& job, wire::FaultCode code, const work::FaultFacts& facts) {
  const auto* own = std::ranges::find(wordings(), code, &work::Wording::code);
  const work::Wording* wording = own != wordings().end() ? own : work::common_wording(code);
  wire::Fault fault =
      work::put_in_words(job, wording != nullptr ? *wording : wordings().front(), code, facts);
  fault.set_disk(wire::DISK_UNTOUCHED);
  return fault;
}

const Deed& deed_of(const record::Job& job) {
  const Deed* deed = find_deed(job.agreed().housekeeping().deed());
  MM_CHECK(deed != nullptr);
  return *deed;
}

std::optional<std::string> wrong(const wire::Agreed&, const wire::Issue&) { return std::nullopt; }
work::Materials materials(const wire::Agreed&, const wire::Issue&) { return {}; }
bool past_return(const record::Job&) { return false; }
std::unique_ptr<work::Work> make(work::Makings with) {
  return std::make_unique<Housekeeper>(std::move(with));
}

}  // namespace

const work::Kind housekeeping_kind{"bmc", true, false, wrong, materials, past_return, make};

class Housekeeper::Context : public work::Context {
 public:
  using work::Context::Context;
  [[nodiscard]] wire::Fault fault_of(wire::FaultCode code, const work::FaultFacts& facts) const override {
    return worded(job, code, facts);
  }
  Verdict fail(wire::FaultCode code, const work::FaultFacts& facts) override {
    failed = true;
    common.bmc.forget_task();
    if (!job.has_fault()) *job.mutable_fault() = fault_of(code, facts);
    log(LogLevel::warning, wire::FaultCode_Name(code) + ": " + job.fault().seen());
    return Verdict::busy;
  }
};

Housekeeper::Housekeeper(work::Makings with)
    : job_(with.job),
      deed_(deed_of(with.job)),
      timeouts_(with.timeouts),
      media_(std::move(with.urls)),
      random_(with.seed),
      known_(with.known) {}

void Housekeeper::begin(Context& context) {
  talk_ = {};
  // An answer to a request of an earlier life must not pass for one of this.
  talk_.bmc = work::open_dialogue(job_, timeouts_, known_, 1 + random_.below(1'000'000'000));
  job_.clear_intent();
  job_.clear_intent_at();
  const bool over = job_.has_fault() || job_.cancel_asked() || job_.stage() == wire::CLEANUP;
  job_.set_stage(over ? wire::CLEANUP : wire::CONNECT);
  looks_ = 0;
  calls_.reset();
  surveyed_ = false;
  context.tell_stage();
}

/// All of it, on a new connection, a little later.
void Housekeeper::look_anew(Context& context) {
  work::start_over(context);
  calls_.reset();
  surveyed_ = false;
  next_look_ = context.now.mono + timeouts_.poll;
}

Verdict Housekeeper::look(Context& context) {
  if (context.now.mono < next_look_) return context.wait(next_look_ - context.now.mono);
  if (work::reach_machine(context) == Verdict::busy) return Verdict::busy;
  if (work::ask(context, &Dialogue::find_managers) == Verdict::busy) return Verdict::busy;
  const bool of_slots = deed_.of_media || std::ranges::find(deed_.topics, Topic::slots) != deed_.topics.end();
  if (of_slots && work::ask(context, &Dialogue::find_all_slots) == Verdict::busy) return Verdict::busy;
  if (!std::exchange(surveyed_, true)) survey_.begin(talk_.bmc, deed_.topics);
  return survey_.read(context);
}

void Housekeeper::judge(Context& context) {
  const Ward ward{talk_.bmc,         survey_.told(), job_.agreed().housekeeping().all(),
                  media_.base,       media_.ca,      {job_.evidence().begin(), job_.evidence().end()},
                  context.now.wall()};
  ++looks_;
  if (const auto against = deed_.against(ward)) {
    context.fail(against->code, {.expected = std::string(deed_.words), .seen = against->why});
    if (!against->next.empty()) job_.mutable_fault()->set_next(against->next);
    return;
  }
  std::vector<Call> calls = deed_.calls(ward);
  if (calls.empty()) {
    if (job_.evidence().empty()) context.note_evidence("there was nothing to do");
    job_.set_stage(wire::CLEANUP);
    return;
  }
  if (looks_ >= most_looks) {
    context.fail(wire::NOT_OFFERED, {.expected = std::string(deed_.words),
                                     .seen = calls.front().what + " is still to be done",
                                     .detail = refusal_});
    return;
  }
  // One reading takes nothing away.
  if (deed_.of_media && looks_ == 1) return look_anew(context);
  next_call_ = 0;
  calls_ = std::move(calls);
}

void Housekeeper::answered(Context& context, const work::Answer& answer) {
  constexpr int gone = 404;
  const std::string& what = calls_->at(next_call_).what;
  if (answer.kind == work::Answer::Kind::accepted) context.note_evidence(what);
  if (answer.kind == work::Answer::Kind::refused && answer.status != gone) {
    refusal_ = answer.error.text();
    if (answer.refusal == redfish::Refusal::for_good || answer.refusal == redfish::Refusal::denied ||
        answer.refusal == redfish::Refusal::licence) {
      context.fail(wire::NOT_OFFERED,
                   {.expected = std::string(deed_.words),
                    .seen = what + " was refused (HTTP " + std::to_string(answer.status) + ")",
                    .detail = refusal_});
      return;
    }
  }
  ++next_call_;
}

void Housekeeper::act(Context& context) {
  if (talk_.bmc.has_task() && work::follow_task(context) == Verdict::busy) return;
  if (const auto answer = work::take_answer(context, deed_.ask)) answered(context, *answer);
  if (context.failed) return;
  if (next_call_ >= calls_->size()) return look_anew(context);
  if (!job_.armed() && work::may_arm(context) == Verdict::busy) return;
  if (!context.gate.vouched) {
    work::hold(context, context.gate.why_not);
    return;
  }
  if (!std::exchange(talk_.arm_reading, true)) job_.set_stage(wire::ARM);
  job_.set_armed(true);
  work::act(context, deed_.ask, calls_->at(next_call_).request, deed_.intent);
}

void Housekeeper::go_on(Context& context) {
  constexpr int most_steps = 64;
  for (int i = 0; i < most_steps && !talk_.bmc.waits(); ++i) {
    const bool failed = std::exchange(context.failed, false);
    if (failed && job_.stage() == wire::CLEANUP)
      return end(context);  // its session times out, and is told as a debt
    if (job_.has_fault()) job_.set_stage(wire::CLEANUP);
    context.wake.reset();
    if (job_.stage() == wire::CLEANUP) {
      if (!talk_.bmc.logged_in() || work::log_out(context) == Verdict::done) return end(context);
      if (!context.failed) return;
    } else if (!calls_) {
      if (look(context) == Verdict::done)
        judge(context);
      else if (!context.failed)
        return;
    } else {
      act(context);
      if (!context.failed && calls_ && (talk_.bmc.waits() || context.wake)) return;
    }
  }
}

void Housekeeper::end(Context& context) {
  wire::Event event;
  wire::Ended& ended = *event.mutable_ended();
  job_.set_ending(!job_.has_fault()     ? wire::Ended::SUCCEEDED
                  : job_.cancel_asked() ? wire::Ended::CANCELLED
                                        : wire::Ended::FAILED);
  ended.set_outcome(job_.ending());
  ended.set_disk(wire::DISK_UNTOUCHED);
  *ended.mutable_evidence() = job_.evidence();
  if (job_.has_fault()) *ended.mutable_fault() = job_.fault();
  if (const auto& system = talk_.bmc.system()) ended.set_power(system->power);
  for (const std::string& uri : job_.session_uris()) ended.add_debts("session " + uri + " may still be open");
  job_.set_stage(wire::DONE);
  job_.set_ended(true);
  context.tell(std::move(event));
  context.out.actions.emplace_back(work::Finish{});
}

work::JobOutcome Housekeeper::handle(const work::JobInput& input, const Now& now, const work::Gate& gate) {
  work::JobOutcome out;
  if (job_.ended()) {
    out.actions.emplace_back(work::Finish{});
    return out;
  }
  Context context(job_, talk_, timeouts_, random_, now, gate, out, known_);
  context.pass_time();
  if (std::holds_alternative<work::Resume>(input)) begin(context);
  if (std::holds_alternative<work::CancelAsked>(input)) {
    job_.set_cancel_asked(true);
    context.fail(wire::CANCELLED_BY_OPERATOR, {});
  }
  if (std::holds_alternative<work::PollDue>(input)) talk_.armed_wake.reset();
  if (const auto* reply = std::get_if<HttpReplied>(&input)) work::absorb(context, *reply);
  if (const auto* failure = std::get_if<HttpFailed>(&input)) work::absorb(context, *failure);
  go_on(context);
  if (!job_.ended()) context.arrange_wake();
  return out;
}

}  // namespace metalmesh::care
