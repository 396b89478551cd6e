// Findings by what BMCs told, exceptions with their time, and the three forms of a report.
#include "controller/cli/posture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/ports/wire_time.h"

namespace metalmesh::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using wire::Inventory;

const WallTime now{std::chrono::hours(24 * 365 * 57)};

rest::Server server(const std::string& name, const std::string& site) {
  rest::Server out;
  out.mutable_metadata()->set_name(name);
  out.mutable_spec()->set_site(site);
  return out;
}

rest::Server bad_one() {
  rest::Server out = server("r1", "par1");
  auto& facts = *out.mutable_status()->mutable_facts();
  facts.set_boot_mode(Inventory::LEGACY);
  facts.set_secure_boot(Inventory::OFF);
  facts.set_ipmi(Inventory::ON);
  facts.set_self_signed(Inventory::ON);
  facts.set_clock_ahead(-301);
  *facts.mutable_certificate_expires() = to_wire(now + std::chrono::days(29));
  return out;
}

rest::PostureException exception(const std::string& finding, WallTime until) {
  rest::PostureException out;
  out.mutable_metadata()->set_name("lab");
  out.mutable_spec()->add_findings(finding);
  out.mutable_spec()->mutable_select()->add_sites("par*");
  out.mutable_spec()->set_reason("old tools need it");
  *out.mutable_spec()->mutable_until() = to_wire(until);
  return out;
}

std::vector<std::string> words_of(const std::vector<Exposure>& findings) {
  std::vector<std::string> out;
  for (const Exposure& each : findings) out.emplace_back(each.what);
  return out;
}

TEST(Posture, NamesWhatItFinds) {
  const auto findings = posture_of({bad_one()}, {}, {}, now);
  EXPECT_THAT(words_of(findings), ElementsAre("legacyBoot", "secureBootOff", "ipmiOverLan", "selfSigned",
                                              "certificateExpires", "clockOff"));
  EXPECT_EQ(findings[5].found, "the BMC's clock is 301 s behind");
  EXPECT_THAT(findings[4].found, HasSubstr("expires"));
}

TEST(Posture, WhatIsNotToldIsNoFinding) {
  EXPECT_THAT(posture_of({server("r2", "par1")}, {}, {}, now), testing::IsEmpty());
  PostureBounds wide{.clock = 600, .certificate = std::chrono::days(7)};
  EXPECT_THAT(words_of(posture_of({bad_one()}, {}, wide, now)),
              ElementsAre("legacyBoot", "secureBootOff", "ipmiOverLan", "selfSigned"));
}

TEST(Posture, AnExceptionCountsForItsServersUntilItsTime) {
  const auto accepted = [&](const rest::PostureException& by) {
    return posture_of({bad_one()}, {by}, {}, now)[2].accepted;
  };
  rest::PostureException lab = exception("ipmiOverLan", now + std::chrono::days(1));
  EXPECT_EQ(accepted(lab), "lab: old tools need it");
  EXPECT_EQ(accepted(exception("ipmiOverLan", now)), "") << "its time is over";
  EXPECT_EQ(accepted(exception("selfSigned", now + std::chrono::days(1))), "");
  lab.mutable_spec()->mutable_select()->add_exclude("r*");
  EXPECT_EQ(accepted(lab), "");
  lab.mutable_spec()->mutable_select()->clear_exclude();
  (*lab.mutable_spec()->mutable_select()->mutable_labels())["role"] = "web";
  EXPECT_EQ(accepted(lab), "");
}

TEST(Report, HasThreeForms) {
  const std::vector<Cells> rows = {{"SERVER", "FOUND"}, {"r1", "a \"b\", c"}, {"r2", ""}};
  EXPECT_EQ(report_text(rows, ReportFormat::csv), "SERVER,FOUND\r\nr1,\"a \"\"b\"\", c\"\r\nr2,\r\n");
  EXPECT_EQ(report_text(rows, ReportFormat::json),
            "[{\"server\":\"r1\",\"found\":\"a \\\"b\\\", c\"},{\"server\":\"r2\"}]\n");
  EXPECT_THAT(report_text(rows, ReportFormat::table), HasSubstr("r2      -"));
}

}  // namespace
}  // namespace metalmesh::cli
