#include "common/hosts/link_rules.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/machine_key.h"
#include "common/hosts/ip_network.h"
#include "common/hosts/text_rules.h"

namespace metalmesh::hosts {
namespace {

using Verdict = std::optional<HostFault>;

constexpr int links_most = 32;
constexpr std::size_t link_name_most = 15;  // Linux: IFNAMSIZ
constexpr std::uint32_t vlan_most = 4094;
constexpr std::uint32_t mtu_most = 9216;
constexpr std::array<std::string_view, 7> bond_modes = {
    "802.3ad", "active-backup", "balance-rr", "balance-xor", "balance-tlb", "balance-alb", "broadcast"};

/// A list of links on its way through the rules; `names` holds the links before the current one.
struct Checked {
  std::map<std::string, const wire::Link*> names;
  std::map<std::string, std::string> bonded;  // link to its bond
  std::set<std::string> macs;
  std::set<std::string> addresses;
  bool gateway[2] = {false, false};
};

/// A role stands for a card's MAC until the link is planned; whoever gives no name means the role's.
Verdict check_link_role(const std::string& field, wire::Link& link) {
  if (link.role().empty()) return std::nullopt;
  if (!link.mac().empty())
    return HostFault{field + ".role", "stands for a card's MAC, and mac gives one: leave out one of them"};
  if (link.has_bond() || link.has_vlan())
    return HostFault{field + ".role", "is a card, not a bond or VLAN: give it to the links below"};
  if (link.name().empty()) link.set_name(link.role());
  return std::nullopt;
}

Verdict check_name(const std::string& field, wire::Link& link, Checked& seen) {
  if (!is_plain_word(link.name()) || link.name().size() > link_name_most ||
      link.name().find('/') != std::string::npos) {
    return HostFault{field + ".name",
                     quoted(link.name()) + " is no name of a link: letters and digits, at most 15"};
  }
  if (seen.names.contains(link.name()))
    return HostFault{field + ".name", "link " + link.name() + " is given twice"};
  if (link.mac().empty()) return std::nullopt;
  link.set_mac(to_lower(link.mac()));
  std::ranges::replace(*link.mutable_mac(), '-', ':');
  if (!usable_mac(link.mac())) return HostFault{field + ".mac", quoted(link.mac()) + " is no MAC of a card"};
  if (link.has_bond() || link.has_vlan())
    return HostFault{field + ".mac", "belongs to a card, not to a bond or VLAN: give it to the links below"};
  if (!seen.macs.insert(link.mac()).second)
    return HostFault{field + ".mac", "MAC " + link.mac() + " is given to two links"};
  return std::nullopt;
}

Verdict check_bond(const std::string& field, wire::Link& link, Checked& seen) {
  wire::Bond& bond = *link.mutable_bond();
  if (bond.mode().empty()) bond.set_mode("802.3ad");
  if (std::ranges::find(bond_modes, bond.mode()) == bond_modes.end())
    return HostFault{field + ".bond.mode", quoted(bond.mode()) + " is no bonding mode of Linux"};
  if (bond.links_size() == 0) return HostFault{field + ".bond.links", "names no link"};
  for (int i = 0; i < bond.links_size(); ++i) {
    const auto member = seen.names.find(bond.links(i));
    const std::string at = item(field + ".bond.links", i);
    if (member == seen.names.end())
      return HostFault{at, quoted(bond.links(i)) + " is not among the links before " + link.name()};
    const wire::Link& below = *member->second;
    if (below.has_bond() || below.has_vlan()) return HostFault{at, below.name() + " is no card"};
    if (below.addresses_size() != 0 || below.dhcp())
      return HostFault{at, below.name() + " belongs to a bond, so it cannot have addresses of its own"};
    const auto [other, fresh] = seen.bonded.emplace(below.name(), link.name());
    if (!fresh) return HostFault{at, below.name() + " already belongs to " + other->second};
  }
  return std::nullopt;
}

Verdict check_vlan(const std::string& field, const wire::Link& link, const Checked& seen) {
  if (link.has_bond()) return HostFault{field, "a link is a bond or a VLAN, not both"};
  if (link.vlan().id() == 0 || link.vlan().id() > vlan_most)
    return HostFault{field + ".vlan.id", std::to_string(link.vlan().id()) + " is no VLAN: 1 to 4094"};
  const auto below = seen.names.find(link.vlan().link());
  if (below == seen.names.end())
    return HostFault{field + ".vlan.link",
                     quoted(link.vlan().link()) + " is not among the links before " + link.name()};
  if (seen.bonded.contains(below->first))
    return HostFault{field + ".vlan.link", below->first + " belongs to a bond: put the VLAN on that"};
  return std::nullopt;
}

Verdict check_addresses(const std::string& field, wire::Link& link, Checked& seen) {
  std::vector<IpInterface> networks;
  for (int i = 0; i < link.addresses_size(); ++i) {
    const std::string at = item(field + ".addresses", i);
    const auto parsed = parse_interface(link.addresses(i));
    if (!parsed)
      return HostFault{at, quoted(link.addresses(i)) + " is no address with prefix such as 10.0.0.5/24"};
    if (parsed->is_reserved())
      return HostFault{at,
                       quoted(link.addresses(i)) + " is the address of the network itself or its broadcast"};
    if (!parsed->address.v6 && link.dhcp())
      return HostFault{at, "contradicts dhcp: a link has one or the other for IPv4"};
    link.set_addresses(i, parsed->text());
    if (!seen.addresses.insert(parsed->address.text()).second)
      return HostFault{at, parsed->address.text() + " is given twice"};
    networks.push_back(*parsed);
  }
  for (int i = 0; i < link.gateways_size(); ++i) {
    const std::string at = item(field + ".gateways", i);
    const auto gateway = parse_address(link.gateways(i));
    if (!gateway) return HostFault{at, quoted(link.gateways(i)) + " is no address"};
    link.set_gateways(i, gateway->text());
    const bool alone = std::ranges::any_of(networks, [&](const IpInterface& network) {
      return network.address.v6 == gateway->v6 && network.is_single();
    });
    if (is_outside(link, gateway->text()) && !alone)
      return HostFault{
          at, gateway->text() + " lies in none of the networks of " + link.name() +
                  "; if it answers on the link all the same, as with many hosters, write the address as " +
                  (gateway->v6 ? "/128" : "/32")};
    const bool spoken = std::ranges::any_of(
        networks, [&](const IpInterface& network) { return network.address.v6 == gateway->v6; });
    if (!spoken)
      return HostFault{at, gateway->text() + " needs an address of IPv" + (gateway->v6 ? "6" : "4") + " on " +
                               link.name()};
    if (seen.addresses.contains(gateway->text()))
      return HostFault{at, gateway->text() + " is the server's own address"};
    if (std::exchange(seen.gateway[gateway->v6 ? 1 : 0], true))
      return HostFault{at, "a second default gateway for IPv" + std::string(gateway->v6 ? "6" : "4")};
  }
  return std::nullopt;
}

}  // namespace

bool is_outside(const wire::Link& link, const std::string& gateway) {
  const auto parsed = parse_address(gateway);
  if (!parsed || parsed->is_link_local()) return false;
  return std::ranges::none_of(link.addresses(), [&](const std::string& each) {
    const auto address = parse_interface(each);
    return address && address->network_holds(*parsed);
  });
}

const wire::Link* primary_link(const wire::Network& network) {
  const wire::Link* found = nullptr;
  for (const wire::Link& link : network.links()) {
    if (link.gateways_size() != 0) return &link;
    if (found == nullptr && (link.dhcp() || link.addresses_size() != 0)) found = &link;
  }
  return found;
}

std::optional<HostFault> check_links(wire::Network& network) {
  if (network.links_size() > links_most) return HostFault{"network.links", "at most 32 links are possible"};
  Checked seen;
  for (int i = 0; i < network.links_size(); ++i) {
    wire::Link& link = *network.mutable_links(i);
    const std::string field = item("network.links", i);
    if (auto bad = check_link_role(field, link)) return bad;
    if (auto bad = check_name(field, link, seen)) return bad;
    if (link.has_vlan()) {
      if (auto bad = check_vlan(field, link, seen)) return bad;
    } else if (link.has_bond()) {
      if (auto bad = check_bond(field, link, seen)) return bad;
    }
    if (link.mtu() != 0 && (link.mtu() < 576 || link.mtu() > mtu_most))
      return HostFault{field + ".mtu", std::to_string(link.mtu()) + " is no MTU: 576 to 9216"};
    if (auto bad = check_addresses(field, link, seen)) return bad;
    seen.names.emplace(link.name(), &link);
  }
  return std::nullopt;
}

}  // namespace metalmesh::hosts
