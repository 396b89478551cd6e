#include "controller/core/sentences.h"

#include <algorithm>
#include <cstdint>

#include "common/base/command_words.h"
#include "common/ports/clock_row.h"
#include "common/ports/wire_time.h"
#include "common/text/letters.h"

namespace metalmesh::controller {
namespace {

std::string words(std::string name) {
  std::ranges::transform(name, name.begin(), [](char c) { return c == '_' ? ' ' : to_lower(c); });
  return name;
}

std::string proof_words(wire::ProofGrade grade) {
  std::string text = words(wire::ProofGrade_Name(grade));
  if (text.starts_with("proof ")) text.erase(0, 6);
  return text;
}

using Findings = google::protobuf::RepeatedPtrField<wire::Finding>;

std::string found(const Findings& findings) {
  const auto wrong = std::ranges::count(findings, wire::Finding::WRONG, &wire::Finding::verdict);
  return std::to_string(wrong) + " of " + std::to_string(findings.size()) + " checks found something";
}

std::string ended(const wire::Ended& end) {
  std::string text = wire::Ended::Outcome_Name(end.outcome());
  if (!end.findings().empty()) {
    text += ": " + found(end.findings());
  } else if (end.outcome() == wire::Ended::SUCCEEDED || end.outcome() == wire::Ended::UNPROVEN) {
    if (end.proof() != wire::PROOF_NONE || end.power().empty())
      text += " (proof: " + proof_words(end.proof()) + ")";
  }
  if (end.has_fault()) text += ": " + sentence(end.fault());
  if (!end.power().empty()) text += "; power " + end.power();
  if (end.medium_in())
    text += "; its medium stays in until the host is off, the longest run passes or it is resolved";
  if (end.debts_size() > 0) text += "; still owed: " + end.debts(0);
  return text;
}

std::string inspected(const wire::Inspected& seen) {
  if (seen.has_fault()) return "inspection failed: " + sentence(seen.fault());
  return "inspected: " + seen.manufacturer() + " " + seen.model() + ", serial " + seen.identity().serial() +
         ", power " + seen.power();
}

std::string receipt(const wire::CommandReceipt& receipt) {
  if (receipt.accepted()) return "command " + std::to_string(receipt.command_seq()) + " accepted";
  return "command " + std::to_string(receipt.command_seq()) + " refused: " + sentence(receipt.refusal());
}

std::string credential_held(const wire::CredentialHeld& held) {
  std::string text = "credential " + held.credential() + " was refused by ";
  for (const std::string& bmc : held.bmcs()) text += (&bmc == &held.bmcs(0) ? "" : ", ") + bmc;
  const auto named = static_cast<std::uint32_t>(held.bmcs_size());
  if (held.refusals() > named) text += " and " + std::to_string(held.refusals() - named) + " more BMCs";
  return text + "; " + std::to_string(held.jobs_held()) +
         " jobs wait and go on by themselves. Next: " + commands::mend_credential(held.credential());
}

std::string cancel(const wire::CancelAnswer& answer) {
  switch (answer.answer()) {
    case wire::CancelAnswer::CANCELLED:
      return "cancelled: nothing was launched";
    case wire::CancelAnswer::TOO_LATE:
      return "the cancel came too late: it goes on";
    case wire::CancelAnswer::NOT_RUNNING:
      return "nothing to cancel: the job is not running at the site";
    default:
      return "answered a cancel in a way this controller does not know";
  }
}

std::string released(const wire::MediumReleased& release) {
  std::string text = "the medium was taken out of the custody of an ended install: ";
  switch (release.ground()) {
    case wire::MediumReleased::INSTALLER_ENDED:
      text += "its installer has read what it needs, and the host is off";
      break;
    case wire::MediumReleased::HOST_OFF:
      text += "the host is off";
      break;
    case wire::MediumReleased::LONGEST_RUN:
      text += "the longest run has passed";
      break;
    case wire::MediumReleased::PERSON:
      text += "a person said so";
      break;
    default:
      text += "for a reason that this controller does not know";
  }
  if (release.debts_size() > 0) text += "; still owed: " + release.debts(0);
  return text;
}

}  // namespace

std::string not_fenced_yet(const std::string& site) {
  return "not fenced yet: site " + site + " has not confirmed that nothing of it will start";
}

std::string disk_words(wire::DiskState disk) {
  switch (disk) {
    case wire::DISK_UNTOUCHED:
      return "untouched";
    case wire::DISK_BEING_WRITTEN:
      return "being written";
    case wire::DISK_NEW_SYSTEM:
      return "new system";
    default:
      return "unknown";
  }
}

std::string sentence(const wire::Fault& fault) {
  std::string text = wire::FaultCode_Name(fault.code());
  if (text.empty()) text = "FAULT_" + std::to_string(static_cast<int>(fault.code()));
  if (!fault.stage().empty()) text += " (" + fault.stage() + ")";
  if (!fault.seen().empty()) text += ": " + fault.seen();
  if (fault.disk() != wire::DISK_STATE_UNSPECIFIED) text += ". Disk: " + disk_words(fault.disk());
  if (!fault.next().empty()) text += ". Next: " + fault.next();
  return text;
}

std::string clock_doubted(const wire::ClockDoubted& doubt) {
  if (doubt.over()) return "the time that the site goes by agrees with its monotone clock again";
  return "the time that the site goes by is " + step_words(from_wire(doubt.by())) +
         " of what its own monotone clock expects: nothing new starts there until they agree; what runs goes "
         "on. "
         "Next: look at the clocks of controller and agent";
}

std::string store_damaged(const wire::StoreDamaged& damage) {
  if (damage.over())
    return "a person settled row " + damage.row() + " of the agent's store: " + damage.what();
  return "row " + damage.row() + " of the agent's store is damaged: " + damage.what() +
         (damage.next().empty() ? std::string() : ". Next: " + damage.next());
}

std::string site_diagnosed(const wire::SiteDiagnosed& answer) {
  return "the site's agent looked at itself: " + found(answer.findings());
}

std::string discovered(const wire::Discovered& piece) {
  std::string text = "of " + std::to_string(piece.of()) + " addresses " + std::to_string(piece.asked()) +
                     " were looked at; " + std::to_string(piece.found_size()) + " more answer";
  if (piece.has_fault()) return text + ": " + sentence(piece.fault());
  return piece.over() ? text + "; that is all" : text;
}

std::string type_of(const wire::Event& event) {
  switch (event.body_case()) {
    case wire::Event::kReceipt:
      return "receipt";
    case wire::Event::kStage:
      return "stage";
    case wire::Event::kArmed:
      return "armed";
    case wire::Event::kLaunched:
      return "launched";
    case wire::Event::kCancel:
      return "cancel";
    case wire::Event::kEnded:
      return "ended";
    case wire::Event::kInspected:
      return "inspected";
    case wire::Event::kCredentialHeld:
      return "credential_held";
    case wire::Event::kCredentialReleased:
      return "credential_released";
    case wire::Event::kHeld:
      return "held";
    case wire::Event::kStateReport:
      return "state_report";
    case wire::Event::kImage:
      return "image";
    case wire::Event::kRetry:
      return "retry";
    case wire::Event::kJournalOpened:
      return "journal_opened";
    case wire::Event::kClockDoubted:
      return "clock_doubted";
    case wire::Event::kReleased:
      return "released";
    case wire::Event::kStoreDamaged:
      return "store_damaged";
    case wire::Event::kFamilies:
      return "families";
    case wire::Event::kSiteDiagnosed:
      return "site_diagnosed";
    case wire::Event::kDiscovered:
      return "discovered";
    case wire::Event::BODY_NOT_SET:
      break;
  }
  return "unsupported";
}

std::string sentence(const wire::Event& event) {
  switch (event.body_case()) {
    case wire::Event::kReceipt:
      return receipt(event.receipt());
    case wire::Event::kStage:
      return "stage " + words(wire::Stage_Name(event.stage().stage())) +
             (event.stage().note().empty() ? "" : ": " + event.stage().note());
    case wire::Event::kArmed:
      return "armed: a power action may follow";
    case wire::Event::kLaunched:
      return "launched: the installer reads its boot files; from here on the disk may change";
    case wire::Event::kCancel:
      return cancel(event.cancel());
    case wire::Event::kEnded:
      return ended(event.ended());
    case wire::Event::kInspected:
      return inspected(event.inspected());
    case wire::Event::kCredentialHeld:
      return credential_held(event.credential_held());
    case wire::Event::kCredentialReleased:
      return "credential " + event.credential_released().credential() + " works again; its jobs go on";
    case wire::Event::kHeld:
      return "waits: " + sentence(event.held().fault());
    case wire::Event::kStateReport:
      return "the site reported " + std::to_string(event.state_report().fences_size()) + " machine fences";
    case wire::Event::kImage:
      if (event.image().evicted())
        return "image " + event.image().sha256().substr(0, 12) +
               " was removed by the site: its room is needed";
      if (event.image().ready() && event.image().has_fault())
        return "image " + event.image().sha256().substr(0, 12) +
               " at the site: " + sentence(event.image().fault());
      return event.image().ready() ? "image " + event.image().sha256().substr(0, 12) + " is at the site"
                                   : "image " + event.image().sha256().substr(0, 12) +
                                         " is not at the site: " + sentence(event.image().fault());
    case wire::Event::kRetry:
      return "attempt " + std::to_string(event.retry().attempt()) +
             " follows after: " + sentence(event.retry().fault());
    case wire::Event::kJournalOpened:
      return "the agent opened journal " + event.journal_opened().journal_id();
    case wire::Event::kClockDoubted:
      return clock_doubted(event.clock_doubted());
    case wire::Event::kReleased:
      return released(event.released());
    case wire::Event::kStoreDamaged:
      return store_damaged(event.store_damaged());
    case wire::Event::kFamilies:
      return "the site renders by " + std::to_string(event.families().families_size()) + " OS families";
    case wire::Event::kSiteDiagnosed:
      return site_diagnosed(event.site_diagnosed());
    case wire::Event::kDiscovered:
      return discovered(event.discovered());
    case wire::Event::BODY_NOT_SET:
      break;
  }
  return "the agent reported something that this controller does not know yet (newer agent?)";
}

}  // namespace metalmesh::controller
