#include "agents/core/inspection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agents/core/faults.h"
#include "agents/redfish/media_slot.h"
#include "common/base/command_words.h"

namespace metalmesh::agent {
namespace {

using bmc::Verdict;

/// How an inspection says what the dialogue found. Placeholders: {seen} {expected} {credential} {server}.
struct Wording {
  wire::FaultCode code;
  std::string_view seen;
  std::string next;
};

const std::array<Wording, 14>& wordings() {
  static const std::string set_password = commands::on_agent_host(commands::set_credential("{credential}"));
  static const std::string again = commands::inspect("{server}");
  static const std::array<Wording, 14> table = {{
      {wire::BMC_UNREACHABLE, "does not answer ({seen})",
       "check the BMC's cable, address and port, then: " + again},
      {wire::AGENT_EXHAUSTED, "was not asked: {seen}",
       "raise LimitNOFILE of the agent's unit and restart the agent, then: " + again},
      {wire::BMC_TLS_REFUSED, "did not pass the TLS handshake: {seen}",
       "check the BMC's certificate and clock, or use bmc.tls: pin; where it offers old TLS only: update its "
       "firmware, or allow TLS 1.2 in its settings"},
      {wire::BMC_KEY_CHANGED, "shows the TLS key {seen}, pinned is {expected}",
       "find out why (board swap, new certificate, wrong machine), then accept the new key: " +
           commands::accept("{server}")},
      {wire::BMC_KEY_UNKNOWN, "shows the TLS key {seen}, which nobody has approved: it was not logged in to",
       "compare it with what the BMC itself or its delivery note says, then: " +
           commands::accept("{server}") +
           "; or let a whole delivery in: " + commands::first_contact("SITE", "CIDR")},
      {wire::CREDENTIAL_MISSING, "cannot be logged in to: its credential is not at this site", set_password},
      {wire::BMC_NOT_ALLOWED, "is not to be asked: {seen}",
       "correct the server's BMC, or spec.bmcNetworks of its site: " + commands::apply()},
      {wire::BMC_PASSWORD_CHANGE_REQUIRED, "wants its password changed first",
       "set a new password on the BMC, then " + set_password},
      {wire::BMC_SESSIONS_FULL, "has no room for another session, or is busy",
       "close sessions at the BMC, or wait until they time out, then: " + again},
      {wire::BMC_LOGIN_REFUSED,
       "refused the login with credential {credential} (HTTP {seen}); not tried again, so that the account "
       "is not locked",
       commands::mend_credential("{credential}")},
      {wire::SYSTEM_AMBIGUOUS, "shows {seen}, expected {expected}",
       "register UUID or serial of the one that is meant, or use an address that stands for one machine"},
      {wire::IDENTITY_MISMATCH, "reports {seen}, registered is {expected}",
       "check the cabling and the BMC's address, then: " + again},
      {wire::BMC_PROTOCOL, "answered {seen}, expected {expected}",
       "check that this address is a Redfish BMC"},
      {wire::FAULT_CODE_UNSPECIFIED, "answered {seen}", "look at the BMC, then: " + again},
  }};
  return table;
}

/// The BMC fell silent over it: who the machine is was read all the same.
wire::Inventory unfinished(wire::Inventory inventory, const std::string& why) {
  inventory.add_unread("the rest: " + why);
  return inventory;
}

std::string fill(std::string_view pattern, const bmc::Trouble& trouble, const wire::InspectServer& request) {
  std::string out(pattern);
  for (const auto& [mark, value] : {std::pair<std::string_view, const std::string&>("{seen}", trouble.seen),
                                    {"{expected}", trouble.expected},
                                    {"{credential}", request.bmc().credential()},
                                    {"{server}", request.server()}}) {
    for (auto at = out.find(mark); at != std::string::npos; at = out.find(mark, at + value.size()))
      out.replace(at, mark.size(), value);
  }
  return out;
}

}  // namespace

Inspection::Inspection(std::string name, wire::InspectServer request, Earlier earlier,
                       const work::StageTimeouts& timeouts, const QuirkTable* quirks, std::uint64_t seed,
                       const std::string& media_base)
    : request_(std::move(request)),
      patience_(timeouts.unreachable),
      random_(seed),
      // An answer to a request of an earlier life must not pass for one of this.
      dialogue_({std::move(name), request_.bmc(), true, earlier.talked},
                {.request = timeouts.bmc_request, .poll = timeouts.poll},
                redfish::from_wire(request_.expected()), std::move(earlier.sessions),
                1 + random_.below(1'000'000'000), {quirks, nullptr}),
      leftovers_(media_base, request_.take_ours_away()) {
  result_.set_request_id(request_.request_id());
}

Inspection::Step Inspection::go_on(const Now& now) {
  bmc::Turn turn(now, random_);
  turn.patience = patience_;
  return conclude(turn);
}

template <class Input>
Inspection::Step Inspection::take(const Input& input, const Now& now) {
  bmc::Turn turn(now, random_);
  turn.patience = patience_;
  dialogue_.take(turn, input);
  return conclude(turn);
}

Inspection::Step Inspection::on_reply(const HttpReplied& reply, const Now& now) {
  if (walk_) walk_->saw(reply);
  return take(reply, now);
}
Inspection::Step Inspection::on_failure(const HttpFailed& failed, const Now& now) {
  return take(failed, now);
}

/// A password goes to nobody whose key no person, no authority and no open door of the site stands for.
bool Inspection::may_log_in() const {
  return any_key_ || request_.bmc().tls() == wire::BmcTarget::CA || !request_.bmc().key_sha256().empty();
}

Verdict Inspection::read_all(bmc::Turn& turn) {
  if (!may_log_in()) {
    if (dialogue_.greet(turn) == Verdict::busy) return Verdict::busy;
    return turn.fail({.code = wire::BMC_KEY_UNKNOWN, .seen = dialogue_.peer_key()});
  }
  if (request_.who_only()) {
    if (dialogue_.connect(turn) == Verdict::busy) return Verdict::busy;
    report();
    return Verdict::done;
  }
  if (dialogue_.connect(turn) == Verdict::busy || dialogue_.find_managers(turn) == Verdict::busy ||
      dialogue_.survey(turn) == Verdict::busy || dialogue_.read_reset_values(turn) == Verdict::busy ||
      dialogue_.find_slots(turn) == Verdict::busy)
    return Verdict::busy;
  const bool look = request_.look_for_ours() || request_.take_ours_away();
  if (screen_wanted_) {
    report();
    return dialogue_.see_screen(turn);
  }
  if (!look) {
    report();
    reported_ = true;
    if (dialogue_.take_inventory(turn) == Verdict::busy) return Verdict::busy;
    *result_.mutable_inventory() = dialogue_.inventory();
  } else {
    if (leftovers_.go_on(dialogue_, turn) == Verdict::busy) return Verdict::busy;
    report();
    result_.set_looked_for_ours(true);
    result_.mutable_ours()->Assign(leftovers_.found().begin(), leftovers_.found().end());
  }
  return walk_ ? walk_->go_on(dialogue_, turn) : Verdict::done;
}

void Inspection::report() {
  const redfish::System& system = *dialogue_.system();
  redfish::Identity identity = dialogue_.identity();
  std::erase_if(identity.macs, [](const std::string& mac) { return !redfish::is_universal_mac(mac); });
  std::ranges::sort(identity.macs);
  identity.macs.erase(std::ranges::unique(identity.macs).begin(), identity.macs.end());
  *result_.mutable_identity() = redfish::to_wire(identity);
  result_.set_manufacturer(system.manufacturer);
  result_.set_model(system.model);
  result_.set_power(system.power);
  if (!dialogue_.managers().empty()) {
    result_.set_bmc_model(dialogue_.managers().front().model);
    result_.set_bmc_firmware(dialogue_.managers().front().firmware);
  }
  result_.set_quirks(dialogue_.quirks());
  result_.set_virtual_media(std::ranges::any_of(dialogue_.slots(), redfish::takes_cd) ||
                            !dialogue_.media_enabled_by().empty());
  result_.set_no_shutdown(!redfish::may_shut_down(system.reset));
}

void Inspection::fail(const bmc::Trouble& trouble) {
  if (result_.has_fault()) return;
  const auto* wording = std::ranges::find(wordings(), trouble.code, &Wording::code);
  if (wording == wordings().end()) wording = &wordings().back();
  wire::Fault fault =
      make_fault(trouble.code, "INSPECT",
                 "the BMC " + request_.bmc().address() + " " + fill(wording->seen, trouble, request_),
                 fill(wording->next, trouble, request_));
  if (trouble.code == wire::BMC_KEY_CHANGED) result_.set_bmc_key_sha256(trouble.seen);  // to be accepted
  fault.set_detail(trouble.detail);
  fault.set_tries(std::max(1U, trouble.tries));
  *result_.mutable_fault() = std::move(fault);
}

Verdict Inspection::leave(bmc::Turn& turn) {
  if (!may_log_in())
    return Verdict::done;  // it has not, and does not to end what an earlier life may have left
  const bool left_open = stopped_ && !dialogue_.logged_in() && !dialogue_.sessions().empty();
  if (left_open && dialogue_.open(turn) == Verdict::busy) return Verdict::busy;
  return dialogue_.close(turn, false);
}

/// Reads on; when all is read or there is trouble, logs out; then it reports. A session that cannot be
/// deleted times out.
Inspection::Step Inspection::conclude(bmc::Turn& turn) {
  if (!turn.trouble && !read_) read_ = read_all(turn) == Verdict::done;
  bool over = false;
  if (const auto trouble = std::exchange(turn.trouble, std::nullopt)) {
    over = read_ || !dialogue_.logged_in() || trouble->code == wire::BMC_UNREACHABLE;
    if (!read_ && reported_ && !result_.has_inventory())
      *result_.mutable_inventory() = unfinished(dialogue_.inventory(), trouble->seen);
    if (!read_ && !reported_) fail(*trouble);
    read_ = true;
    turn.wake.reset();
  }
  if (read_ && !over) over = leave(turn) == Verdict::done || turn.trouble;
  for (std::string& note : turn.notes) result_.add_notes(std::move(note));
  if (result_.fault().code() != wire::BMC_KEY_CHANGED) result_.set_bmc_key_sha256(dialogue_.peer_key());
  Step step;
  step.request = std::move(turn.request);
  step.wake = turn.wake;
  step.login_refused = turn.login_refused;
  step.login_accepted = turn.login_accepted;
  if (over) step.result = result_;
  return step;
}

}  // namespace metalmesh::agent
