#include "tests/support/host_wishes.h"

#include <google/protobuf/descriptor.h>

namespace metalmesh::answer {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using wire::Host;
using wire::Link;

constexpr char hash1[] =
    "$6$saltsalt$UiZikbV3VeeBPsg8./Q5DAfq9aj7CVZMDU6ffBiBLgUEpxv7LMXKbcZ9JSZnYDrZQftdG319XkbLVMvWcF/Vr/";
constexpr char hash2[] =
    "$6$pepper00$UiZikbV3VeeBPsg8./Q5DAfq9aj7CVZMDU6ffBiBLgUEpxv7LMXKbcZ9JSZnYDrZQftdG319XkbLVMvWcF/Vr/";
constexpr char key1[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG9uZQ one@acme";
constexpr char key3[] = "ssh-rsa AAAAB3NzaC1yc2E three@acme";
constexpr char key2[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHR3bw two@acme";

const char* either(bool second, const char* a, const char* b) { return second ? b : a; }

Link& link(Host& host, const char* name) {
  Link& made = *host.mutable_network()->add_links();
  made.set_name(name);
  return made;
}

Link& card(Host& host, const char* name = "eno1", const char* mac = "ac:1f:6b:00:00:01") {
  Link& made = link(host, name);
  made.set_mac(mac);
  return made;
}

/// An address of IPv4, and what families need beside one.
void address(Host& host, Link& on, const char* text = "10.21.0.60/24") {
  on.add_addresses(text);
  on.add_gateways("10.21.0.1");
  host.mutable_network()->add_dns("10.21.0.53");
}

wire::User& user(Host& host) {
  wire::User& made = *host.add_users();
  made.set_name("ops");
  made.set_password_hash(hash1);
  made.add_ssh_keys(key1);
  return made;
}

std::vector<HostWish> of_links() {
  return {
      {"network.links.name", "without a MAC",
       [](Host& h, bool second) { address(h, link(h, either(second, "eno1", "eno2"))); }},
      {"network.links.name", "with a MAC",
       [](Host& h, bool second) { address(h, card(h, either(second, "lan0", "lan1"))); }},
      {"network.links.mac", "",
       [](Host& h, bool second) {
         address(h, card(h, "eno1", either(second, "ac:1f:6b:00:00:01", "ac:1f:6b:00:00:02")));
       }},
      {"network.links.mac", "with DHCP",
       [](Host& h, bool second) {
         card(h, "eno1", either(second, "ac:1f:6b:00:00:01", "ac:1f:6b:00:00:02")).set_dhcp(true);
       }},
      {"network.links.role", "of which no plan made a card",
       [](Host& h, bool second) {
         Link& made = *h.mutable_network()->add_links();
         made.set_role(either(second, "prod0", "prod1"));
         address(h, made);
       }},
      {"network.links.addresses", "IPv4, by MAC",
       [](Host& h, bool second) { address(h, card(h), either(second, "10.21.0.60/24", "10.21.0.61/24")); }},
      {"network.links.addresses", "IPv4, by name",
       [](Host& h, bool second) {
         address(h, link(h, "eno1"), either(second, "10.21.0.60/24", "10.21.0.61/24"));
       }},
      {"network.links.addresses", "IPv6",
       [](Host& h, bool second) {
         Link& on = card(h);
         on.add_addresses(either(second, "2001:db8::60/64", "2001:db8::61/64"));
         on.add_gateways("2001:db8::1");
         h.mutable_network()->add_dns("2001:db8::53");
       }},
      {"network.links.addresses", "IPv4 and IPv6",
       [](Host& h, bool second) {
         Link& on = card(h);
         address(h, on);
         on.add_addresses(either(second, "2001:db8::60/64", "2001:db8::61/64"));
       }},
      {"network.links.addresses", "a second of IPv4",
       [](Host& h, bool second) {
         Link& on = card(h);
         address(h, on);
         on.add_addresses(either(second, "10.22.0.60/24", "10.22.0.61/24"));
       }},
      {"network.links.addresses", "of a second card",
       [](Host& h, bool second) {
         address(h, card(h));
         card(h, "eno2", "ac:1f:6b:00:00:02").add_addresses(either(second, "10.22.0.60/24", "10.22.0.61/24"));
       }},
      {"network.links.addresses", "none",
       [](Host& h, bool second) {
         card(h, "eno1", either(second, "ac:1f:6b:00:00:01", "ac:1f:6b:00:00:02"));
       }},
      {"network.links.gateways", "IPv4",
       [](Host& h, bool second) {
         Link& on = card(h);
         address(h, on);
         on.set_gateways(0, either(second, "10.21.0.1", "10.21.0.2"));
       }},
      {"network.links.gateways", "IPv4, by name",
       [](Host& h, bool second) {
         Link& on = link(h, "eno1");
         address(h, on);
         on.set_gateways(0, either(second, "10.21.0.1", "10.21.0.2"));
       }},
      {"network.links.gateways", "IPv6",
       [](Host& h, bool second) {
         Link& on = card(h);
         on.add_addresses("2001:db8::60/64");
         on.add_gateways(either(second, "fe80::1", "2001:db8::1"));
         h.mutable_network()->add_dns("2001:db8::53");
       }},
      {"network.links.gateways", "outside of the network",
       [](Host& h, bool second) {
         Link& on = card(h);
         address(h, on, "10.21.0.60/32");
         on.set_gateways(0, either(second, "10.99.0.1", "10.99.0.2"));
       }},
      {"network.links.dhcp", "",
       [](Host& h, bool second) {
         Link& on = card(h);
         if (second) return address(h, on);
         on.set_dhcp(true);
       }},
      {"network.links.dhcp", "by name",
       [](Host& h, bool second) { link(h, either(second, "eno1", "eno2")).set_dhcp(true); }},
      {"network.links.dhcp", "with an address of IPv6",
       [](Host& h, bool second) {
         Link& on = card(h);
         on.set_dhcp(true);
         on.add_addresses(either(second, "2001:db8::60/64", "2001:db8::61/64"));
       }},
      {"network.links.mtu", "",
       [](Host& h, bool second) {
         Link& on = card(h);
         address(h, on);
         on.set_mtu(second ? 9000 : 1400);
       }},
      {"network.links.bond.links", "",
       [](Host& h, bool second) {
         card(h, "eno1", "ac:1f:6b:00:00:01");
         card(h, "eno2", "ac:1f:6b:00:00:02");
         Link& bond = link(h, "bond0");
         bond.mutable_bond()->add_links("eno1");
         if (second) bond.mutable_bond()->add_links("eno2");
         address(h, bond);
       }},
      {"network.links.bond.mode", "",
       [](Host& h, bool second) {
         card(h);
         Link& bond = link(h, "bond0");
         bond.mutable_bond()->add_links("eno1");
         bond.mutable_bond()->set_mode(either(second, "802.3ad", "active-backup"));
         address(h, bond);
       }},
      {"network.links.vlan.link", "",
       [](Host& h, bool second) {
         const char* name = either(second, "eno1", "eno2");
         card(h, name, either(second, "ac:1f:6b:00:00:01", "ac:1f:6b:00:00:02"));
         Link& vlan = link(h, "prod");
         vlan.mutable_vlan()->set_link(name);
         vlan.mutable_vlan()->set_id(210);
         address(h, vlan);
       }},
      {"network.links.vlan.id", "",
       [](Host& h, bool second) {
         card(h);
         Link& vlan = link(h, "prod");
         vlan.mutable_vlan()->set_link("eno1");
         vlan.mutable_vlan()->set_id(second ? 211 : 210);
         address(h, vlan);
       }},
      {"network.dns", "beside an address",
       [](Host& h, bool second) {
         address(h, card(h));
         h.mutable_network()->set_dns(0, either(second, "10.21.0.53", "10.21.0.54"));
       }},
      {"network.dns", "beside an address, by name",
       [](Host& h, bool second) {
         address(h, link(h, "eno1"));
         h.mutable_network()->set_dns(0, either(second, "10.21.0.53", "10.21.0.54"));
       }},
      {"network.dns", "a second one",
       [](Host& h, bool second) {
         address(h, card(h));
         h.mutable_network()->add_dns(either(second, "10.21.0.54", "10.21.0.55"));
       }},
      {"network.dns", "beside DHCP",
       [](Host& h, bool second) {
         card(h).set_dhcp(true);
         h.mutable_network()->add_dns(either(second, "10.21.0.53", "10.21.0.54"));
       }},
      {"network.dns", "without links",
       [](Host& h, bool second) {
         h.mutable_network()->add_dns(either(second, "10.21.0.53", "10.21.0.54"));
       }},
      {"network.search", "beside an address",
       [](Host& h, bool second) {
         address(h, card(h));
         h.mutable_network()->add_search(either(second, "a.acme.net", "b.acme.net"));
       }},
      {"network.search", "beside DHCP",
       [](Host& h, bool second) {
         card(h).set_dhcp(true);
         h.mutable_network()->add_search(either(second, "a.acme.net", "b.acme.net"));
       }},
      {"network.search", "without links",
       [](Host& h, bool second) {
         h.mutable_network()->add_search(either(second, "a.acme.net", "b.acme.net"));
       }},
  };
}

std::vector<HostWish> of_the_rest() {
  return {
      {"domain", "", [](Host& h, bool second) { h.set_domain(either(second, "acme.net", "acme.org")); }},
      {"locale", "of a country",
       [](Host& h, bool second) { h.set_locale(either(second, "de_DE.UTF-8", "fr_FR.UTF-8")); }},
      {"locale", "other", [](Host& h, bool second) { h.set_locale(either(second, "C.UTF-8", "POSIX")); }},
      {"keyboard", "", [](Host& h, bool second) { h.set_keyboard(either(second, "de", "fr")); }},
      {"timezone", "of a city",
       [](Host& h, bool second) { h.set_timezone(either(second, "Europe/Berlin", "Asia/Tokyo")); }},
      {"timezone", "other", [](Host& h, bool second) { h.set_timezone(either(second, "Etc/GMT+1", "CET")); }},
      {"ntp", "", [](Host& h, bool second) { h.add_ntp(either(second, "10.21.0.1", "ntp.acme.net")); }},
      {"ntp", "a second one",
       [](Host& h, bool second) {
         h.add_ntp("10.21.0.1");
         h.add_ntp(either(second, "10.21.0.2", "ntp.acme.net"));
       }},
      {"users.name", "", [](Host& h, bool second) { user(h).set_name(either(second, "ops", "dba")); }},
      {"users.full_name", "",
       [](Host& h, bool second) { user(h).set_full_name(either(second, "Jörg O'Hara", "Ann")); }},
      {"users.password_hash", "",
       [](Host& h, bool second) { user(h).set_password_hash(either(second, hash1, hash2)); }},
      {"users.ssh_keys", "",
       [](Host& h, bool second) { user(h).set_ssh_keys(0, either(second, key1, key2)); }},
      {"users.ssh_keys", "a second one",
       [](Host& h, bool second) { user(h).add_ssh_keys(either(second, key3, key2)); }},
      {"users.groups", "",
       [](Host& h, bool second) { user(h).add_groups(either(second, "docker", "audio")); }},
      {"users.sudo", "", [](Host& h, bool second) { user(h).set_sudo(second); }},
      {"root.password_hash", "",
       [](Host& h, bool second) { h.mutable_root()->set_password_hash(either(second, hash1, hash2)); }},
      {"root.ssh_keys", "",
       [](Host& h, bool second) { h.mutable_root()->add_ssh_keys(either(second, key1, key2)); }},
      {"root.ssh_keys", "a second one",
       [](Host& h, bool second) {
         h.mutable_root()->add_ssh_keys(key1);
         h.mutable_root()->add_ssh_keys(either(second, "ssh-rsa AAAAB3 x", key2));
       }},
      {"disk.serial", "",
       [](Host& h, bool second) { h.mutable_disk()->set_serial(either(second, "S4EVNX0M1", "S4EVNX0M2")); }},
      {"disk.wwn", "",
       [](Host& h, bool second) {
         h.mutable_disk()->set_wwn(either(second, "naa.5000c500a1b2c3d4", "naa.5000c500a1b2c3d5"));
       }},
      {"disk.wwn", "of NVMe",
       [](Host& h, bool second) {
         h.mutable_disk()->set_wwn(either(second, "eui.0025385b71b0a1c2", "eui.0025385b71b0a1c3"));
       }},
      {"disk.path", "",
       [](Host& h, bool second) {
         h.mutable_disk()->set_path(either(second, "/dev/nvme0n1", "/dev/nvme1n1"));
       }},
      {"disk.min_size", "",
       [](Host& h, bool second) { h.mutable_disk()->set_min_size(second ? 500000000000 : 400000000000); }},
      {"disk.max_size", "",
       [](Host& h, bool second) { h.mutable_disk()->set_max_size(second ? 500000000000 : 400000000000); }},
      {"disk.model", "",
       [](Host& h, bool second) {
         h.mutable_disk()->set_model(either(second, "SAMSUNG MZ7LH480*", "SAMSUNG MZ7LH960*"));
       }},
      {"disk.media", "",
       [](Host& h, bool second) { h.mutable_disk()->set_media(either(second, "SSD", "HDD")); }},
      {"disk.protocol", "",
       [](Host& h, bool second) { h.mutable_disk()->set_protocol(either(second, "NVMe", "SATA")); }},
      {"disk", "two marks at once",
       [](Host& h, bool second) {
         h.mutable_disk()->set_serial("S4EVNX0M1");
         h.mutable_disk()->set_wwn(either(second, "naa.5000c500a1b2c3d4", "naa.5000c500a1b2c3d5"));
       }},
      {"scripts.pre", "",
       [](Host& h, bool second) {
         h.mutable_scripts()->set_pre(either(second, "echo 'a'\n", "echo \"b\"\n"));
       }},
      {"scripts.post", "",
       [](Host& h, bool second) {
         h.mutable_scripts()->set_post(either(second, "echo 'a'\n", "echo \"b\"\n"));
       }},
      {"scripts.post", "with a line that begins with %",
       [](Host& h, bool second) {
         h.mutable_scripts()->set_post(either(second, "cat <<E\n%end\nE\n", "cat <<E\n%pre\nE\n"));
       }},
      {"packages", "", [](Host& h, bool second) { h.add_packages(either(second, "vim", "tmux")); }},
      {"packages", "a group", [](Host& h, bool second) { h.add_packages(either(second, "@core", "@base")); }},
      {"packages", "a glob",
       [](Host& h, bool second) { h.add_packages(either(second, "kernel-*", "python3-*")); }},
      {"packages", "without one",
       [](Host& h, bool second) { h.add_packages(either(second, "-firewalld", "-plymouth")); }},
  };
}

// Depth is that of the schema, which does not contain itself.
// NOLINTNEXTLINE(misc-no-recursion)
void leaves(const Descriptor& message, const std::string& above, std::vector<std::string>& out) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    const std::string name = above + std::string(field.name());
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      leaves(*field.message_type(), name + ".", out);
    } else {
      out.push_back(name);
    }
  }
}

}  // namespace

const std::vector<HostWish>& host_wishes() {
  static const std::vector<HostWish> all = [] {
    std::vector<HostWish> both = of_the_rest();
    for (HostWish& each : of_links()) both.push_back(std::move(each));
    return both;
  }();
  return all;
}

std::vector<std::string> leaves_of_host() {
  std::vector<std::string> out;
  leaves(*Host::descriptor(), "", out);
  return out;
}

std::vector<wire::Variable> needed_variables(const std::string& family) {
  std::vector<wire::Variable> variables;
  const auto add = [&](const char* name, const char* value) {
    wire::Variable& variable = variables.emplace_back();
    variable.set_name(name);
    variable.set_value(value);
  };
  for (const char* name : {"hostname", "server", "deployment"}) add(name, "web-1");
  if (family == "windows") {
    add("adminPassword", "S3cret & <more>");
    add("windowsDisk", "0");
  }
  return variables;
}

}  // namespace metalmesh::answer
