#include "agents/care/doctor.h"

#include <utility>

#include "agents/care/diagnosis.h"
#include "agents/work/exchange.h"
#include "common/base/command_words.h"
#include "common/orders/order_parts.h"

namespace metalmesh::care {
namespace {

using work::Verdict;

/// Whom it asks may be seen for the first time: any key is taken where none is pinned.
bmc::Dialogue first_contact(const record::Job& job, const work::StageTimeouts& timeouts, bmc::Known known,
                            std::uint64_t first_number) {
  return bmc::Dialogue(
      {"job/" + job.issue().deployment_id(), orders::bmc_of(job.agreed(), job.issue()), true, known.resumed},
      {.request = timeouts.bmc_request, .poll = timeouts.poll}, redfish::from_wire(job.agreed().identity()),
      {job.session_uris().begin(), job.session_uris().end()}, first_number, {known.quirks, nullptr});
}

wire::Fault worded(const record::Job& job, wire::FaultCode code, const work::FaultFacts& facts) {
  static const work::Wording other = {wire::BMC_PROTOCOL, false, true,
                                      "{bmc} answered {seen}, expected {expected}",
                                      "look at the BMC, then: " + commands::doctor("{server}")};
  const work::Wording* known = work::common_wording(code);
  wire::Fault fault = work::put_in_words(job, known != nullptr ? *known : other, code, facts);
  fault.set_disk(wire::DISK_UNTOUCHED);
  return fault;
}

std::optional<std::string> wrong(const wire::Agreed&, const wire::Issue&) { return std::nullopt; }
work::Materials materials(const wire::Agreed&, const wire::Issue&) { return {}; }
bool past_return(const record::Job&) { return false; }
std::unique_ptr<work::Work> make(work::Makings with) { return std::make_unique<Doctor>(std::move(with)); }

}  // namespace

const work::Kind doctor_kind{"doctor", false, false, wrong, materials, past_return, make, false, true};

/// What stops the talk is what was looked for.
class Doctor::Context : public work::Context {
 public:
  using work::Context::Context;
  [[nodiscard]] wire::Fault fault_of(wire::FaultCode code, const work::FaultFacts& facts) const override {
    return worded(job, code, facts);
  }
  Verdict fail(wire::FaultCode code, const work::FaultFacts& facts) override {
    failed = true;
    if (!stop) stop = fault_of(code, facts);
    return Verdict::busy;
  }
  std::optional<wire::Fault> stop;
};

Doctor::Doctor(work::Makings with)
    : job_(with.job),
      timeouts_(with.timeouts),
      media_(std::move(with.urls)),
      beside_(std::move(with.beside)),
      random_(with.seed),
      known_(with.known) {}

void Doctor::begin(Context& context) {
  talk_ = {};
  talk_.bmc = first_contact(job_, timeouts_, known_, 1 + random_.below(1'000'000'000));
  findings_.clear();
  surveyed_ = false;
  strange_.reset();
  begun_ = context.now.mono;
  job_.set_stage(wire::CONNECT);
  context.tell_stage();
}

Verdict Doctor::look(Context& context) {
  static const std::vector<Topic> all = {Topic::manager, Topic::network,  Topic::accounts, Topic::licences,
                                         Topic::jobs,    Topic::sessions, Topic::slot};
  using bmc::Dialogue;
  if (work::ask(context, &Dialogue::connect) == Verdict::busy) return Verdict::busy;
  const wire::Identity& registered = job_.agreed().identity();
  const bool known = !registered.uuid().empty() || !registered.serial().empty() || !registered.macs().empty();
  if (known && !strange_ && work::ask(context, &Dialogue::identify) == Verdict::busy) return Verdict::busy;
  for (const auto question :
       {&Dialogue::find_managers, &Dialogue::read_reset_values, &Dialogue::find_all_slots})
    if (work::ask(context, question) == Verdict::busy) return Verdict::busy;
  if (!std::exchange(surveyed_, true)) survey_.begin(talk_.bmc, all);
  return survey_.read(context);
}

/// Another machine than the registered one is a finding, and its BMC tells the rest all the same.
bool Doctor::met_a_stranger(Context& context) {
  const bool stranger = context.stop && (context.stop->code() == wire::IDENTITY_MISMATCH ||
                                         context.stop->code() == wire::IDENTITY_INSUFFICIENT);
  if (!stranger || strange_) return false;
  strange_ = std::exchange(context.stop, std::nullopt);
  context.failed = false;
  return true;
}

void Doctor::conclude(const Context& context) {
  constexpr Duration good_enough = std::chrono::minutes(2);
  const bool clock_ok = context.now.wall_high - context.now.wall_low <= good_enough;
  findings_ = context.stop ? diagnose(*context.stop)
                           : diagnose({job_, talk_.bmc, survey_.told(), media_.base, media_.ca, strange_,
                                       clock_ok ? std::optional(context.now.wall()) : std::nullopt, beside_});
}

/// Reads on; when all is read, or something stops it, it logs out and ends.
void Doctor::go_on(Context& context) {
  // A BMC that answers otherwise each time would be asked for ever.
  constexpr Duration longest_look = std::chrono::minutes(15);
  if (findings_.empty() && !job_.cancel_asked() && context.now.mono - begun_ > longest_look) {
    context.stop = worded(job_, wire::BMC_PROTOCOL,
                          {.expected = "answers that last until all is read", .seen = "others each time"});
    conclude(context);
  }
  if (findings_.empty() && !job_.cancel_asked()) {
    while (look(context) == Verdict::busy)
      if (!met_a_stranger(context)) {
        if (!context.failed) return;
        break;
      }
    conclude(context);
    if (context.stop && context.stop->code() == wire::BMC_UNREACHABLE) return end(context);
    context.failed = false;
    context.wake.reset();
  }
  const bool left = !talk_.bmc.logged_in() || work::log_out(context) == Verdict::done;
  if (left || context.failed) end(context);
}

void Doctor::end(Context& context) {
  wire::Event event;
  wire::Ended& ended = *event.mutable_ended();
  ended.set_disk(wire::DISK_UNTOUCHED);
  job_.set_ending(job_.cancel_asked() ? wire::Ended::CANCELLED : wire::Ended::SUCCEEDED);
  if (job_.cancel_asked()) {
    *job_.mutable_fault() =
        worded(job_, wire::CANCELLED_BY_OPERATOR, {.expected = "nothing", .seen = "a cancel"});
    *ended.mutable_fault() = job_.fault();
  }
  for (wire::Finding& finding : findings_) *ended.add_findings() = std::move(finding);
  if (const auto& system = talk_.bmc.system()) ended.set_power(system->power);
  for (const std::string& uri : job_.session_uris()) ended.add_debts("session " + uri + " may still be open");
  ended.set_outcome(job_.ending());
  job_.set_stage(wire::DONE);
  job_.set_ended(true);
  context.tell(std::move(event));
  context.out.actions.emplace_back(work::Finish{});
}

work::JobOutcome Doctor::handle(const work::JobInput& input, const Now& now, const work::Gate& gate) {
  work::JobOutcome out;
  if (job_.ended()) {
    out.actions.emplace_back(work::Finish{});
    return out;
  }
  Context context(job_, talk_, timeouts_, random_, now, gate, out, known_);
  context.pass_time();
  if (std::holds_alternative<work::Resume>(input)) begin(context);
  if (std::holds_alternative<work::CancelAsked>(input)) job_.set_cancel_asked(true);
  if (std::holds_alternative<work::PollDue>(input)) talk_.armed_wake.reset();
  if (const auto* reply = std::get_if<HttpReplied>(&input)) work::absorb(context, *reply);
  if (const auto* failure = std::get_if<HttpFailed>(&input)) work::absorb(context, *failure);
  if (!talk_.bmc.waits()) go_on(context);
  if (!job_.ended()) context.arrange_wake();
  return out;
}

}  // namespace metalmesh::care
