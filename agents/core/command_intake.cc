#include "agents/core/command_intake.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "agents/core/faults.h"
#include "agents/core/works.h"
#include "agents/work/order_form.h"
#include "common/base/command_words.h"
#include "common/base/machine_key.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {
namespace {

using work::is_digest;
using work::is_name;

constexpr std::string_view resend =
    "order it again; if that fails too, controller and agent differ in version";

wire::Fault invalid(const std::string& what) {
  return make_fault(wire::ORDER_INVALID, "QUEUED", "the order's " + what, std::string(resend));
}

std::optional<wire::Fault> refuse_bmc(const wire::BmcTarget& bmc) {
  if (!is_name(bmc.address())) return invalid("bmc.address is missing or malformed");
  if (!is_name(bmc.credential())) return invalid("bmc.credential is missing or malformed");
  return std::nullopt;
}

std::optional<wire::Fault> refuse_identity(const wire::Identity& identity) {
  const bool bad_uuid = !identity.uuid().empty() && !usable_uuid(identity.uuid());
  const bool bad_serial = !identity.serial().empty() && !usable_serial(identity.serial());
  const auto bad_mac = std::ranges::find_if_not(identity.macs(), usable_mac);
  const std::string next = "inspect and accept the server, then order again";
  if (bad_uuid || bad_serial || bad_mac != identity.macs().end()) {
    return make_fault(wire::IDENTITY_INSUFFICIENT, "QUEUED",
                      "the order expects a vendor default or a malformed value, which many machines share: " +
                          (bad_uuid     ? "UUID " + identity.uuid()
                           : bad_serial ? "serial " + identity.serial()
                                        : "MAC " + *bad_mac),
                      next);
  }
  const int known = (identity.uuid().empty() ? 0 : 1) + (identity.serial().empty() ? 0 : 1) +
                    (identity.macs().empty() ? 0 : 1);
  if (known >= 2) return std::nullopt;
  return make_fault(wire::IDENTITY_INSUFFICIENT, "QUEUED",
                    "the order names " + std::to_string(known) +
                        " of UUID, serial and MACs; two are needed to tell one machine from another",
                    next);
}

}  // namespace

std::optional<wire::Fault> refuse_origin(const wire::Command& command, const std::string& journal,
                                         std::uint64_t epoch) {
  if (command.controller_epoch() < epoch && !planted(Defect::lower_epoch_obeyed)) {
    return make_fault(wire::ORDER_INVALID, "QUEUED",
                      "the command is of controller epoch " + std::to_string(command.controller_epoch()) +
                          "; this site follows epoch " + std::to_string(epoch),
                      "order it again at the controller that is in charge now");
  }
  if (command.journal_id() != journal && !planted(Defect::foreign_journal_obeyed) &&
      !planted(Defect::any_site_commanded)) {
    return make_fault(wire::ORDER_INVALID, "QUEUED",
                      "the command is meant for journal " + command.journal_id() + "; this agent's is " +
                          journal + " (an agent that lost its journal starts a new one)",
                      "look what became of the server, then order it again");
  }
  return std::nullopt;
}

std::expected<orders::Parts, wire::Fault> open_order(const wire::Order& order, const std::string& version) {
  auto parts = orders::open(order);
  if (parts && find_kind(parts->agreed) != nullptr) return std::move(*parts);
  if (parts || parts.error().kind == ErrorKind::unsupported)
    return std::unexpected(unsupported_command("order " + order.issue().deployment_id(), version));
  return std::unexpected(make_fault(wire::ORDER_INVALID, "QUEUED",
                                    "the order is refused: " + parts.error().message, std::string(resend)));
}

std::optional<wire::Fault> refuse_form(const orders::Parts& order) {
  const auto& [agreed, issue] = order;
  const work::Kind& kind = kind_of(agreed);
  if (!is_name(issue.deployment_id())) return invalid("deployment_id is missing or malformed");
  if (!is_name(agreed.server())) return invalid("server is missing or malformed");
  if (kind.changes && issue.generation() == 0) return invalid("generation is missing");
  if (!kind.changes && issue.generation() != 0) return invalid("generation is not for one that only reads");
  if (const auto fault = refuse_bmc(agreed.bmc())) return fault;
  if (agreed.bmc().tls() == wire::BmcTarget::TLS_UNSPECIFIED) return invalid("bmc.tls is missing");
  // Who only looks may be the first to see the key.
  const bool must_pin = kind.changes || !issue.bmc_key_sha256().empty();
  if (agreed.bmc().tls() == wire::BmcTarget::PIN && must_pin && !is_digest(issue.bmc_key_sha256())) {
    return invalid("bmc_key_sha256 is not a SHA-256 in hex");
  }
  if (kind.changes && !issue.has_start_by()) return invalid("start_by is missing");
  if (const auto what = kind.wrong(agreed, issue)) return invalid(*what);
  return kind.changes ? refuse_identity(agreed.identity()) : std::nullopt;
}

std::optional<wire::Fault> refuse_form(const wire::CancelOrder& cancel) {
  if (!is_name(cancel.deployment_id())) return invalid("deployment_id is missing or malformed");
  if (cancel.generation() == 0) return std::nullopt;  // of a work that only reads: no machine is fenced
  if (machine_key(cancel.identity()).empty()) return invalid("identity names no machine");
  return std::nullopt;
}

std::optional<wire::Fault> refuse_form(const wire::PrefetchImage& prefetch) {
  if (!is_digest(prefetch.image().sha256())) return invalid("image.sha256 is not a SHA-256 in hex");
  if (prefetch.image().urls().empty()) return invalid("image.urls is empty");
  return std::nullopt;
}

std::optional<wire::Fault> refuse_form(const wire::InspectServer& request) {
  if (!is_name(request.request_id())) return invalid("request_id is missing or malformed");
  if (!is_name(request.server())) return invalid("server is missing or malformed");
  return refuse_bmc(request.bmc());
}

std::optional<wire::Fault> refuse_order(const orders::Parts& order, const FenceTable& fences, JobTable& jobs,
                                        const Now& now) {
  const auto& [agreed, issue] = order;
  if (kind_of(agreed).changes) {
    // Busy before fenced: naming the open job is the more helpful answer when both are true.
    const bool blind = planted(Defect::busy_machine_powered) && !kind_of(agreed).medium;
    if (const JobSlot* other = jobs.open_on(agreed.identity()); other != nullptr && !blind) {
      return make_fault(wire::MACHINE_BUSY, "QUEUED",
                        "deployment " + other->id() + " of server " + other->job.agreed().server() +
                            " is open for the same machine",
                        "wait for it, or: " + commands::cancel(other->id()) +
                            "; if the two servers are one machine, remove one of them");
    }
    if (auto fault = fences.refuse(agreed.identity(), issue.generation())) return fault;
  }
  if (issue.has_start_by() && now.wall_low > from_wire(issue.start_by())) {
    return make_fault(wire::ORDER_EXPIRED, "QUEUED", "the order reached the site after its start_by",
                      "order it again with a later start");
  }
  return std::nullopt;
}

wire::Fault unsupported_command(std::string what, const std::string& version) {
  return make_fault(wire::UNSUPPORTED_COMMAND, "", "this agent (" + version + ") does not know " + what,
                    "upgrade this site's agent");
}

}  // namespace metalmesh::agent
