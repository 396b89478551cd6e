// What a host may say: each case is a mistake that people make, and the field that must be named.
#include "common/hosts/host_rules.h"

#include <gmock/gmock.h>

#include <functional>

#include "common/hosts/host_merge.h"

namespace metalmesh::hosts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::Host;

Host good_host() {
  Host host;
  auto& network = *host.mutable_network();
  for (const char* name : {"eno1", "eno2"}) {
    wire::Link& link = *network.add_links();
    link.set_name(name);
    link.set_mac(std::string("AC-1F-6B-00-00-0") + name[3]);
  }
  wire::Link& bond = *network.add_links();
  bond.set_name("bond0");
  bond.mutable_bond()->add_links("eno1");
  bond.mutable_bond()->add_links("eno2");
  wire::Link& vlan = *network.add_links();
  vlan.set_name("prod");
  vlan.mutable_vlan()->set_link("bond0");
  vlan.mutable_vlan()->set_id(210);
  vlan.add_addresses("10.21.0.60/24");
  vlan.add_addresses("2001:DB8:0::60/64");
  vlan.add_gateways("10.21.0.1");
  vlan.add_gateways("fe80::1");
  network.add_dns("10.21.0.53");
  wire::User& user = *host.add_users();
  user.set_name("ops");
  user.add_ssh_keys("ssh-ed25519 AAAA ops@acme");
  host.mutable_disk()->set_wwn("naa.5000C500A1B2C3D4");
  return host;
}

TEST(HostRules, NormalisesWhatIsRight) {
  Host host = good_host();
  const auto fault = check_host(host);
  ASSERT_FALSE(fault) << fault->field << ": " << fault->message;
  EXPECT_EQ(host.network().links(0).mac(), "ac:1f:6b:00:00:01");
  EXPECT_EQ(host.network().links(2).bond().mode(), "802.3ad");
  EXPECT_EQ(host.network().links(3).addresses(1), "2001:db8::60/64");
  EXPECT_EQ(host.disk().wwn(), "5000c500a1b2c3d4");
  EXPECT_THAT(addresses_of(host), ElementsAre("10.21.0.60", "2001:db8::60"));
}

struct Mistake {
  const char* field;
  const char* says;
  std::function<void(Host&)> make;
};

wire::Link& link_of(Host& host, int index) { return *host.mutable_network()->mutable_links(index); }

std::vector<Mistake> link_mistakes() {
  return {
      {"network.links[3].gateways[0]", "none of the networks",
       [](Host& h) { link_of(h, 3).set_gateways(0, "10.22.0.1"); }},
      {"network.links[3].gateways[0]", "write the address as /32",
       [](Host& h) { link_of(h, 3).set_gateways(0, "10.22.0.1"); }},
      {"network.links[3].gateways[0]", "needs an address of IPv6 on prod",
       [](Host& h) {
         link_of(h, 3).mutable_addresses()->RemoveLast();
         link_of(h, 3).mutable_gateways()->Clear();
         link_of(h, 3).add_gateways("fe80::1");
       }},
      {"network.links[3].gateways[0]", "own address",
       [](Host& h) { link_of(h, 3).set_gateways(0, "10.21.0.60"); }},
      {"network.links[3].gateways[2]", "second default",
       [](Host& h) { link_of(h, 3).add_gateways("10.21.0.2"); }},
      {"network.links[3].addresses[0]", "network itself",
       [](Host& h) { link_of(h, 3).set_addresses(0, "10.21.0.0/24"); }},
      {"network.links[3].addresses[0]", "broadcast",
       [](Host& h) { link_of(h, 3).set_addresses(0, "10.21.0.255/24"); }},
      {"network.links[3].addresses[0]", "with prefix",
       [](Host& h) { link_of(h, 3).set_addresses(0, "10.21.0.60"); }},
      {"network.links[3].addresses[0]", "with prefix",
       [](Host& h) { link_of(h, 3).set_addresses(0, "10.21.0.60/33"); }},
      {"network.links[3].addresses[0]", "contradicts dhcp", [](Host& h) { link_of(h, 3).set_dhcp(true); }},
      {"network.links[3].addresses[2]", "given twice",
       [](Host& h) { link_of(h, 3).add_addresses("10.21.0.60/25"); }},
      {"network.links[3].vlan.id", "1 to 4094", [](Host& h) { link_of(h, 3).mutable_vlan()->set_id(4095); }},
      {"network.links[3].vlan.link", "not among",
       [](Host& h) { link_of(h, 3).mutable_vlan()->set_link("bond1"); }},
      {"network.links[3].vlan.link", "to a bond",
       [](Host& h) { link_of(h, 3).mutable_vlan()->set_link("eno1"); }},
      {"network.links[2].bond.links[1]", "not among",
       [](Host& h) { link_of(h, 2).mutable_bond()->set_links(1, "eno3"); }},
      {"network.links[2].bond.links[1]", "already",
       [](Host& h) { link_of(h, 2).mutable_bond()->set_links(1, "eno1"); }},
      {"network.links[2].bond.mode", "bonding mode",
       [](Host& h) { link_of(h, 2).mutable_bond()->set_mode("lacp"); }},
      {"network.links[2].bond.links[0]", "of its own", [](Host& h) { link_of(h, 0).set_dhcp(true); }},
      {"network.links[1].mac", "two links", [](Host& h) { link_of(h, 1).set_mac("ac:1f:6b:00:00:01"); }},
      {"network.links[1].mac", "no MAC", [](Host& h) { link_of(h, 1).set_mac("00:00:00:00:00:00"); }},
      {"network.links[1].name", "given twice", [](Host& h) { link_of(h, 1).set_name("eno1"); }},
      {"network.links[1].name", "at most 15", [](Host& h) { link_of(h, 1).set_name("a-name-of-16-chr"); }},
      {"network.links[0].role", "leave out one of them", [](Host& h) { link_of(h, 0).set_role("prod0"); }},
      {"network.links[2].role", "not a bond or VLAN", [](Host& h) { link_of(h, 2).set_role("prod0"); }},
      {"network.links[0].name", "no name of a link",
       [](Host& h) {
         link_of(h, 0).clear_mac();
         link_of(h, 0).clear_name();
         link_of(h, 0).set_role("boot net");
       }},
      {"network.links[0].mtu", "no MTU", [](Host& h) { link_of(h, 0).set_mtu(90000); }},
  };
}

std::vector<Mistake> other_mistakes() {
  return {
      {"network.dns[0]", "no address", [](Host& h) { h.mutable_network()->set_dns(0, "dns.acme.net"); }},
      {"ntp[0]", "neither", [](Host& h) { h.add_ntp("two words"); }},
      {"users[0].name", "account name", [](Host& h) { h.mutable_users(0)->set_name("Ops"); }},
      {"users[0].name", "host.root", [](Host& h) { h.mutable_users(0)->set_name("root"); }},
      {"users[0]", "nobody could log in", [](Host& h) { h.mutable_users(0)->clear_ssh_keys(); }},
      {"users[0].sshKeys[0]", "public key",
       [](Host& h) { h.mutable_users(0)->set_ssh_keys(0, "ssh-rsa A\nB"); }},
      {"users[0].sshKeys[1]", "given twice",
       [](Host& h) { h.mutable_users(0)->add_ssh_keys(h.users(0).ssh_keys(0)); }},
      {"root.passwordHash", "crypt(3)", [](Host& h) { h.mutable_root()->set_password_hash("secret"); }},
      {"disk.wwn", "no WWN", [](Host& h) { h.mutable_disk()->set_wwn("xyz"); }},
      {"disk.model", "one line", [](Host& h) { h.mutable_disk()->set_model("a\nb"); }},
      {"disk.media", "none of SSD, HDD", [](Host& h) { h.mutable_disk()->set_media("ssd"); }},
      {"disk.protocol", "none of NVMe, SATA, SAS", [](Host& h) { h.mutable_disk()->set_protocol("IDE"); }},
      {"disk.path", "absolute", [](Host& h) { h.mutable_disk()->set_path("sda"); }},
      {"disk.maxSize", "no disk can match",
       [](Host& h) { h.mutable_disk()->set_min_size(2), h.mutable_disk()->set_max_size(1); }},
      {"timezone", "letters", [](Host& h) { h.set_timezone("Europe/Berlin; rm"); }},
      {"network.dns[0]", "no link has an address of IPv6",
       [](Host& h) {
         link_of(h, 3).mutable_addresses()->RemoveLast();
         link_of(h, 3).mutable_gateways()->Clear();
         h.mutable_network()->mutable_dns()->Clear();
         h.mutable_network()->add_dns("2001:db8::53");
       }},
      {"domain", "no domain name", [](Host& h) { h.set_domain(std::string(64, 'a') + ".net"); }},
      {"domain", "no domain name", [](Host& h) { h.set_domain("acme-.net"); }},
      {"disk.serial", "holds a blank", [](Host& h) { h.mutable_disk()->set_serial("QEMU DISK 1"); }},
      {"packages[0]", "a group by its id", [](Host& h) { h.add_packages("@Server with GUI"); }},
      {"scripts.post", "dos2unix", [](Host& h) { h.mutable_scripts()->set_post("echo\r\n"); }},
      {"scripts.post", "not UTF-8", [](Host& h) { h.mutable_scripts()->set_post("echo \xe9\n"); }},
      {"packages[0]", "package name", [](Host& h) { h.add_packages("a b"); }},
      {"scripts.post", "8192", [](Host& h) { h.mutable_scripts()->set_post(std::string(8193, 'x')); }},
  };
}

TEST(HostRules, NamesTheFieldOfEachMistake) {
  for (const auto& mistakes : {link_mistakes(), other_mistakes()}) {
    for (const Mistake& mistake : mistakes) {
      Host host = good_host();
      mistake.make(host);
      const auto fault = check_host(host);
      ASSERT_TRUE(fault) << mistake.field << ": " << mistake.says;
      EXPECT_EQ(fault->field, mistake.field) << fault->message;
      EXPECT_THAT(fault->message, HasSubstr(mistake.says));
    }
  }
}

TEST(HostRules, ALinkIsCalledAsItsRoleUnlessItHasAName) {
  Host host;
  host.mutable_network()->add_links()->set_role("prod0");
  host.mutable_network()->add_links()->set_role("prod1");
  link_of(host, 1).set_name("lan1");
  ASSERT_FALSE(check_host(host));
  EXPECT_EQ(link_of(host, 0).name(), "prod0");
  EXPECT_EQ(link_of(host, 1).name(), "lan1");
}

TEST(HostMerge, ScalarsWinAndListsReplace) {
  Host base;
  base.set_timezone("Etc/UTC");
  base.set_keyboard("us");
  base.add_ntp("10.0.0.1");
  base.add_ntp("10.0.0.2");
  base.mutable_network()->add_dns("10.0.0.53");
  base.mutable_network()->add_links()->set_name("eno1");
  Host over;
  over.set_keyboard("de");
  over.add_ntp("10.9.0.1");
  over.mutable_network()->add_links()->set_name("eno7");

  merge_host(base, over);
  EXPECT_EQ(base.timezone(), "Etc/UTC");
  EXPECT_EQ(base.keyboard(), "de");
  EXPECT_THAT(base.ntp(), ElementsAre("10.9.0.1"));
  EXPECT_THAT(base.network().dns(), ElementsAre("10.0.0.53"));
  ASSERT_EQ(base.network().links_size(), 1);
  EXPECT_EQ(base.network().links(0).name(), "eno7");
}

TEST(HostMerge, ARuleForTheDiskIsOneValue) {
  Host base;
  base.mutable_disk()->set_path("/dev/sda");
  base.mutable_disk()->set_min_size(4);
  Host over;
  over.mutable_disk()->set_wwn("naa.5000c500a1b2c3d4");
  merge_host(base, over);
  EXPECT_EQ(base.disk().path(), "");
  EXPECT_EQ(base.disk().min_size(), 0);
  EXPECT_EQ(base.disk().wwn(), "naa.5000c500a1b2c3d4");
}

TEST(HostRules, AGatewayBesideASingleAddressMayLieOutside) {
  Host host;
  wire::Link& link = *host.mutable_network()->add_links();
  link.set_name("eno1");
  link.add_addresses("10.21.0.60/32");
  link.add_gateways("10.99.0.1");
  EXPECT_FALSE(check_host(host));
}

}  // namespace
}  // namespace metalmesh::hosts
