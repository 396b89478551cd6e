// A site's agent looks at itself: its clock, its disk, the port of its media, and the way to where images come from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SelfDiagnosis : public ::testing::Test {
 protected:
  void SetUp() override {
    site_.settings.media_address = "10.20.0.5:8443";
    site_.start();
  }
  void ask(const std::vector<std::string>& urls) {
    wire::Command command;
    command.mutable_diagnose_site()->set_request_id("q1");
    command.mutable_diagnose_site()->mutable_urls()->Assign(urls.begin(), urls.end());
    site_.command(command);
  }
  void answer(int probe, bool open, const std::string& detail) {
    site_.deliver(ProbeAnswered{"doctor/q1/" + std::to_string(probe), open, detail});
  }
  [[nodiscard]] std::vector<wire::SiteDiagnosed> answers() const {
    std::vector<wire::SiteDiagnosed> out;
    for (const wire::Event& event : site_.told(&wire::Event::has_site_diagnosed))
      out.push_back(event.site_diagnosed());
    return out;
  }
  [[nodiscard]] std::string wrong() const {
    std::string out;
    for (const wire::Finding& one : answers().back().findings())
      if (one.verdict() == wire::Finding::WRONG) out += (out.empty() ? "" : " ") + one.check();
    return out;
  }
  TestSite site_;
};

TEST_F(SelfDiagnosis, AnswersOnceEachWayWasTried) {
  ask({"https://mirror.example/a.iso", "https://mirror.example/b.iso", "http://[fd00::1]:8080/c.iso"});
  EXPECT_THAT(answers(), IsEmpty());
  answer(0, true, "connected");
  answer(1, true, "connected");
  EXPECT_THAT(answers(), IsEmpty()) << "one host is tried once, and two there are";
  answer(2, true, "connected");
  ASSERT_EQ(answers().size(), 1U);
  EXPECT_EQ(answers().back().request_id(), "q1");
  EXPECT_EQ(wrong(), "");
}

TEST_F(SelfDiagnosis, TellsANameThatDoesNotResolveFromAPortThatDoesNotAnswer) {
  ask({"https://mirror.example/a.iso", "https://other.example/b.iso"});
  answer(0, true, "connected");
  answer(1, false, "the name does not resolve: Host not found");
  answer(2, false, "Connection refused");
  EXPECT_EQ(wrong(), "dns source");
}

TEST_F(SelfDiagnosis, NamesAMediaAddressThatDoesNotAnswer) {
  ask({});
  answer(0, false, "no answer in time");
  EXPECT_EQ(wrong(), "media");
}

TEST_F(SelfDiagnosis, NamesADiskThatIsLow) {
  site_.deliver(DiskLevel{.low = true, .free_bytes = 5U << 20U});
  ask({});
  answer(0, true, "connected");
  EXPECT_EQ(wrong(), "disk");
  for (const wire::Finding& one : answers().back().findings()) {
    if (one.check() == "disk") EXPECT_THAT(one.found(), HasSubstr("5 MiB free"));
  }
}

TEST_F(SelfDiagnosis, AnAddressThatEachMachineTakesForItselfIsWrongUnasked) {
  TestSite local;
  local.settings.media_address = "127.0.0.1:8443";
  local.start();
  wire::Command command;
  command.mutable_diagnose_site()->set_request_id("q1");
  local.command(command);
  const auto told = local.told(&wire::Event::has_site_diagnosed);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_TRUE(std::ranges::any_of(told.front().site_diagnosed().findings(), [](const wire::Finding& one) {
    return one.check() == "media" && one.verdict() == wire::Finding::WRONG;
  }));
}

}  // namespace
}  // namespace metalmesh::test
