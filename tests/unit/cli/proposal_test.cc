#include "controller/cli/proposal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cli/manifest.h"

namespace metalmesh::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

rest::FoundServer& add(rest::Discovery& discovery, const std::string& address,
                       const std::string& serial = {}) {
  rest::FoundServer& found = *discovery.add_found();
  wire::FoundBmc& bmc = *found.mutable_bmc();
  bmc.set_address(address);
  bmc.set_what(wire::FoundBmc::REDFISH);
  bmc.set_redfish("1.15.0");
  bmc.set_vendor("Acme");
  bmc.set_uuid("11111111-2222-3333-4444-555555555555");
  bmc.set_key_sha256(std::string(64, 'a'));
  if (serial.empty()) return found;
  bmc.set_logged_in(true);
  bmc.set_credential("rack");
  bmc.set_serial(serial);
  bmc.set_system_uuid("4C4C4544-0042-3510-8051-B4C04F4A4D32");
  return found;
}

TEST(Serials, AreReadWithNamesOrWithout) {
  const auto plain = parse_serials("CZ1\n\n# of the second delivery\n CZ2 , r2 \r\nCZ3,\"r3\"");
  ASSERT_TRUE(plain) << plain.error().message;
  ASSERT_EQ(plain->size(), 3U);
  EXPECT_EQ((*plain)[0].serial, "CZ1");
  EXPECT_EQ((*plain)[0].name, "");
  EXPECT_EQ((*plain)[1].serial, "CZ2");
  EXPECT_EQ((*plain)[1].name, "r2");
  EXPECT_EQ((*plain)[2].name, "r3");
  const auto table = parse_serials("Rack,Name,Serial\n7,r1,CZ1\n");
  ASSERT_TRUE(table);
  ASSERT_EQ(table->size(), 1U);
  EXPECT_EQ((*table)[0].serial, "CZ1");
  EXPECT_EQ((*table)[0].name, "r1");
}

TEST(Serials, WhatIsWrongIsNamedWithItsLine) {
  EXPECT_THAT(parse_serials("CZ1\nCZ1").error().message, HasSubstr("line 2: serial CZ1 is there twice"));
  EXPECT_THAT(parse_serials("CZ1,R_1").error().message, HasSubstr("line 1: \"R_1\" is no name"));
  EXPECT_THAT(parse_serials("CZ1,a\nCZ2,a").error().message, HasSubstr("name a is there twice"));
  EXPECT_THAT(parse_serials("serial,name\n,r1").error().message, HasSubstr("line 2 has no serial"));
}

TEST(Proposals, AreServersThatCanBeApplied) {
  rest::Discovery discovery;
  add(discovery, "10.20.0.7", "CZ2D4F0A1B");
  add(discovery, "10.20.0.8");
  add(discovery, "10.20.0.9").set_server("r9");
  discovery.add_found()->mutable_bmc()->set_what(wire::FoundBmc::NO_TLS);
  const Proposal proposal = propose(discovery, "par1", {}, {{"r9", "CZ9"}});
  const std::string text = proposal_yaml(discovery, proposal);
  const auto manifests = parse_manifests(text, "proposal");
  ASSERT_TRUE(manifests) << manifests.error().message << "\n" << text;
  ASSERT_EQ(manifests->size(), 2U);
  const auto& known = dynamic_cast<const rest::Server&>(*(*manifests)[0].object);
  EXPECT_EQ(known.metadata().name(), "par1-cz2d4f0a1b");
  EXPECT_EQ(known.spec().site(), "par1");
  EXPECT_EQ(known.spec().bmc().address(), "10.20.0.7");
  EXPECT_EQ(known.spec().bmc().credential(), "rack");
  EXPECT_EQ(known.spec().bmc().key_sha256(), std::string(64, 'a'));
  EXPECT_EQ(known.spec().identity().serial(), "CZ2D4F0A1B");
  EXPECT_EQ(known.spec().identity().uuid(), "4c4c4544-0042-3510-8051-b4c04f4a4d32");
  const auto& unknown = dynamic_cast<const rest::Server&>(*(*manifests)[1].object);
  EXPECT_EQ(unknown.metadata().name(), "par1-10-20-0-8");
  EXPECT_FALSE(unknown.spec().has_identity()) << "what the service calls itself is not the machine";
  EXPECT_THAT(text, HasSubstr("# 10.20.0.9 is server r9 already\n"));
}

TEST(Proposals, NodesThatTellOneSerialGetNamesOfTheirOwn) {
  rest::Discovery discovery;
  add(discovery, "10.20.0.7", "CHASSIS1");
  add(discovery, "10.20.0.8", "CHASSIS1");
  const Proposal proposal = propose(discovery, "par1", {}, {});
  ASSERT_EQ(proposal.servers.size(), 2U);
  EXPECT_EQ(proposal.servers[0].metadata().name(), "par1-chassis1");
  EXPECT_EQ(proposal.servers[1].metadata().name(), "par1-10-20-0-8");
}

TEST(Proposals, AreComparedWithWhatWasBought) {
  rest::Discovery discovery;
  discovery.set_asked(254);
  discovery.set_of(254);
  add(discovery, "10.20.0.7", "CZ7");
  add(discovery, "10.20.0.8", "STRAY");
  add(discovery, "10.20.0.9").set_server("r9");
  add(discovery, "10.20.0.10");
  rest::FoundServer& dell = add(discovery, "10.20.0.11");
  dell.mutable_bmc()->set_service_tag("F54P1G3");
  const std::vector<ExpectedMachine> bought = {
      {"CZ7", "web-1"}, {"CZ9", ""}, {"F54P1G3", ""}, {"CZ404", "web-4"}};
  const Proposal proposal = propose(discovery, "par1", bought, {{"r9", "CZ9"}});
  EXPECT_THAT(proposal.unexpected, ElementsAre("STRAY at 10.20.0.8"));
  ASSERT_EQ(proposal.missing.size(), 1U);
  EXPECT_EQ(proposal.missing[0].serial, "CZ404");
  EXPECT_EQ(proposal.untold, 1U);
  EXPECT_EQ(proposal.servers[0].metadata().name(), "web-1");
  const std::string text = discovery_text(discovery, proposal, true);
  EXPECT_THAT(
      text,
      HasSubstr("254 addresses: 5 BMCs, 1 of what answers is registered already; at 249 nothing answers"));
  EXPECT_THAT(text, HasSubstr("missing: CZ404 (web-4)"));
  EXPECT_THAT(text, HasSubstr("unexpected: STRAY at 10.20.0.8"));
  EXPECT_THAT(text, HasSubstr("1 BMCs tell no serial"));
  EXPECT_THAT(discovery_text(discovery, proposal, false), Not(HasSubstr("missing")));
}

}  // namespace
}  // namespace metalmesh::cli
