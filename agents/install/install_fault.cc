#include "agents/install/install_fault.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agents/install/duration_words.h"
#include "common/base/command_words.h"
#include "common/base/planted.h"

namespace metalmesh::install {
namespace {

using Outcome = wire::Ended;

struct Wording {
  wire::FaultCode code;
  bool may_pass;
  bool unknown_after_launch;  // INDETERMINATE rather than FAILED
  std::string_view seen;
  std::string next;
};

constexpr bool passes = true;
constexpr bool stays = false;
constexpr bool unknown = true;
constexpr bool known = false;

// Placeholders: {server} {bmc} {credential} {media} {slot} {expected} {seen} {span} {percent} {launch_by}.
const std::array<Wording, 35>& wordings() {
  static const std::array<Wording, 35> table = {{
      {wire::BMC_UNREACHABLE, passes, unknown, "{bmc} does not answer ({seen}, {span})",
       "check the BMC's cable, address and power, then: " + commands::inspect("{server}")},
      {wire::AGENT_EXHAUSTED, passes, unknown, "{bmc} could not be asked for {span}: {seen}",
       "raise LimitNOFILE of the agent's unit and restart the agent; it says at its start what it may open"},
      {wire::BMC_LOST, passes, unknown, "{bmc} answered before, then was silent for {span} ({seen})",
       "look at the host's console; when its state is clear: " + commands::resolve_either_way("{server}")},
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
      {wire::IDENTITY_MISMATCH, stays, unknown,
       "{bmc} reports {seen}, the order expects {expected}: swapped cables?",
       "correct the server's BMC address, or after a board swap: " + commands::reidentify("{server}")},
      {wire::IDENTITY_INSUFFICIENT, stays, unknown,
       "the order identifies no machine: it needs {expected}, has {seen}",
       "record serial, UUID or a MAC of the machine: " + commands::accept("{server}")},
      {wire::SYSTEM_AMBIGUOUS, stays, unknown, "{bmc} shows {seen}, expected {expected}",
       "record UUID and serial of the one to install: " + commands::accept("{server}")},
      {wire::ORDER_EXPIRED, stays, known, "nothing was launched before {expected}; {seen}",
       "order it again with a later window"},
      {wire::CLOCK_UNPROVEN, passes, unknown,
       "this site's clock cannot be trusted enough to judge {expected}",
       "check time synchronisation of the agent's machine"},
      {wire::POWERED_ON, stays, known, "the host is {seen}, {expected}",
       "look what runs there; if it is needed: " + commands::adopt("{server}") +
           "; a host that may be switched off: " + commands::install("{server}", "--powered-on graceful")},
      {wire::POWER_FAILED, passes, unknown,
       "the host is still {seen} {span} after it was told to be {expected}",
       "look at the host's console and power supplies, then retry"},
      {wire::NO_VIRTUAL_MEDIA, stays, known, "{bmc} offers no virtual media slot for a CD ({seen})",
       "enable virtual media (remote media) in the BMC's settings, check its licence, or update its "
       "firmware"},
      {wire::FOREIGN_MEDIA, stays, known, "slot {slot} holds {seen}, which is not ours",
       "eject it in the BMC's web page, or: " + commands::install("{server}", "--replace-foreign-media")},
      {wire::LICENCE_MISSING, stays, known, "{bmc} refuses virtual media from a URL without a licence",
       "install the BMC's licence for remote media, then retry"},
      {wire::INSERT_REFUSED, passes, known, "slot {slot} does not take {media}: {seen}",
       "check the detail; ask the BMC what it offers: " + commands::inspect("{server}")},
      {wire::MEDIA_NOT_REACHED, passes, known,
       "the BMC said inserted, but nothing was read from {media} in {span} after power-on: it cannot reach "
       "our "
       "address, or the host did not boot from it",
       "allow the BMC's network to reach that address, or correct the site's media address; then check the "
       "host's "
       "boot order and UEFI mode"},
      {wire::MEDIA_TLS_REFUSED, stays, known, "the BMC connected to {media} and ended TLS: {seen}",
       "set the BMC's clock, load our CA into it, or allow http for this model in the site's media settings"},
      {wire::MEDIA_WANTED_WHOLE, stays, known,
       "the BMC wants all of {media} in one piece before it calls it inserted: {seen}",
       "an installer is served only after its server was checked a last time: update the BMC's firmware to "
       "one that "
       "reads media as it needs them, or install this server in another way"},
      {wire::IMAGE_UNAVAILABLE, passes, known, "the image cannot be read at the site: {seen}",
       "check the disk of the agent's machine"},
      {wire::IMAGE_UNSUITABLE, stays, known, "the image cannot carry this server's files: {seen}",
       "use an image or a second medium that can; the profile says which files it changes"},
      {wire::BOOT_OVERRIDE_REFUSED, passes, known,
       "{bmc} did not take the boot override: {seen}, expected {expected}",
       "update the BMC's firmware, or set the boot order by hand"},
      {wire::BOOT_IGNORED, passes, known,
       "the host did not boot our media: {seen}, {percent} of it read, override Once/Cd was read back before",
       "check the boot order and UEFI mode of the host, and that the BMC's network reaches the media "
       "address; on "
       "iDRAC9 update the firmware"},
      {wire::INSTALLER_STALLED, stays, unknown,
       "no media read for {span} at {percent}, power {seen}: probably waiting at a prompt",
       "look at the console of {bmc}; if it will not end: " + commands::resolve("{server}", "failed") +
           ", and to begin anew: " + commands::install("{server}", "--reinstall")},
      {wire::INSTALLER_TIMEOUT, stays, known, "the installer has run {span}, the order allows {expected}",
       "look at the console of {bmc}; raise the profile's max run time if it is merely slow"},
      {wire::INSTALLER_INTERRUPTED, stays, unknown,
       "the host went off in the middle of the install, by a power cut or by hand: {percent} of the media "
       "read, {seen}",
       "look at the host's power and console; if the installer did end: " +
           commands::resolve("{server}", "succeeded")},
      {wire::INSTALLER_REBOOTED, stays, unknown,
       "the host {seen} while its installer ran ({percent} of the media read)",
       "look at the console; if the new system is up: " + commands::resolve("{server}", "succeeded")},
      {wire::PROOF_MISSING, stays, known,
       "the installer ended, but in {span} the proof reached was {seen}, wanted {expected}",
       "do not reinstall yet: check the host's network; accept it: " +
           commands::resolve("{server}", "succeeded")},
      {wire::CANCELLED_BY_OPERATOR, stays, known, "cancelled before anything was launched", "nothing"},
      {wire::OUTCOME_UNKNOWN, stays, unknown, "{seen}",
       "look at the console, then: " + commands::resolve_either_way("{server}")},
  }};
  return table;
}

const Wording& wording_of(wire::FaultCode code) {
  const auto* found = std::ranges::find(wordings(), code, &Wording::code);
  return found == wordings().end() ? wordings().back() : *found;
}

std::string percent_of(const record::Job& job) {
  return job.media_size() == 0 ? std::string("0 %")
                               : std::to_string(100 * job.bytes_covered() / job.media_size()) + " %";
}

std::string fill(std::string_view pattern, const record::Job& job, const FaultFacts& facts) {
  const auto value = [&](std::string_view name) -> std::string {
    if (name == "server") return job.agreed().server();
    if (name == "bmc") return job.agreed().bmc().address();
    if (name == "credential") return job.agreed().bmc().credential();
    if (name == "media") return "image " + job.agreed().install().image().name();
    if (name == "slot") return facts.slot.empty() ? job.inserted_slot() : facts.slot;
    if (name == "expected") return facts.expected;
    if (name == "seen") return facts.seen;
    if (name == "span") return for_people(facts.span);
    if (name == "percent") return percent_of(job);
    return "?";
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

wire::Fault make_fault(const record::Job& job, wire::FaultCode code, const FaultFacts& facts) {
  const Wording& wording = wording_of(code);
  wire::Fault fault;
  fault.set_code(code);
  fault.set_stage(wire::Stage_Name(job.stage()));
  fault.set_seen(fill(wording.seen, job, facts));
  fault.set_next(fill(wording.next, job, facts));
  fault.set_detail(facts.detail);
  fault.set_tries(facts.tries);
  fault.set_disk(code == wire::INSTALLER_REBOOTED && !job.installer_ended() ? wire::DISK_UNKNOWN
                                                                            : disk_of(job));
  return fault;
}

bool may_pass(wire::FaultCode code) { return wording_of(code).may_pass; }

bool installer_may_run(const record::Job& job) {
  if (planted(Defect::retries_after_wipe)) return false;
  if (planted(Defect::talk_ends_medium) && job.has_fault()) return false;
  return job.launched() && !job.installer_ended() &&
         job.released_by() == wire::MediumReleased::GROUND_UNSPECIFIED && !job.ended();
}

bool is_of_talk(wire::FaultCode code) {
  if (planted(Defect::talk_ends_medium)) return false;
  constexpr std::array<wire::FaultCode, 12> of_talk = {
      wire::BMC_UNREACHABLE,       wire::BMC_LOGIN_REFUSED,  wire::BMC_PASSWORD_CHANGE_REQUIRED,
      wire::BMC_SESSIONS_FULL,     wire::BMC_KEY_CHANGED,    wire::BMC_TLS_REFUSED,
      wire::BMC_PROTOCOL,          wire::CREDENTIAL_MISSING, wire::IDENTITY_MISMATCH,
      wire::IDENTITY_INSUFFICIENT, wire::SYSTEM_AMBIGUOUS,   wire::AGENT_EXHAUSTED};
  return std::ranges::find(of_talk, code) != of_talk.end();
}

wire::Ended::Outcome outcome_of(const record::Job& job) {
  if (!job.has_fault()) return Outcome::SUCCEEDED;
  if (job.installer_ended()) return Outcome::UNPROVEN;
  if (installer_may_run(job)) return Outcome::INDETERMINATE;
  if (job.launched())
    return wording_of(job.fault().code()).unknown_after_launch ? Outcome::INDETERMINATE : Outcome::FAILED;
  return job.cancel_asked() ? Outcome::CANCELLED : Outcome::FAILED;
}

wire::DiskState disk_of(const record::Job& job) {
  if (planted(Defect::wiped_disk_called_untouched)) return wire::DISK_UNTOUCHED;
  if (job.installer_ended()) return wire::DISK_NEW_SYSTEM;
  return job.launched() ? wire::DISK_BEING_WRITTEN : wire::DISK_UNTOUCHED;
}

}  // namespace metalmesh::install
