#include "controller/cli/findings_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metalmesh::cli {
namespace {

using testing::HasSubstr;

wire::Finding finding(const std::string& check, wire::Finding::Verdict verdict, wire::FaultCode code = {}) {
  wire::Finding out;
  out.set_check(check);
  out.set_verdict(verdict);
  out.set_found("found " + check);
  out.set_next(verdict == wire::Finding::WRONG ? "next " + check : "");
  out.set_code(code);
  return out;
}

TEST(FindingsText, tells_the_same_cause_once_and_most_first) {
  using wire::Finding;
  const std::string text = causes_text({
      {"r1", {finding("clock", Finding::WRONG)}},
      {"r2", {finding("licence", Finding::WRONG, wire::LICENCE_MISSING)}},
      {"r3", {finding("licence", Finding::WRONG, wire::LICENCE_MISSING), finding("slot", Finding::FINE)}},
      {"r4", {finding("slot", Finding::FINE)}},
  });
  EXPECT_THAT(text, HasSubstr("4 servers, 1 without a finding"));
  EXPECT_LT(text.find("2 x licence: r2 r3"), text.find("1 x clock: r1"));
  EXPECT_EQ(text.find("next licence"), text.rfind("next licence"));
}

TEST(FindingsText, takes_an_end_without_findings_for_one) {
  rest::Deployment failed;
  failed.set_state("FAILED");
  failed.mutable_fault()->set_code(wire::MACHINE_BUSY);
  failed.mutable_fault()->set_seen("another order is open");
  const auto findings = findings_of(failed);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_FALSE(is_well(findings));
  EXPECT_EQ(findings[0].code(), wire::MACHINE_BUSY);
  failed.set_state("SUCCEEDED");
  EXPECT_TRUE(is_well(findings_of(failed)));
}

TEST(FindingsText, shows_one_check_alone) {
  const Patient patient{"r1",
                        {finding("licence", wire::Finding::FINE), finding("clock", wire::Finding::WRONG)}};
  EXPECT_THAT(check_text(patient, "licence"), HasSubstr("found licence"));
  EXPECT_THAT(check_text(patient, "licence"), testing::Not(HasSubstr("clock")));
  EXPECT_THAT(check_text(patient, "tcp"), HasSubstr("1 finding"))
      << "what came before it says why it is not there";
}

}  // namespace
}  // namespace metalmesh::cli
