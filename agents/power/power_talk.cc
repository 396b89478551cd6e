#include "agents/power/power_talk.h"

#include <algorithm>
#include <array>

#include "common/base/command_words.h"
#include "common/ports/wire_time.h"

namespace metalmesh::power {
namespace {

constexpr Duration usual_within = std::chrono::minutes(5);
constexpr std::uint32_t most_attempts = 3;

// {expected}: "to switch the host on".
const std::array<work::Wording, 6>& wordings() {
  using namespace work::marks;
  static const std::array<work::Wording, 6> table = {{
      {wire::ORDER_EXPIRED, stays, known, "nothing was changed before {expected}; {seen}",
       "order it again with a later start"},
      {wire::NOT_OFFERED, stays, known, "{bmc} offers nothing {expected}: {seen}",
       "ask it what it offers: " + commands::inspect("{server}") +
           "; a licence or newer firmware may bring it, else do it at the machine"},
      {wire::POWER_FAILED, stays, known, "{bmc} was told {expected}, and {span} later {seen}",
       "look at the host's console and power supplies, then order it again"},
      {wire::BOOT_OVERRIDE_REFUSED, stays, known, "{bmc} was told {expected}, and {seen}",
       "update the BMC's firmware, or choose setup at the host's console"},
      {wire::CANCELLED_BY_OPERATOR, stays, known, "cancelled before anything was changed", "nothing"},
      {wire::OUTCOME_UNKNOWN, stays, unknown,
       "{bmc} was told {expected}; whether it did is not known: {seen}",
       "look at the machine; if it still needs it, order it again"},
  }};
  return table;
}

const work::Wording& wording_of(wire::FaultCode code) {
  const auto* own = std::ranges::find(wordings(), code, &work::Wording::code);
  if (own != wordings().end()) return *own;
  const work::Wording* common = work::common_wording(code);
  return common != nullptr ? *common : wordings().back();
}

}  // namespace

wire::Fault Context::fault_of(wire::FaultCode code, const FaultFacts& facts) const {
  wire::Fault fault = work::put_in_words(job, wording_of(code), code, facts);
  fault.set_disk(wire::DISK_UNTOUCHED);
  return fault;
}

Verdict Context::fail(wire::FaultCode code, const FaultFacts& facts) {
  failed = true;
  talk.bmc.forget_task();  // whatever becomes of it
  wire::Fault fault = fault_of(code, facts);
  if (job.stage() == wire::CLEANUP || job.has_fault()) {
    log(LogLevel::warning, "cleanup: " + fault.seen());
    return Verdict::busy;
  }
  if (in_doubt() && !change.repeatable && code != wire::OUTCOME_UNKNOWN)
    fault = fault_of(wire::OUTCOME_UNKNOWN,
                     {.expected = std::string(change.words), .seen = fault.seen(), .detail = facts.detail});
  log(LogLevel::warning, wire::FaultCode_Name(fault.code()) + ": " + fault.seen());
  *job.mutable_fault() = std::move(fault);
  return Verdict::busy;
}

void Context::settle(const Answer& answer) {
  // What was taken, and whose task ended badly, may have been done, as may what a BMC failed at in its own words: what
  // must not be repeated is only looked at.
  const bool in_doubt = talk.in_task || answer.status >= 500;
  if (answer.kind == Answer::Kind::refused && in_doubt && !talk.repeatable) {
    talk.last_refusal = answer.error.text();
    return;
  }
  if (answer.kind == Answer::Kind::accepted) {
    job.set_powered(true);
    note_evidence("the BMC says that it does");
  }
  work::Context::settle(answer);
}

std::optional<Duration> Context::patience() const {
  if (job.stage() == wire::VERIFY) return std::nullopt;
  return work::Context::patience();
}

Duration Context::within() const {
  const wire::Power& power = agreed().power();
  return power.has_within() ? from_wire(power.within()) : usual_within;
}

bool was_told(const record::Job& job) { return job.intent() != record::Job::NONE || job.powered(); }

bool will_retry(const record::Job& job, const Now& now) {
  if (!job.has_fault() || job.armed() || job.cancel_asked() || !wording_of(job.fault().code()).may_pass)
    return false;
  if (job.issue().has_start_by() && now.wall_low > from_wire(job.issue().start_by())) return false;
  return job.attempt() < most_attempts;
}

}  // namespace metalmesh::power
