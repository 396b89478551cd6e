#include "common/families/link_wishes.h"

#include <algorithm>
#include <array>
#include <set>

#include "common/hosts/link_rules.h"
#include "common/text/glob.h"

namespace metalmesh::families {
namespace {

using config::Abilities;
using wire::Link;
using wire::Network;

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }
bool is_configured(const Link& link) { return link.dhcp() || !link.addresses().empty(); }
bool is_card(const Link& link) { return !link.has_bond() && !link.has_vlan(); }

bool has_v6(const Link& link) { return std::ranges::any_of(link.addresses(), is_v6); }
bool has_v4(const Link& link) { return !std::ranges::all_of(link.addresses(), is_v6); }
bool wants_v6(const Link& link) { return has_v6(link) || std::ranges::any_of(link.gateways(), is_v6); }

bool has_two_of_a_kind(const Link& link) {
  const auto six = std::ranges::count_if(link.addresses(), is_v6);
  return six > 1 || link.addresses_size() - six > 1;
}

bool has_gateway_outside(const Link& link) {
  return std::ranges::any_of(link.gateways(),
                             [&](const std::string& each) { return hosts::is_outside(link, each); });
}

/// What stands below other links.
std::set<std::string> carriers(const Network& network) {
  std::set<std::string> names;
  for (const Link& link : network.links()) {
    names.insert(link.bond().links().begin(), link.bond().links().end());
    if (link.has_vlan()) names.insert(link.vlan().link());
  }
  return names;
}

bool has_idle_link(const Network& network) {
  const auto below = carriers(network);
  return std::ranges::any_of(network.links(), [&](const Link& link) {
    return !is_configured(link) && !below.contains(link.name());
  });
}

/// A link beside the first one and those that it stands on.
bool has_several(const Network& network) {
  const auto below = carriers(network);
  return std::ranges::count_if(network.links(), [&](const Link& link) {
           return is_configured(link) || !below.contains(link.name());
         }) > 1;
}

/// Where the first link has its address from, as Abilities.dns says it.
std::string origin(const Network& network) {
  const Link* first = hosts::primary_link(network);
  if (first == nullptr) return "default";
  return first->addresses().empty() ? "dhcp" : "static";
}

template <class Strings>
bool lists(const Strings& origins, const std::string& origin) {
  return std::ranges::find(origins, origin) != origins.end();
}

struct Wish {
  const char* what;
  bool (*wanted)(const Link&);
  bool (*able)(const Abilities&);
};

constexpr std::array wishes = {
    Wish{"bonds", [](const Link& l) { return l.has_bond(); }, [](const Abilities& a) { return a.bonds(); }},
    Wish{"VLANs", [](const Link& l) { return l.has_vlan(); }, [](const Abilities& a) { return a.vlans(); }},
    Wish{"IPv6", wants_v6, [](const Abilities& a) { return a.ipv6(); }},
    Wish{"an MTU", [](const Link& l) { return l.mtu() != 0; }, [](const Abilities& a) { return a.mtu(); }},
    Wish{"which link asks DHCP; leave network.links out, DHCP is what it does by itself",
         [](const Link& l) { return l.dhcp(); }, [](const Abilities& a) { return a.dhcp_links(); }},
    Wish{"DHCP and an address of IPv6 on one link",
         [](const Link& l) { return l.dhcp() && !l.addresses().empty(); },
         [](const Abilities& a) { return a.dhcp_and_static(); }},
    Wish{"addresses of IPv4 and IPv6 on one link", [](const Link& l) { return has_v4(l) && has_v6(l); },
         [](const Abilities& a) { return a.dual_stack(); }},
    Wish{"several addresses of one kind on a link", has_two_of_a_kind,
         [](const Abilities& a) { return a.several_addresses(); }},
    Wish{"a gateway outside of the link's networks", has_gateway_outside,
         [](const Abilities& a) { return a.on_link(); }},
    Wish{"cards by their MAC (leave it out and give the kernel's name)",
         [](const Link& l) { return !l.mac().empty(); }, [](const Abilities& a) { return a.links_by_mac(); }},
    Wish{"cards without a MAC", [](const Link& l) { return l.mac().empty() && is_card(l); },
         [](const Abilities& a) { return a.links_by_name(); }},
};

}  // namespace

std::optional<std::string> unable_link_wish(const Abilities& can, const Network& network) {
  for (const Wish& wish : wishes) {
    if (!wish.able(can) && std::ranges::any_of(network.links(), wish.wanted)) return wish.what;
  }
  if (!can.several_links() && has_several(network)) return "more than one link";
  if (!can.idle_links() && has_idle_link(network))
    return "a link without addresses: give it some, or dhcp: true";
  for (const Link& link : network.links()) {
    for (const std::string& pattern : can.no_link_names()) {
      if (!link.mac().empty() && glob_matches(pattern, link.name(), LetterCase::counts))
        return "the name " + link.name() +
               " for a card that is known by its MAC, because the kernel gives such names itself: "
               "choose another (lan0), or leave the MAC out";
    }
  }
  const std::string from = origin(network);
  const std::string where = from == "default" ? " without a link that has addresses"
                            : from == "dhcp"  ? " beside DHCP, which brings its own"
                                              : "";
  if (!network.dns().empty() && !lists(can.dns(), from)) return "DNS servers" + where;
  if (!network.search().empty() && !lists(can.search(), from))
    return "search domains (network.search)" + where;
  if (can.dns_most() != 0 && static_cast<std::uint32_t>(network.dns_size()) > can.dns_most())
    return "more than " + std::to_string(can.dns_most()) + " DNS server" + (can.dns_most() == 1 ? "" : "s");
  return std::nullopt;
}

bool has_static_link(const Network& network) {
  return std::ranges::any_of(network.links(), [](const Link& link) { return !link.addresses().empty(); });
}

bool has_the_gateway_it_needs(const Network& network) {
  return std::ranges::all_of(network.links(), [](const Link& link) {
    const bool six = !has_v4(link);
    return link.addresses().empty() ||
           std::ranges::any_of(link.gateways(), [&](const std::string& each) { return is_v6(each) == six; });
  });
}

}  // namespace metalmesh::families
