#include "agents/work/fault_words.h"

#include <algorithm>
#include <array>

#include "agents/work/duration_words.h"
#include "common/base/command_words.h"

namespace metalmesh::work {
namespace {

const std::array<Wording, 16>& wordings() {
  using namespace marks;
  static const std::array<Wording, 16> table = {{
      {wire::BMC_UNREACHABLE, passes, unknown, "{bmc} does not answer ({seen}, {span})",
       "check the BMC's cable, address and power, then: " + commands::inspect("{server}")},
      {wire::AGENT_EXHAUSTED, passes, unknown, "{bmc} could not be asked for {span}: {seen}",
       "raise LimitNOFILE of the agent's unit and restart the agent; it says at its start what it may open"},
      {wire::BMC_LOGIN_REFUSED, stays, unknown,
       "{bmc} refused credential {credential} (HTTP {seen}); not tried again",
       commands::mend_credential("{credential}")},
      {wire::BMC_PASSWORD_CHANGE_REQUIRED, stays, unknown,
       "{bmc} accepts credential {credential} only to change its password",
       "change the factory password on the BMC, then " +
           commands::on_agent_host(commands::set_credential("{credential}"))},
      {wire::BMC_SESSIONS_FULL, passes, unknown, "{bmc} has no free session ({span} of waiting)",
       "close sessions in the BMC's web page, or wait until they time out"},
      {wire::BMC_KEY_CHANGED, stays, unknown, "{bmc} shows TLS key {seen}, expected {expected}",
       "if the BMC got a new certificate: " + commands::inspect("{server}") + ", which shows it, and " +
           commands::accept("{server}") + "; if not, find out who answers at {bmc}"},
      {wire::BMC_TLS_REFUSED, stays, unknown, "TLS with {bmc} failed: {seen}",
       "check the BMC's certificate, name and clock, or pin its key: " + commands::accept("{server}") +
           "; where it offers old TLS only: update its firmware, or allow TLS 1.2 in its settings"},
      {wire::BMC_PROTOCOL, passes, unknown, "{bmc} answered {seen}, expected {expected}",
       "update the BMC's firmware; attach the detail to a report"},
      {wire::CREDENTIAL_MISSING, stays, unknown, "this site has no credential named {credential}",
       commands::on_agent_host(commands::set_credential("{credential}"))},
      {wire::BMC_NOT_ALLOWED, stays, unknown, "{bmc} is not to be asked: {seen}",
       "correct the server's BMC, or spec.bmcNetworks of its site: " + commands::apply()},
      {wire::IDENTITY_MISMATCH, stays, unknown,
       "{bmc} reports {seen}, the order expects {expected}: swapped cables?",
       "correct the server's BMC address, or after a board swap: " + commands::reidentify("{server}")},
      {wire::IDENTITY_INSUFFICIENT, stays, unknown,
       "the order identifies no machine: it needs {expected}, has {seen}",
       "record serial, UUID or a MAC of the machine: " + commands::accept("{server}")},
      {wire::SYSTEM_AMBIGUOUS, stays, unknown, "{bmc} shows {seen}, expected {expected}",
       "record UUID and serial of the one that is meant: " + commands::accept("{server}")},
      {wire::CLOCK_UNPROVEN, passes, unknown,
       "this site's clock cannot be trusted enough to judge {expected}",
       "check time synchronisation of the agent's machine"},
      {wire::POWER_FAILED, passes, unknown,
       "the host is still {seen} {span} after it was told to be {expected}",
       "look at the host's console and power supplies, then retry"},
      {wire::BOOT_OVERRIDE_REFUSED, passes, known,
       "{bmc} did not take the boot override: {seen}, expected {expected}",
       "update the BMC's firmware, or set the boot order by hand"},
  }};
  return table;
}

using Own = std::function<std::string(std::string_view)>;

std::string fill(std::string_view pattern, const record::Job& job, const FaultFacts& facts, const Own& own) {
  const auto value = [&](std::string_view name) -> std::string {
    if (name == "server") return job.agreed().server();
    if (name == "bmc") return job.agreed().bmc().address();
    if (name == "credential") return job.agreed().bmc().credential();
    if (name == "expected") return facts.expected;
    if (name == "seen") return facts.seen;
    if (name == "span") return for_people(facts.span);
    return own ? own(name) : "?";
  };
  std::string out;
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    const auto close = pattern.find('}', open == std::string_view::npos ? 0 : open);
    out += pattern.substr(0, open);
    if (open == std::string_view::npos || close == std::string_view::npos) break;
    out += value(pattern.substr(open + 1, close - open - 1));
    pattern.remove_prefix(close + 1);
  }
  return out;
}

}  // namespace

FaultFacts facts_of(const bmc::Trouble& trouble) {
  return {.expected = trouble.expected,
          .seen = trouble.seen,
          .detail = trouble.detail,
          .span = trouble.span,
          .tries = trouble.tries};
}

const Wording* common_wording(wire::FaultCode code) {
  const auto* found = std::ranges::find(wordings(), code, &Wording::code);
  return found == wordings().end() ? nullptr : &*found;
}

wire::Fault put_in_words(const record::Job& job, const Wording& wording, wire::FaultCode code,
                         const FaultFacts& facts, const Own& own) {
  wire::Fault fault;
  fault.set_code(code);
  fault.set_stage(wire::Stage_Name(job.stage()));
  fault.set_seen(fill(wording.seen, job, facts, own));
  fault.set_next(fill(wording.next, job, facts, own));
  fault.set_detail(facts.detail);
  fault.set_tries(facts.tries);
  return fault;
}

}  // namespace metalmesh::work
