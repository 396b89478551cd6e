#include "common/answer/network_context.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <string>
#include <utility>

#include "common/answer/keyfile.h"
#include "common/answer/text_format.h"
#include "common/hosts/ip_network.h"
#include "common/hosts/link_rules.h"

namespace metalmesh::answer {
namespace {

namespace json = boost::json;

template <class Strings>
json::array list_of(const Strings& strings) {
  json::array out;
  for (const std::string& each : strings) out.emplace_back(each);
  return out;
}

template <class Strings>
std::string joined(const Strings& strings, char separator) {
  std::string out;
  for (const std::string& each : strings) {
    if (!out.empty()) out += separator;
    out += each;
  }
  return out;
}

std::string without(std::string text, char c) {
  std::erase(text, c);
  return text;
}

std::string with(std::string text, char from, char to) {
  std::ranges::replace(text, from, to);
  return text;
}

json::value mac_context(const std::string& mac) {
  if (mac.empty()) return nullptr;
  return json::object{{"colons", mac},
                      {"dashes", with(mac, ':', '-')},
                      {"plain", without(mac, ':')},
                      {"glob", "*" + without(mac, ':')}};
}

json::value gateway_of(const wire::Link& link, bool v6) {
  for (const std::string& each : link.gateways()) {
    if ((each.find(':') != std::string::npos) == v6) return json::value(each);
  }
  return nullptr;
}

json::object address_context(const hosts::IpInterface& address, const wire::Link& link) {
  const std::string netmask = address.netmask();
  return {{"cidr", address.text()},
          {"address", address.address.text()},
          {"prefix", address.prefix},
          {"netmask", netmask.empty() ? json::value(nullptr) : json::value(netmask)},
          {"gateway", gateway_of(link, address.address.v6)},
          {"v6", address.address.v6}};
}

/// Bonds and VLANs stand on cards that are known by MAC: where installers want that instead of a name.
const wire::Link* find_link(const wire::Network& network, const std::string& name) {
  const auto found =
      std::ranges::find(network.links(), name, [](const wire::Link& link) { return link.name(); });
  return found == network.links().end() ? nullptr : &*found;
}

json::value bond_context(const wire::Network& network, const wire::Link& link) {
  if (!link.has_bond()) return nullptr;
  json::array cards;
  for (const std::string& name : link.bond().links()) {
    if (const wire::Link* card = find_link(network, name))
      cards.push_back(
          json::object{{"name", name}, {"index0", cards.size()}, {"mac", mac_context(card->mac())}});
  }
  return json::object{{"mode", link.bond().mode()},
                      {"links", list_of(link.bond().links())},
                      {"links_comma", joined(link.bond().links(), ',')},
                      {"cards", std::move(cards)},
                      {"lacp", link.bond().mode() == "802.3ad"}};
}

json::value vlan_context(const wire::Network& network, const wire::Link& link) {
  if (!link.has_vlan()) return nullptr;
  const wire::Link* below = find_link(network, link.vlan().link());
  return json::object{{"id", link.vlan().id()},
                      {"link", link.vlan().link()},
                      {"link_mac", below == nullptr ? json::value(nullptr) : mac_context(below->mac())}};
}

bool is_in_bond(const wire::Network& network, const std::string& name) {
  return std::ranges::any_of(network.links(), [&](const wire::Link& link) {
    return std::ranges::find(link.bond().links(), name) != link.bond().links().end();
  });
}

json::array routes_of(const wire::Link& link) {
  json::array routes;
  for (const std::string& gateway : link.gateways())
    routes.push_back(hosts::is_outside(link, gateway)
                         ? json::object{{"to", "default"}, {"via", gateway}, {"on-link", true}}
                         : json::object{{"to", "default"}, {"via", gateway}});
  return routes;
}

std::string device_of(const wire::Link& card) { return card.mac().empty() ? card.name() : card.mac(); }

/// Of the card that carries the link's frames, where an installer puts the VLAN into the card's own line.
std::string card_device(const wire::Network& network, const wire::Link& link) {
  const wire::Link* below = link.has_vlan() ? find_link(network, link.vlan().link()) : nullptr;
  return device_of(below == nullptr ? link : *below);
}

json::array addresses_of(const wire::Link& link) {
  json::array all;
  for (const std::string& each : link.addresses()) {
    if (const auto address = hosts::parse_interface(each)) {
      json::object context = address_context(*address, link);
      context["number"] = all.size() + 1;
      all.emplace_back(std::move(context));
    }
  }
  return all;
}

json::object link_context(const wire::Network& network, const wire::Link& link, std::size_t index) {
  json::array v4;
  json::array v6;
  for (const std::string& each : link.addresses()) {
    const auto address = hosts::parse_interface(each);
    if (address) (address->address.v6 ? v6 : v4).push_back(address_context(*address, link));
  }
  const bool is_card = !link.has_bond() && !link.has_vlan();
  const bool enslaved = is_in_bond(network, link.name());
  const bool v4_none = v4.empty();
  json::value first4 = v4.empty() ? json::value(nullptr) : v4.front();
  json::value first6 = v6.empty() ? json::value(nullptr) : v6.front();
  json::array addresses = addresses_of(link);
  json::value first = addresses.empty() ? json::value(nullptr) : addresses.front();
  return {{"name", link.name()},
          {"index", index},
          {"last", index + 1 == static_cast<std::size_t>(network.links_size())},
          {"device", device_of(link)},
          {"card_device", card_device(network, link)},
          {"mac", mac_context(link.mac())},
          {"card", is_card},
          {"in_bond", enslaved},
          {"bond", bond_context(network, link)},
          {"vlan", vlan_context(network, link)},
          {"dhcp", link.dhcp()},
          {"mtu", link.mtu() == 0 ? json::value(nullptr) : json::value(link.mtu())},
          {"cidrs", list_of(link.addresses())},
          {"addresses4", std::move(v4)},
          {"addresses6", std::move(v6)},
          {"addresses", std::move(addresses)},
          {"first", std::move(first)},
          {"has_gateway", link.gateways_size() != 0},
          {"routes", routes_of(link)},
          {"keyfile_base64", base64(keyfile_of(network, link))},
          {"ipv4", std::move(first4)},
          {"ipv6", std::move(first6)},
          {"has4", link.dhcp() || !v4_none},
          {"gateway4", gateway_of(link, false)},
          {"gateway6", gateway_of(link, true)},
          {"configured", link.dhcp() || link.addresses_size() != 0},
          {"static", link.addresses_size() != 0}};
}

json::object dns_context(const wire::Network& network) {
  json::array domains;
  for (const std::string& domain : network.search())
    domains.push_back(json::object{{"number", domains.size() + 1}, {"domain", domain}});
  json::array numbered;
  for (const std::string& address : network.dns())
    numbered.push_back(json::object{{"number", numbered.size() + 1}, {"address", address}});
  return {{"servers", list_of(network.dns())},
          {"numbered", std::move(numbered)},
          {"comma", joined(network.dns(), ',')},
          {"first", network.dns().empty() ? json::value(nullptr) : json::value(network.dns(0))},
          {"search", list_of(network.search())},
          {"search_numbered", std::move(domains)},
          {"search_comma", joined(network.search(), ',')},
          {"has_search", !network.search().empty()}};
}

}  // namespace

json::object network_context(const wire::Network& network) {
  json::array links;
  json::array cards;
  json::array bonds;
  json::array vlans;
  json::value primary(nullptr);
  const wire::Link* chosen = hosts::primary_link(network);
  for (const wire::Link& link : network.links()) {
    json::object context = link_context(network, link, links.size());
    context["primary"] = &link == chosen;
    (link.has_bond() ? bonds : link.has_vlan() ? vlans : cards).push_back(context);
    if (&link == chosen) primary = context;
    links.emplace_back(std::move(context));
  }
  return {{"any", !links.empty()},     {"has_bonds", !bonds.empty()},   {"has_vlans", !vlans.empty()},
          {"links", std::move(links)}, {"cards", std::move(cards)},     {"bonds", std::move(bonds)},
          {"vlans", std::move(vlans)}, {"primary", std::move(primary)}, {"dns", dns_context(network)}};
}

}  // namespace metalmesh::answer
