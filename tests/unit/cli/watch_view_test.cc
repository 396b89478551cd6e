#include "controller/cli/watch_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cli/event_feed.h"
#include "controller/cli/text_table.h"

namespace metalmesh::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

rest::Deployment deployment(const std::string& server, const std::string& state, std::uint32_t position) {
  rest::Deployment d;
  d.set_id("d-" + server);
  d.set_server(server);
  d.set_state(state);
  d.set_position(position);
  return d;
}

rest::Rollout rollout(const std::string& state) {
  rest::Rollout r;
  r.mutable_metadata()->set_name("web");
  r.mutable_status()->set_state(state);
  return r;
}

rest::Deployment running(const std::string& server, std::uint32_t position) {
  rest::Deployment d = deployment(server, "RUNNING", position);
  d.set_stage(wire::WATCH);
  d.set_percent(38);
  d.set_bytes_per_second(12'400'000);
  return d;
}

class WatchViewTest : public testing::Test {
 protected:
  WatchViewTest() { view_.set_rollout(rollout("running")); }
  WatchView view_;
};

TEST_F(WatchViewTest, draws_a_line_per_server_in_plan_order) {
  rest::Deployment done = deployment("r1", "SUCCEEDED", 1);
  done.set_proof(wire::PROOF_BOOTED);
  view_.set_deployments({deployment("r3", "PENDING", 3), running("r2", 2), done});
  EXPECT_THAT(view_.frame(100, 24),
              ElementsAre("rollout web: running, 1 of 3 ended (1 PENDING, 1 RUNNING, 1 SUCCEEDED)",
                          "r1        SUCCEEDED (booted)",
                          "r2        WATCH      [#########...............]  38 %  12.4 MB/s  end unknown",
                          "r3        PENDING    [........................]   0 %"));
}

TEST_F(WatchViewTest, says_what_is_done_and_promises_no_end_of_an_install) {
  rest::Rollout power = rollout("running");
  power.mutable_spec()->set_action("power");
  power.mutable_spec()->mutable_power()->set_change("cycle");
  view_.set_rollout(power);
  rest::Deployment d = deployment("r1", "RUNNING", 1);
  d.set_action("power");
  d.set_stage(wire::POWER);
  d.set_percent(6);
  view_.set_deployments({d});
  EXPECT_THAT(view_.frame(100, 24),
              ElementsAre("rollout web (power cycle): running, 0 of 1 ended (1 RUNNING)",
                          "r1        POWER      [#.......................]   6 %"));
}

TEST_F(WatchViewTest, keeps_to_the_terminal_and_shows_what_needs_eyes) {
  std::vector<rest::Deployment> all;
  for (std::uint32_t i = 1; i <= 30; ++i) all.push_back(deployment("ok" + std::to_string(i), "SUCCEEDED", i));
  all.push_back(running("busy", 31));
  rest::Deployment broken = deployment("broken", "FAILED", 32);
  broken.mutable_fault()->set_code(wire::BMC_LOST);
  broken.mutable_fault()->set_seen(std::string(200, 'x'));
  all.push_back(broken);
  view_.set_deployments(all);
  const auto lines = view_.frame(40, 6);
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_THAT(lines[1], HasSubstr("FAILED  BMC_LOST"));
  EXPECT_THAT(lines[2], HasSubstr("WATCH"));
  EXPECT_EQ(lines[5], "and 28 SUCCEEDED");
  for (const auto& line : lines) EXPECT_LE(display_width(line), 40U);
  for (std::size_t height = 0; height < 4; ++height)
    EXPECT_LE(view_.frame(10, height).size(), std::max<std::size_t>(1, height));
}

TEST_F(WatchViewTest, tells_news_once) {
  view_.set_deployments({deployment("r1", "PENDING", 1)});
  EXPECT_THAT(view_.news(), ElementsAre("r1: PENDING"));
  EXPECT_THAT(view_.news(), IsEmpty());
  view_.set_deployments({running("r1", 1)});
  EXPECT_THAT(view_.news(), ElementsAre("r1: WATCH 38 % (12.4 MB/s)"));
  view_.take_progress(R"({"deployment":"d-r1","stage":"WATCH","percent":39,"bytesPerSecond":"1000"})");
  EXPECT_THAT(view_.news(), IsEmpty()) << "a line per tenth is enough";
  view_.take_progress(R"({"deployment":"d-r1","stage":"WATCH","percent":41,"bytesPerSecond":"1000"})");
  EXPECT_THAT(view_.news(), ElementsAre("r1: WATCH 41 % (1.0 kB/s)"));
  rest::Deployment broken = deployment("r1", "FAILED", 1);
  broken.mutable_fault()->set_code(wire::INSTALLER_STALLED);
  broken.mutable_fault()->set_seen("no media read for 25 min");
  broken.set_disk(wire::DISK_BEING_WRITTEN);
  view_.set_deployments({broken});
  EXPECT_THAT(
      view_.news(),
      ElementsAre("r1: FAILED", "    INSTALLER_STALLED: no media read for 25 min\n    Disk: being written"));
}

TEST_F(WatchViewTest, tells_the_end_when_earlier_installs_do) {
  view_.set_deployments({running("r1", 1)});
  view_.take_progress(R"({"deployment":"d-r1","stage":"WATCH","percent":39,"eta":"2026-03-01T14:32:10Z"})");
  EXPECT_THAT(view_.frame(100, 24)[1], HasSubstr("39 %  ends about 14:32 UTC"));
  view_.take_progress(R"({"deployment":"d-r1","stage":"WATCH","percent":40})");
  EXPECT_THAT(view_.frame(100, 24)[1], HasSubstr("40 %  end unknown")) << "it is later than they were";
}

TEST_F(WatchViewTest, lets_no_late_sample_revive_what_ended) {
  view_.set_deployments({deployment("r1", "FAILED", 1)});
  view_.take_progress(R"({"deployment":"d-r1","stage":"WATCH","percent":50})");
  view_.take_progress("rubbish");
  view_.take_progress(R"({"deployment":7})");
  EXPECT_EQ(view_.frame(80, 24)[1], "r1        FAILED");
}

TEST_F(WatchViewTest, ends_when_nothing_can_change_any_more) {
  view_.set_deployments({deployment("r1", "SUCCEEDED", 1), running("r2", 2)});
  EXPECT_FALSE(view_.finished());
  view_.set_rollout(rollout("stopped"));
  EXPECT_FALSE(view_.finished()) << "what runs goes on";
  view_.set_deployments({deployment("r1", "SUCCEEDED", 1), deployment("r2", "PENDING", 2)});
  EXPECT_TRUE(view_.finished());
  EXPECT_FALSE(view_.all_succeeded());
  view_.set_rollout(rollout("starting"));
  EXPECT_FALSE(view_.finished());
  view_.set_rollout(rollout("planned"));
  EXPECT_TRUE(view_.finished()) << "its start was taken back";
  view_.set_rollout(rollout("done"));
  view_.set_deployments({deployment("r1", "SUCCEEDED", 1), deployment("r2", "UNPROVEN", 2)});
  EXPECT_TRUE(view_.finished());
  EXPECT_FALSE(view_.all_succeeded()) << "unproven is no success";
  view_.set_deployments({deployment("r1", "SUCCEEDED", 1)});
  EXPECT_TRUE(view_.all_succeeded());
  view_.set_deployments({});
  EXPECT_FALSE(view_.all_succeeded()) << "nobody is no success";
}

TEST_F(WatchViewTest, closes_with_failures_in_full_and_what_they_share) {
  auto r1 = deployment("r1", "FAILED", 1);
  r1.mutable_fault()->set_code(wire::BMC_LOST);
  r1.mutable_fault()->set_next("look at the cable");
  auto r2 = r1;
  r2.set_id("d-r2");
  r2.set_server("r2");
  view_.set_rollout(rollout("done"));
  view_.set_deployments({r1, r2, deployment("r3", "SUCCEEDED", 3)});
  const std::string text = view_.closing_text();
  EXPECT_THAT(text, HasSubstr("r1: FAILED\n  BMC_LOST: \n  Disk: unknown\n  Next: look at the cable\n"));
  EXPECT_THAT(text, HasSubstr("2 x BMC_LOST (disk unknown): r1, r2"));
  EXPECT_TRUE(text.ends_with("rollout web: done, 3 of 3 ended (2 FAILED, 1 SUCCEEDED)\n")) << text;
}

TEST(EventFeed, waits_longer_after_each_failure_but_never_long) {
  EXPECT_EQ(reconnect_delay(1).count(), 1000);
  EXPECT_EQ(reconnect_delay(2).count(), 2000);
  EXPECT_EQ(reconnect_delay(50).count(), 10'000);
}

}  // namespace
}  // namespace metalmesh::cli
