#include "common/families/abilities.h"

#include <algorithm>
#include <array>

namespace metalmesh::families {
namespace {

using config::Abilities;
using wire::Host;
using wire::Link;

template <class Wanted>
bool some_link(const Host& host, Wanted wanted) {
  return std::ranges::any_of(host.network().links(), wanted);
}

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

bool wants_v6(const Link& link) {
  return std::ranges::any_of(link.addresses(), is_v6) || std::ranges::any_of(link.gateways(), is_v6);
}

bool has_two_of_a_kind(const Link& link) {
  const auto six = std::ranges::count_if(link.addresses(), is_v6);
  return six > 1 || link.addresses_size() - six > 1;
}

bool is_configured(const Link& link) { return link.dhcp() || !link.addresses().empty(); }

bool is_nameless_card(const Link& link) { return link.mac().empty() && !link.has_bond() && !link.has_vlan(); }

bool wants_disk_by(const Host& host, const char* key) {
  const wire::DiskChoice& disk = host.disk();
  const std::string_view by = key;
  if (by == "path") return !disk.path().empty();
  if (by == "serial") return !disk.serial().empty();
  if (by == "wwn") return !disk.wwn().empty();
  return disk.min_size() != 0 || disk.max_size() != 0;
}

bool chooses_disk(const Host& host) {
  const wire::DiskChoice& disk = host.disk();
  return !disk.path().empty() || !disk.serial().empty() || !disk.wwn().empty() || disk.min_size() != 0 ||
         disk.max_size() != 0;
}

struct Demand {
  const char* what;
  bool (*wanted)(const Host&);
  bool (*able)(const Abilities&);
};

constexpr std::array demands = {
    Demand{"bonds", [](const Host& h) { return some_link(h, [](const Link& l) { return l.has_bond(); }); },
           [](const Abilities& a) { return a.bonds(); }},
    Demand{"VLANs", [](const Host& h) { return some_link(h, [](const Link& l) { return l.has_vlan(); }); },
           [](const Abilities& a) { return a.vlans(); }},
    Demand{"IPv6", [](const Host& h) { return some_link(h, wants_v6); },
           [](const Abilities& a) { return a.ipv6(); }},
    Demand{"more than one link with addresses",
           [](const Host& h) { return std::ranges::count_if(h.network().links(), is_configured) > 1; },
           [](const Abilities& a) { return a.several_links(); }},
    Demand{"an MTU", [](const Host& h) { return some_link(h, [](const Link& l) { return l.mtu() != 0; }); },
           [](const Abilities& a) { return a.mtu(); }},
    Demand{"NTP servers", [](const Host& h) { return !h.ntp().empty(); },
           [](const Abilities& a) { return a.ntp(); }},
    Demand{"several addresses of one kind on a link",
           [](const Host& h) { return some_link(h, has_two_of_a_kind); },
           [](const Abilities& a) { return a.several_addresses(); }},
    Demand{"cards by their MAC (leave it out and give the kernel's name)",
           [](const Host& h) { return some_link(h, [](const Link& l) { return !l.mac().empty(); }); },
           [](const Abilities& a) { return a.links_by_mac(); }},
    Demand{"cards without a MAC", [](const Host& h) { return some_link(h, is_nameless_card); },
           [](const Abilities& a) { return a.links_by_name(); }},
    Demand{"user accounts", [](const Host& h) { return !h.users().empty(); },
           [](const Abilities& a) { return a.users(); }},
    Demand{"the password of root", [](const Host& h) { return !h.root().password_hash().empty(); },
           [](const Abilities& a) { return a.root(); }},
    Demand{"SSH keys of root", [](const Host& h) { return !h.root().ssh_keys().empty(); },
           [](const Abilities& a) { return a.root_keys(); }},
    Demand{"scripts.pre", [](const Host& h) { return !h.scripts().pre().empty(); },
           [](const Abilities& a) { return a.pre(); }},
    Demand{"scripts.post", [](const Host& h) { return !h.scripts().post().empty(); },
           [](const Abilities& a) { return a.post(); }},
    Demand{"packages", [](const Host& h) { return !h.packages().empty(); },
           [](const Abilities& a) { return a.packages(); }},
};

}  // namespace

std::optional<std::string> why_not(const config::OsFamily& family, const wire::Host& host) {
  const auto cannot = [&](const std::string& what) {
    return "family " + family.name() + " cannot express " + what;
  };
  for (const Demand& demand : demands) {
    if (demand.wanted(host) && !demand.able(family.can())) return cannot(demand.what);
  }
  if (family.can().disk_required() && !chooses_disk(host))
    return "family " + family.name() +
           " must be told the disk, because its installer would choose one by itself: host.disk";
  const auto& disk = family.can().disk();
  for (const char* key : {"path", "serial", "wwn", "size"}) {
    if (!wants_disk_by(host, key) || std::ranges::find(disk, key) != disk.end()) continue;
    std::string others;
    for (const auto& each : disk) others += (others.empty() ? "" : ", ") + each;
    return cannot("a disk by its " + std::string(key) + (others.empty() ? "" : "; it can by: " + others));
  }
  return std::nullopt;
}

}  // namespace metalmesh::families
