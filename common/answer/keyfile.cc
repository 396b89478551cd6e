#include "common/answer/keyfile.h"

#include <algorithm>
#include <string_view>

#include "common/hosts/link_rules.h"

namespace metalmesh::answer {
namespace {

bool is_v6(const std::string& text) { return text.find(':') != std::string::npos; }

std::string_view type_of(const wire::Link& link) {
  if (link.has_bond()) return "bond";
  return link.has_vlan() ? "vlan" : "ethernet";
}

std::string bond_of(const wire::Network& network, const std::string& name) {
  for (const wire::Link& link : network.links()) {
    const auto& members = link.bond().links();
    if (std::ranges::find(members, name) != members.end()) return link.name();
  }
  return {};
}

std::string mac_of(const wire::Network& network, const std::string& name) {
  const auto found =
      std::ranges::find(network.links(), name, [](const wire::Link& link) { return link.name(); });
  return found == network.links().end() ? std::string() : found->mac();
}

template <class Strings>
std::string semicolons(const Strings& list, bool v6) {
  std::string out;
  for (const std::string& each : list) {
    if (is_v6(each) == v6) out += each + ";";
  }
  return out;
}

std::string method_of(const wire::Link& link, bool v6) {
  if (!v6 && link.dhcp()) return "auto";
  return semicolons(link.addresses(), v6).empty() ? "disabled" : "manual";
}

std::string addressing(const wire::Network& network, const wire::Link& link, bool v6) {
  std::string out = std::string("\n[ipv") + (v6 ? "6" : "4") + "]\nmethod=" + method_of(link, v6) + "\n";
  int number = 0;
  for (const std::string& each : link.addresses()) {
    if (is_v6(each) == v6) out += "address" + std::to_string(++number) + "=" + each + "\n";
  }
  for (const std::string& gateway : link.gateways()) {
    if (is_v6(gateway) != v6) continue;
    if (hosts::is_outside(link, gateway)) {
      out +=
          std::string("route1=") + (v6 ? "::/0," : "0.0.0.0/0,") + gateway + "\nroute1_options=onlink=true\n";
    } else {
      out += "gateway=" + gateway + "\n";
    }
  }
  if (method_of(link, v6) == "disabled") return out;
  if (const std::string dns = semicolons(network.dns(), v6); !dns.empty()) out += "dns=" + dns + "\n";
  std::string search;
  for (const std::string& each : network.search()) search += each + ";";
  return search.empty() ? out : out + "dns-search=" + search + "\n";
}

}  // namespace

std::string keyfile_of(const wire::Network& network, const wire::Link& link) {
  std::string out = "[connection]\nid=" + link.name() + "\ntype=" + std::string(type_of(link)) + "\n";
  if (link.mac().empty()) out += "interface-name=" + link.name() + "\n";
  const std::string bond = bond_of(network, link.name());
  if (!bond.empty()) out += "master=" + bond + "\nslave-type=bond\n";
  // A card that is known by its MAC may have any name: a VLAN on it is bound to the MAC, too.
  const std::string card = link.has_vlan() ? mac_of(network, link.vlan().link()) : link.mac();
  if (!card.empty() || link.mtu() != 0) {
    out += "\n[ethernet]\n";
    if (!card.empty()) out += "mac-address=" + card + "\n";
    if (link.mtu() != 0) out += "mtu=" + std::to_string(link.mtu()) + "\n";
  }
  if (link.has_bond()) out += "\n[bond]\nmode=" + link.bond().mode() + "\nmiimon=100\n";
  if (link.has_vlan()) {
    out += "\n[vlan]\nid=" + std::to_string(link.vlan().id()) + "\n";
    if (card.empty()) out += "parent=" + link.vlan().link() + "\n";
  }
  return bond.empty() ? out + addressing(network, link, false) + addressing(network, link, true) : out;
}

}  // namespace metalmesh::answer
