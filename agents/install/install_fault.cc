#include "agents/install/install_fault.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agents/install/terms.h"
#include "common/base/command_words.h"
#include "common/base/planted.h"

namespace metalmesh::install {
namespace {

using Outcome = wire::Ended;

// Placeholders of its own: {media} {slot} {percent} {again_graceful} {again_replace} {again_test} {again_in_use}
// {another_proof}.
const std::array<Wording, 21>& wordings() {
  using namespace work::marks;
  static const std::array<Wording, 21> table = {{
      {wire::BMC_LOST, passes, unknown, "{bmc} answered before, then was silent for {span} ({seen})",
       "look at the host's console; when its state is clear: " + commands::resolve_either_way("{server}")},
      {wire::ORDER_EXPIRED, stays, known, "nothing was launched before {expected}; {seen}",
       "order it again with a later window"},
      {wire::POWERED_ON, stays, known, "the host is {seen}, {expected}",
       "look what runs there; if it is needed: " + commands::adopt("{server}") +
           "; a host that may be switched off: {again_graceful}"},
      {wire::NO_VIRTUAL_MEDIA, stays, known, "{bmc} offers no virtual media slot for a CD ({seen})",
       "enable virtual media (remote media) in the BMC's settings, check its licence, or update its "
       "firmware"},
      {wire::FOREIGN_MEDIA, stays, known, "slot {slot} holds {seen}, which is not ours",
       "eject it in the BMC's web page, or: {again_replace}"},
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
      {wire::INSTALLER_REFUSED, stays, unknown,
       "its installer was told to stop before it touches a disk: {seen}",
       "see that {bmc} is the BMC of the machine that reads its media, and whose SMBIOS is wrong; the "
       "installer stands "
       "still until its host is switched off: " +
           commands::resolve("{server}", "failed")},
      {wire::PROOF_MISSING, stays, known,
       "the installer ended, but in {span} the proof reached was {seen}, wanted {expected}",
       "do not reinstall yet: look at the console, and at the host's network; if the new system runs: " +
           commands::resolve("{server}", "succeeded") + "{another_proof}"},
      {wire::CANCELLED_BY_OPERATOR, stays, known, "cancelled before anything was launched", "nothing"},
      {wire::OUTCOME_UNKNOWN, stays, unknown, "{seen}",
       "look at the console, then: " + commands::resolve_either_way("{server}")},
  }};
  return table;
}

/// Where a test says it otherwise.
const std::array<Wording, 3>& test_wordings() {
  using namespace work::marks;
  static const std::array<Wording, 3> table = {{
      {wire::POWERED_ON, stays, known,
       "the host is {seen}: its system would see a CD drive for about 40 s, and nothing was inserted",
       "{again_in_use}"},
      {wire::MEDIA_NOT_REACHED, stays, known,
       "the BMC said inserted, and in {span} nothing was read from {media}: it cannot reach {expected}, or "
       "reads "
       "only when its host starts",
       "allow the BMC's network to reach that address, or correct the site's media address; then: "
       "{again_test}"},
      {wire::CANCELLED_BY_OPERATOR, stays, known, "cancelled before it was over", "nothing"},
  }};
  return table;
}

const Wording& wording_of(wire::FaultCode code) {
  if (const Wording* common = work::common_wording(code)) return *common;
  const auto* found = std::ranges::find(wordings(), code, &Wording::code);
  return found == wordings().end() ? wordings().back() : *found;
}

const Wording& wording_of(const record::Job& job, wire::FaultCode code) {
  const auto* own = std::ranges::find(test_wordings(), code, &Wording::code);
  return only_tests(job) && own != test_wordings().end() ? *own : wording_of(code);
}

std::string percent_of(const record::Job& job) {
  return job.media_size() == 0 ? std::string("0 %")
                               : std::to_string(100 * job.bytes_covered() / job.media_size()) + " %";
}

std::string again(const record::Job& job, std::string_view flags) {
  const std::string& server = job.agreed().server();
  if (only_tests(job)) return commands::bmc("eject", server, "--all");
  return only_boots(job) ? commands::boot_iso(job.agreed().boot_iso().image().name(), server, flags)
                         : commands::install(server, flags);
}

std::string own_value(std::string_view name, const record::Job& job, const FaultFacts& facts) {
  if (name == "media" && only_tests(job)) return "the test medium";
  if (name == "again_test") return commands::doctor(job.agreed().server(), "--mount-test");
  if (name == "again_in_use") return commands::doctor(job.agreed().server(), "--mount-test --in-use");
  if (name == "media") return "image " + terms_of(job.agreed()).image().name();
  if (name == "again_graceful") return again(job, "--powered-on graceful");
  if (name == "another_proof" && end_is_guessed(job))
    return ", and the next ones of its kind are held against what this one read. With proof.minimum callback, where "
           "its template calls back, they tell it themselves";
  if (name == "another_proof")
    return facts.expected != "booted" ? ""
                                      : ". With proof.minimum callback in the profile the next ones tell it "
                                        "themselves, whatever their BMCs do";
  if (name == "again_replace") return again(job, "--replace-foreign-media");
  if (name == "slot") return facts.slot.empty() ? job.inserted_slot() : facts.slot;
  return name == "percent" ? percent_of(job) : "?";
}

/// Somebody else asked for it, or it is its BMC (or its new system) that comes by an address which nobody knew.
void name_stranger(const record::Job& job, wire::Fault& fault) {
  const bool of_medium = fault.code() == wire::MEDIA_NOT_REACHED || fault.code() == wire::INSERT_REFUSED ||
                         fault.code() == wire::BOOT_IGNORED;
  const bool read = of_medium && !job.stranger_read().empty() && job.bytes_covered() == 0;
  const bool called = !job.stranger_called().empty() && fault.code() == wire::PROOF_MISSING;
  if (read) {
    fault.set_seen(fault.seen() + "; " + job.stranger_read() +
                   " wanted to read it and was refused, its BMC is " + job.agreed().bmc().address());
    fault.set_next(
        "if " + job.stranger_read() +
        " is how that BMC comes here (NAT): name it in mediaFrom of the BMC's network, in bmcNetworks of "
        "the agent's file, and restart the agent; if not, find out who knows the URL; otherwise: " +
        fault.next());
  } else if (called) {
    std::string expected;
    for (const std::string& network : job.agreed().install().proof().callers())
      expected += (expected.empty() ? "" : ", ") + network;
    fault.set_seen(fault.seen() + "; " + job.stranger_called() + " called in its place, expected was " +
                   expected);
    fault.set_next(
        "if that is the new system (NAT): proof.callbackFrom: anywhere in the profile; otherwise: " +
        fault.next());
  }
}

}  // namespace

wire::Fault make_fault(const record::Job& job, wire::FaultCode code, const FaultFacts& facts) {
  wire::Fault fault = work::put_in_words(job, wording_of(job, code), code, facts,
                                         [&](std::string_view name) { return own_value(name, job, facts); });
  fault.set_disk(code == wire::INSTALLER_REBOOTED && !job.installer_ended() ? wire::DISK_UNKNOWN
                                                                            : disk_of(job));
  name_stranger(job, fault);
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
  constexpr std::array<wire::FaultCode, 13> of_talk = {
      wire::BMC_UNREACHABLE,       wire::BMC_LOGIN_REFUSED,  wire::BMC_PASSWORD_CHANGE_REQUIRED,
      wire::BMC_SESSIONS_FULL,     wire::BMC_KEY_CHANGED,    wire::BMC_TLS_REFUSED,
      wire::BMC_PROTOCOL,          wire::CREDENTIAL_MISSING, wire::IDENTITY_MISMATCH,
      wire::IDENTITY_INSUFFICIENT, wire::SYSTEM_AMBIGUOUS,   wire::AGENT_EXHAUSTED,
      wire::BMC_NOT_ALLOWED};
  return std::ranges::find(of_talk, code) != of_talk.end();
}

wire::Ended::Outcome outcome_of(const record::Job& job) {
  if (!job.has_fault()) return Outcome::SUCCEEDED;
  if (job.installer_ended()) return Outcome::UNPROVEN;
  if (installer_may_run(job)) return Outcome::INDETERMINATE;
  if (job.launched())
    return wording_of(job.fault().code()).unknown_after ? Outcome::INDETERMINATE : Outcome::FAILED;
  return job.cancel_asked() ? Outcome::CANCELLED : Outcome::FAILED;
}

bool end_is_guessed(const record::Job& job) {
  return job.end_by_quiet() && !job.callback_seen() && !planted(Defect::guessed_end_believed);
}

wire::DiskState disk_of(const record::Job& job) {
  if (planted(Defect::wiped_disk_called_untouched)) return wire::DISK_UNTOUCHED;
  if (only_boots(job)) return job.launched() ? wire::DISK_UNKNOWN : wire::DISK_UNTOUCHED;
  // A restart alone is no proof of one, and what ran after a guessed end may be the old one.
  if (job.installer_ended())
    return job.proof() == wire::PROOF_NONE || end_is_guessed(job) ? wire::DISK_UNKNOWN : wire::DISK_NEW_SYSTEM;
  return job.launched() ? wire::DISK_BEING_WRITTEN : wire::DISK_UNTOUCHED;
}

}  // namespace metalmesh::install
