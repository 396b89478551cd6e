#include "controller/core/discoveries.h"

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/bmc_address.h"
#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/base/machine_key.h"
#include "common/hosts/address_ranges.h"
#include "common/hosts/bmc_networks.h"
#include "common/ports/wire_time.h"
#include "controller/core/field_rules.h"
#include "controller/core/operator_acts.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t discovery_id_bytes = 8;
constexpr std::uint32_t highest_port = 65535;

bool runs_still(const rest::Discovery& discovery) {
  return discovery.state() == "asked" || discovery.state() == "running";
}

rules::Verdict refuse_ranges(const rest::Site& site, const DiscoverBmcs& request) {
  const auto ranges = hosts::AddressRanges::parse(request.ranges);
  if (!ranges) return rules::refusal(ErrorKind::invalid, "ranges", ranges.error().message);
  const hosts::BmcNetworks networks(site.spec().bmc_networks());
  for (std::size_t i = 0; i < ranges->size(); ++i) {
    if (const auto why = networks.why_not_at_all(ranges->at(i).text()))
      return rules::refusal(ErrorKind::invalid, "ranges",
                            wire::FaultCode_Name(wire::BMC_NOT_ALLOWED) + ": " + *why,
                            "name ranges within spec.bmcNetworks of site " + site.metadata().name() +
                                ", or correct those: " + commands::apply());
  }
  if (request.port > highest_port)
    return rules::refusal(ErrorKind::invalid, "port", "there is no port " + std::to_string(request.port));
  return std::nullopt;
}

rest::Discovery* open_discovery(Work& work, const std::string& site) {
  rest::Discovery* discovery = work.ledger.live_discovery(site);
  return discovery != nullptr && runs_still(*discovery) ? discovery : nullptr;
}

}  // namespace

ActResult act(Work& work, const DiscoverBmcs& request, const std::string& actor) {
  const auto site = work.mesh().sites.find(request.site);
  if (site == work.mesh().sites.end()) return std::unexpected(*rules::missing("site", "Site", request.site));
  if (auto bad = refuse_ranges(site->second, request)) return std::unexpected(std::move(*bad));
  if (!site->second.status().connected())
    return std::unexpected(rules::refusal(ErrorKind::conflict, "",
                                          "no agent of site " + request.site + " is connected",
                                          commands::describe("site", request.site)));
  if (const rest::Discovery* open = open_discovery(work, request.site))
    return std::unexpected(rules::refusal(ErrorKind::conflict, "",
                                          "a discovery of site " + request.site + " runs, asked for by " +
                                              open->by() + ": " + std::to_string(open->asked()) + " of " +
                                              std::to_string(open->of()) + " addresses were looked at",
                                          "wait for its end, or: " + commands::stop_discovery(request.site)));
  rest::Discovery discovery;
  discovery.set_site(request.site);
  discovery.set_request_id(to_hex(work.entropy.bytes(discovery_id_bytes)));
  discovery.mutable_ranges()->Assign(request.ranges.begin(), request.ranges.end());
  discovery.set_port(request.port);
  discovery.set_state("asked");
  discovery.set_by(actor);
  *discovery.mutable_started() = to_wire(work.now.wall());
  std::string ranges;
  for (const std::string& range : request.ranges) ranges += (ranges.empty() ? "" : ", ") + range;
  work.ledger.set_discovery(std::move(discovery));
  return Acted{false, "Site", request.site, "asked site " + request.site + " which BMCs stand in " + ranges};
}

ActResult act(Work& work, const StopDiscovery& request, const std::string& actor) {
  if (!work.mesh().sites.contains(request.site))
    return std::unexpected(*rules::missing("site", "Site", request.site));
  rest::Discovery* open = open_discovery(work, request.site);
  if (open == nullptr)
    return std::unexpected(
        rules::refusal(ErrorKind::conflict, "", "no discovery of site " + request.site + " runs"));
  if (SiteLink* link = work.link(request.site);
      link != nullptr && link->can_command() && open->state() == "running") {
    wire::Command command;
    command.mutable_stop_discovery()->set_request_id(open->request_id());
    (void)work.send(*link, std::move(command));
  }
  // What its site told until it hears of it is still taken in.
  open->set_state("stopped");
  *open->mutable_ended() = to_wire(work.now.wall());
  return Acted{false, "Site", request.site, actor + " stopped the discovery of site " + request.site};
}

void send_discovery(Work& work, const std::string& site, SiteLink& link) {
  rest::Discovery* asked = open_discovery(work, site);
  if (asked == nullptr || asked->state() != "asked") return;
  wire::Command command;
  wire::Discover& question = *command.mutable_discover();
  question.set_request_id(asked->request_id());
  *question.mutable_ranges() = asked->ranges();
  question.set_port(asked->port());
  if (work.send(link, std::move(command))) asked->set_state("running");
}

void fold_discovered(Work& work, const std::string& site, const wire::Discovered& piece) {
  rest::Discovery* discovery = work.ledger.live_discovery(site);
  if (discovery == nullptr || discovery->request_id() != piece.request_id()) return;
  discovery->set_asked(piece.asked());
  discovery->set_of(piece.of());
  for (const wire::FoundBmc& found : piece.found()) {
    if (static_cast<std::size_t>(discovery->found_size()) < hosts::AddressRanges::most)
      *discovery->add_found()->mutable_bmc() = found;
  }
  if (!piece.over()) return;
  if (runs_still(*discovery)) {
    discovery->set_state(piece.has_fault() ? "failed" : "done");
    *discovery->mutable_ended() = to_wire(work.now.wall());
  }
  if (piece.has_fault()) *discovery->mutable_fault() = piece.fault();
}

rest::Discovery shown_discovery(const MeshState& mesh, const rest::Discovery& discovery) {
  rest::Discovery shown = discovery;
  std::map<std::string, const std::string*> at, called;
  for (const auto& [name, server] : mesh.servers) {
    if (server.spec().site() == discovery.site())
      at[normal_bmc_address(server.spec().bmc().address())] = &name;
    for (const std::string& uuid : {server.spec().identity().uuid(), server.status().seen().uuid()}) {
      if (usable_uuid(uuid)) called["uuid=" + normal_uuid(uuid)] = &name;
    }
    for (const std::string& serial : {server.spec().identity().serial(), server.status().seen().serial()}) {
      if (usable_serial(serial)) called["serial=" + normal_serial(serial)] = &name;
    }
  }
  const auto site = mesh.sites.find(discovery.site());
  const hosts::BmcNetworks networks(site == mesh.sites.end() ? hosts::BmcNetworks::Named()
                                                             : site->second.spec().bmc_networks());
  for (rest::FoundServer& found : *shown.mutable_found()) {
    wire::FoundBmc& bmc = *found.mutable_bmc();
    const wire::BmcNetwork* network = networks.of(bmc.address());
    if (bmc.credential().empty() && network != nullptr && network->credentials_size() == 1)
      bmc.set_credential(network->credentials(0));
    if (const auto known = at.find(normal_bmc_address(bmc.address())); known != at.end()) {
      found.set_server(*known->second);
      continue;
    }
    for (const std::string& name :
         {"uuid=" + normal_uuid(bmc.system_uuid()), "serial=" + normal_serial(bmc.serial()),
          "serial=" + normal_serial(bmc.service_tag())}) {
      if (const auto known = called.find(name); found.server().empty() && known != called.end())
        found.set_server(*known->second);
    }
  }
  return shown;
}

}  // namespace metalmesh::controller
