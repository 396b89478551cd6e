// Let a delivery of servers into a site; put a site out of the mesh for good.
#include <algorithm>

#include "common/base/bmc_address.h"
#include "common/base/command_words.h"
#include "common/hosts/ip_network.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/fences.h"
#include "controller/core/operator_acts.h"
#include "controller/core/server_acts.h"
#include "controller/core/server_phases.h"
#include "controller/state/deployment_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

using rules::refusal;

constexpr std::int64_t open_for = std::int64_t{4} * 3600;  // seconds
constexpr std::int64_t longest_open = std::int64_t{24} * 3600;

rules::Verdict no_such_site(const Work& work, const std::string& name) {
  const auto found = work.mesh().sites.find(name);
  if (found == work.mesh().sites.end())
    return refusal(ErrorKind::not_found, "site", "Site \"" + name.substr(0, 80) + "\" does not exist");
  if (found->second.status().has_revoked())
    return refusal(ErrorKind::conflict, "site",
                   "site " + name + " was revoked: " + found->second.status().revoked().reason());
  return std::nullopt;
}

/// Who is waiting for somebody to approve its key is asked again.
void inspect_strangers(Work& work, const std::string& site, const hosts::IpInterface& network) {
  std::vector<std::string> names;
  for (const auto& [name, server] : work.mesh().servers) {
    if (server.spec().site() != site || !awaits_approval(server)) continue;
    const auto address = hosts::parse_address(host_of_bmc_address(server.spec().bmc().address()));
    if (address && network.network_holds(*address)) names.push_back(name);
  }
  for (const std::string& name : names) wish_inspection(work, name, AskedBy::person);
}

}  // namespace

ActResult act(Work& work, const OpenFirstContact& request, const std::string& actor) {
  if (auto bad = no_such_site(work, request.site)) return std::unexpected(std::move(*bad));
  const auto network = hosts::parse_interface(request.network);
  if (!network || !(network->address == network->first()))
    return std::unexpected(
        refusal(ErrorKind::invalid, "network",
                "\"" + request.network.substr(0, 80) +
                    "\" is no network; write its first address and its prefix: 10.20.0.0/24"));
  const std::int64_t seconds = request.for_seconds.value_or(open_for);
  if (seconds < 0 || seconds > longest_open)
    return std::unexpected(refusal(ErrorKind::invalid, "duration", "must be at most 24 hours"));
  if (request.reason.empty() || request.reason.size() > rules::note_limit)
    return std::unexpected(
        refusal(ErrorKind::invalid, "reason", "a reason of 1 to 1024 bytes says which delivery this is for"));
  rest::Site site = work.mesh().sites.at(request.site);
  auto& opened = *site.mutable_status()->mutable_first_contact();
  const auto over = [&](const rest::FirstContact& one) {
    return one.network() == network->text() || work.now.wall() >= from_wire(one.until());
  };
  opened.erase(std::remove_if(opened.begin(), opened.end(), over), opened.end());
  const auto until = to_wire(work.now.wall() + std::chrono::seconds(seconds));
  if (seconds > 0) {
    rest::FirstContact& added = *opened.Add();
    added.set_network(network->text());
    *added.mutable_until() = until;
    added.set_by(actor);
    added.set_reason(request.reason);
  }
  work.ledger.put(std::move(site));
  if (seconds == 0)
    return Acted{
        false, "Site", request.site,
        "closed first contact in " + network->text() + " of site " + request.site + ": " + request.reason};
  // The agent must know of it before it is asked: what has changed has its new version only at the turn's end.
  if (SiteLink* link = work.link(request.site)) link->set_settings_version(0);
  inspect_strangers(work, request.site, *network);
  return Acted{false, "Site", request.site,
               "opened first contact in " + network->text() + " of site " + request.site + " until " +
                   for_people(until) + ": " + request.reason};
}

ActResult act(Work& work, const RevokeSite& request, const std::string& actor) {
  const std::string& name = request.site;
  if (auto bad = no_such_site(work, name)) return std::unexpected(std::move(*bad));
  if (request.confirm != name)
    return std::unexpected(refusal(ErrorKind::conflict, "confirm",
                                   "this is for good: confirm it with the name of the site, " + name));
  if (request.reason.empty() || request.reason.size() > rules::note_limit)
    return std::unexpected(refusal(ErrorKind::invalid, "reason", "a reason of 1 to 1024 bytes says why"));
  rest::Site site = work.mesh().sites.at(name);
  rest::SiteStatus& status = *site.mutable_status();
  status.clear_first_contact();
  status.set_connected(false);
  *status.mutable_revoked()->mutable_at() = to_wire(work.now.wall());
  status.mutable_revoked()->set_by(actor);
  status.mutable_revoked()->set_reason(request.reason);
  work.ledger.put(std::move(site));
  work.ledger.revoke_site(name, work.now.wall());
  work.links.erase(name);
  std::vector<std::string> open;
  for (const auto& [id, deployment] : work.mesh().deployments) {
    if (deployment.site() == name && is_in_flight(deployment.state())) open.push_back(id);
  }
  for (const std::string& id : open) {
    move_deployment(work, id, Happening::lost, [&](rest::Deployment& d) {
      outcome_unknown(d, "site " + name + " was revoked, and nothing that it tells counts any more");
    });
    work.ledger.note(
        line_about(work.mesh().deployments.at(id), "ended", "INDETERMINATE: its site was revoked"),
        work.now.wall());
  }
  waive_fences(work, name, "revoked");
  work.moved = true;
  return Acted{false, "Site", name,
               "revoked site " + name + " (" + std::to_string(open.size()) +
                   " deployments are INDETERMINATE by it): " + request.reason};
}

}  // namespace metalmesh::controller
