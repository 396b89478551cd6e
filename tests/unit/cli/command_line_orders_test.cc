// What is planned and shown, started only as it was shown, and called back: whole commands against a scripted controller.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "tests/unit/cli/command_line_bench.h"

namespace metalmesh::cli {
namespace {

using testing::HasSubstr;

constexpr char planned_install[] =
    R"({"metadata":{"name":"install-r1"},"status":{"state":"planned","plan":{"digest":"9c41aa00112233445566","serverCount":1,"servers":[)"
    R"({"name":"r1","site":"par1","wave":1,"identity":{"serial":"CZ2D4F0A1B"}}]}}})";

TEST_F(CommandLineTest, plans_an_install_and_starts_it_only_for_the_right_serial) {
  controller_.answer("PUT /api/v1/rollouts/install-r1", 201, "{}");
  controller_.answer("POST /api/v1/rollouts/install-r1/plan", 200, planned_install);
  const std::vector<std::string> command = {"install", "r1", "--image", "rocky", "--profile", "base"};
  EXPECT_EQ(metalmesh(command), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("CZ2D4F0A1B"));
  EXPECT_THAT(
      out_,
      HasSubstr("next: metalmesh install r1 --image rocky --profile base --confirm CZ2D4F0A1B --watch"));

  auto wrong = command;
  wrong.insert(wrong.end(), {"--confirm", "CZ2D4F0B77"});
  EXPECT_EQ(metalmesh(wrong), 1);
  EXPECT_THAT(err_, HasSubstr("Nothing was started"));
  EXPECT_THAT(sent("POST", "/api/v1/rollouts/install-r1/start"), testing::IsEmpty());

  controller_.answer("GET /api/v1/rollouts/install-r1", 200, planned_install);
  controller_.answer("POST /api/v1/rollouts/install-r1/start", 200, planned_install);
  auto right = command;
  right.insert(right.end(), {"--confirm", "CZ2D4F0A1B"});
  EXPECT_EQ(metalmesh(right), 0) << err_;
  const auto started = sent("POST", "/api/v1/rollouts/install-r1/start");
  ASSERT_EQ(started.size(), 1U);
  EXPECT_EQ(started[0], boost::json::parse(R"({"plan":"9c41aa00112233445566","confirm":1})"));
}

constexpr char planned_power[] =
    R"({"metadata":{"name":"power-off-2"},"spec":{"action":"power","power":{"change":"off","within":"600s"}},)"
    R"("status":{"state":"planned","plan":{"digest":"9c41aa00112233445566","serverCount":2,"servers":[)"
    R"({"name":"r1","site":"par1","wave":1,"holds":"rocky-9"},{"name":"r2","site":"par1","wave":1}],)"
    R"("warnings":["power off stops what runs; in use or protected: 1 of the 2 servers"]}}})";

TEST_F(CommandLineTest, switches_a_rack_only_for_the_right_number) {
  controller_.answer("GET /api/v1/rollouts/power-off-1", 200, R"({"status":{"state":"running"}})");
  controller_.answer("PUT /api/v1/rollouts/power-off-2", 201, "{}");
  controller_.answer("POST /api/v1/rollouts/power-off-2/plan", 200, planned_power);
  const std::vector<std::string> command = {"power", "off",       "-l",  "rack=r12,role=web", "--site",
                                            "par1",  "--exclude", "r9*", "--per-site",        "5"};
  EXPECT_EQ(metalmesh(command), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("2 servers to power off within 600 s"));
  EXPECT_THAT(out_, HasSubstr("rocky-9"));
  EXPECT_THAT(out_, HasSubstr("warning: power off stops what runs; in use or protected: 1 of the 2"));
  EXPECT_THAT(out_,
              HasSubstr("next: metalmesh power off -l 'rack=r12,role=web' --site 'par1' --exclude 'r9*' "
                        "--per-site 5 --confirm 2 --watch"));
  const auto wish = sent("PUT", "/api/v1/rollouts/power-off-2");
  ASSERT_EQ(wish.size(), 1U);
  EXPECT_EQ(wish[0].at("spec"),
            boost::json::parse(
                R"({"action":"power","select":{"labels":{"rack":"r12","role":"web"},"sites":["par1"],)"
                R"("exclude":["r9*"]},"parallel":{"perSite":5},"power":{"change":"off"}})"));

  auto wrong = command;
  wrong.insert(wrong.end(), {"--confirm", "3"});
  EXPECT_EQ(metalmesh(wrong), 1);
  EXPECT_THAT(err_, HasSubstr("--confirm 3: the plan has 2 servers. Nothing was started"));
  EXPECT_THAT(sent("POST", "/api/v1/rollouts/power-off-2/start"), testing::IsEmpty());

  controller_.answer("GET /api/v1/rollouts/power-off-2", 200, planned_power);
  controller_.answer("POST /api/v1/rollouts/power-off-2/start", 200, planned_power);
  auto right = command;
  right.insert(right.end(), {"--confirm", "2"});
  EXPECT_EQ(metalmesh(right), 0) << err_;
  const auto started = sent("POST", "/api/v1/rollouts/power-off-2/start");
  ASSERT_EQ(started.size(), 1U);
  EXPECT_EQ(started[0], boost::json::parse(R"({"plan":"9c41aa00112233445566","confirm":2})"));
}

TEST_F(CommandLineTest, inspects_by_name_at_once_and_a_selection_as_a_rollout) {
  controller_.answer("GET /api/v1/servers/r1", 200, R"({"metadata":{"name":"r1"}})");
  controller_.answer("POST /api/v1/servers/r1/inspect", 200, R"({"metadata":{"name":"r1"}})");
  EXPECT_EQ(metalmesh({"inspect", "r1"}), 0) << err_;
  EXPECT_EQ(sent("POST", "/api/v1/servers/r1/inspect").size(), 1U);
  controller_.answer("PUT /api/v1/rollouts/inspect-1", 201, "{}");
  controller_.answer(
      "POST /api/v1/rollouts/inspect-1/plan", 200,
      R"({"metadata":{"name":"inspect-1"},"spec":{"action":"inspect"},"status":{"state":"planned"}})");
  EXPECT_EQ(metalmesh({"inspect", "--site", "par*"}), 1) << "nobody is selected";
  EXPECT_THAT(out_, HasSubstr("0 servers to inspect"));
  EXPECT_THAT(err_, HasSubstr("no server takes part"));
  const auto wish = sent("PUT", "/api/v1/rollouts/inspect-1");
  ASSERT_EQ(wish.size(), 1U);
  EXPECT_EQ(wish[0].at("spec"), boost::json::parse(R"({"action":"inspect","select":{"sites":["par*"]}})"));
}

constexpr char planned_doctor[] =
    R"({"metadata":{"name":"doctor-1"},"spec":{"action":"doctor"},"status":{"state":"done","plan":)"
    R"({"digest":"9c41aa00112233445566","serverCount":1,"servers":[{"name":"r1","site":"par1","wave":1}]}}})";

TEST_F(CommandLineTest, a_doctor_says_what_is_wrong_and_what_to_do_about_it) {
  controller_.answer("PUT /api/v1/rollouts/doctor-1", 201, "{}");
  controller_.answer("POST /api/v1/rollouts/doctor-1/plan", 200, planned_doctor);
  controller_.answer("POST /api/v1/rollouts/doctor-1/start", 200, planned_doctor);
  controller_.answer(
      "GET /api/v1/deployments?limit=200&rollout=doctor-1", 200,
      R"({"items":[{"id":"d1","server":"r1","state":"SUCCEEDED","findings":[{"check":"slot","verdict":"FINE"},)"
      R"({"check":"clock","verdict":"WRONG","found":"it reads 2019","wanted":"the site's time",)"
      R"("next":"metalmesh bmc set-clock r1"}]}]})");
  EXPECT_EQ(metalmesh({"doctor", "server", "r1"}), 1) << "something was found";
  EXPECT_THAT(out_, HasSubstr("r1: 1 finding"));
  EXPECT_THAT(out_, HasSubstr("next: metalmesh bmc set-clock r1"));
  EXPECT_THAT(out_, HasSubstr("fine: slot"));
  EXPECT_THAT(sent("POST", "/api/v1/rollouts/doctor-1/start"), testing::SizeIs(1));
  EXPECT_EQ(metalmesh({"doctor", "server", "r1", "--in-use"}), 2) << "of --mount-test only";
}

TEST_F(CommandLineTest, a_site_that_nobody_serves_is_not_waited_for) {
  controller_.answer("GET /api/v1/sites/par1", 200, R"({"metadata":{"name":"par1"}})");
  EXPECT_EQ(metalmesh({"doctor", "site", "par1"}), 1);
  EXPECT_THAT(err_, HasSubstr("no agent of site par1 is connected"));
  EXPECT_TRUE(sent("POST", "/api/v1/sites/par1/doctor").empty());
}

TEST_F(CommandLineTest, housekeeping_is_planned_and_started_for_the_right_number) {
  controller_.answer("PUT /api/v1/rollouts/bmc-eject-1", 201, "{}");
  controller_.answer(
      "POST /api/v1/rollouts/bmc-eject-1/plan", 200,
      R"({"metadata":{"name":"bmc-eject-1"},"spec":{"action":"bmc","bmc":{"deed":"eject"}},"status":{"state":)"
      R"("planned","plan":{"digest":"9c41aa00112233445566","serverCount":1,"servers":[{"name":"r1"}]}}})");
  EXPECT_EQ(metalmesh({"bmc", "eject", "r1"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("1 server to bmc eject"));
  EXPECT_THAT(out_, HasSubstr("next: metalmesh bmc eject r1 --confirm 1 --watch"));
  EXPECT_EQ(metalmesh({"bmc", "polish", "r1"}), 2);
  EXPECT_EQ(metalmesh({"bmc", "eject"}), 2);
}

TEST_F(CommandLineTest, wants_to_know_whom_an_action_is_for) {
  EXPECT_EQ(metalmesh({"power", "off"}), 2);
  EXPECT_EQ(metalmesh({"power", "explode", "r1"}), 2);
  EXPECT_EQ(metalmesh({"power", "off", "r1", "--confirm", "many"}), 2);
  EXPECT_EQ(metalmesh({"inspect"}), 2);
  EXPECT_EQ(metalmesh({"inspect", "r1", "--wait", "--site", "par1"}), 2);
  EXPECT_EQ(metalmesh({"power", "off", "r1", "--within", "soon"}), 1);
  EXPECT_THAT(err_, HasSubstr("--within soon: expected a duration"));
  EXPECT_EQ(metalmesh({"power", "off", "-l", "rack"}), 1);
  EXPECT_TRUE(sent("PUT", "/api/v1/rollouts/power-off-1").empty());
}

TEST_F(CommandLineTest, never_reuses_the_name_of_an_install_that_ran) {
  controller_.answer("GET /api/v1/rollouts/install-r1", 200, R"({"status":{"state":"done"}})");
  controller_.answer("PUT /api/v1/rollouts/install-r1-2", 201, "{}");
  controller_.answer("POST /api/v1/rollouts/install-r1-2/plan", 200, planned_install);
  EXPECT_EQ(metalmesh({"install", "r1", "--image", "rocky", "--profile", "base", "--plan"}), 0) << err_;
  EXPECT_EQ(sent("PUT", "/api/v1/rollouts/install-r1-2").size(), 1U);
}

TEST_F(CommandLineTest, stops_following_events_when_the_token_is_refused) {
  EXPECT_EQ(metalmesh({"rollout", "stop", "web", "--reason", "x"}), 1) << "404 from the script";
  controller_.answer("POST /api/v1/rollouts/web/stop", 401,
                     R"({"detail":"unknown token","next":"check --token-file"})");
  EXPECT_EQ(metalmesh({"rollout", "stop", "web", "--reason", "wrong servers"}), 1);
  EXPECT_EQ(err_, "error: unknown token\n  next: check --token-file\n");
  EXPECT_EQ(sent("POST", "/api/v1/rollouts/web/stop").back(),
            boost::json::parse(R"({"reason":"wrong servers"})"));
}

TEST_F(CommandLineTest, lets_a_rollout_go_on_by_what_it_names) {
  controller_.answer(
      "POST /api/v1/rollouts/web/pause", 200,
      R"({"metadata":{"name":"web"},"status":{"state":"paused","waits":"a person lets it go on"}})");
  EXPECT_EQ(metalmesh({"rollout", "pause", "web", "--reason", "dinner"}), 0) << err_;
  EXPECT_THAT(
      out_, HasSubstr("rollout web is paused: it starts no more, what runs goes on\na person lets it go on"));
  EXPECT_EQ(metalmesh({"rollout", "continue", "web"}), 2) << "a wave is wanted";
  controller_.answer(
      "POST /api/v1/rollouts/web/continue", 409,
      R"({"detail":"you confirmed 28 servers, and wave 2 (rest) is next, of which 30 servers wait",)"
      R"("next":"metalmesh rollout continue web --wave 2 --confirm 30"})");
  EXPECT_EQ(
      metalmesh({"rollout", "continue", "web", "--wave", "2", "--confirm", "28", "--accept-failures", "1"}),
      1);
  EXPECT_THAT(
      err_,
      HasSubstr("of which 30 servers wait\n  next: metalmesh rollout continue web --wave 2 --confirm 30"));
  EXPECT_EQ(sent("POST", "/api/v1/rollouts/web/continue").back(),
            boost::json::parse(R"({"wave":2,"confirm":28,"acceptFailures":1})"));
}

TEST_F(CommandLineTest, skips_servers_and_sets_limits) {
  controller_.answer("POST /api/v1/rollouts/web/skip", 200,
                     R"({"metadata":{"name":"web"},"status":{"state":"running"}})");
  controller_.answer("POST /api/v1/rollouts/web/set", 200,
                     R"({"metadata":{"name":"web"},"status":{"state":"running"}})");
  EXPECT_EQ(metalmesh({"rollout", "skip", "web", "--site", "lyo2"}), 2) << "a reason is wanted";
  EXPECT_EQ(
      metalmesh({"rollout", "skip", "web", "--server", "s1", "--site", "lyo2", "--reason", "it is silent"}),
      0);
  EXPECT_EQ(sent("POST", "/api/v1/rollouts/web/skip").back(),
            boost::json::parse(R"({"servers":["s1"],"sites":["lyo2"],"reason":"it is silent"})"));
  EXPECT_EQ(metalmesh({"rollout", "set", "web", "--until", "tomorrow"}), 1);
  EXPECT_THAT(err_, HasSubstr("--until tomorrow: expected a time such as"));
  EXPECT_EQ(metalmesh({"rollout", "set", "web", "--until", "2026-10-04T05:00:00Z", "--parallel-site", "5"}),
            0)
      << err_;
  EXPECT_EQ(sent("POST", "/api/v1/rollouts/web/set").back(),
            boost::json::parse(R"({"until":"2026-10-04T05:00:00Z","parallel":{"perSite":5}})"));
}

TEST_F(CommandLineTest, reports_what_became_of_each_server) {
  controller_.answer("GET /api/v1/rollouts/web", 200,
                     R"({"metadata":{"name":"web"},"status":{"state":"done"}})");
  controller_.answer(
      "GET /api/v1/deployments?limit=200&rollout=web", 200,
      R"({"items":[{"id":"d-2","server":"s2","site":"par1","state":"FAILED","wave":2,"position":2,)"
      R"("disk":"DISK_UNTOUCHED","fault":{"code":"LICENCE_MISSING","seen":"it is \"Standard\""}},)"
      R"({"id":"d-1","server":"s1","site":"par1","state":"SUCCEEDED","wave":1,"position":1}]})");
  EXPECT_EQ(metalmesh({"rollout", "report", "web", "-o", "csv"}), 1) << "one did not succeed";
  EXPECT_THAT(out_, HasSubstr("SERVER,SITE,WAVE,STATE"));
  EXPECT_LT(out_.find("s1,par1,1,SUCCEEDED"), out_.find("s2,par1,2,FAILED"));
  EXPECT_THAT(out_, HasSubstr("LICENCE_MISSING"));
}

TEST_F(CommandLineTest, resolves_what_waits_for_a_decision_of_a_server_by_its_name) {
  controller_.answer("GET /api/v1/deployments/r1", 404, R"({"detail":"no such deployment"})");
  controller_.answer("GET /api/v1/deployments?limit=200&server=r1", 200,
                     R"({"items":[{"id":"d-1","server":"r1","state":"INDETERMINATE","resolvedBy":"ann"},)"
                     R"({"id":"d-2","server":"r1","state":"INDETERMINATE"},)"
                     R"({"id":"d-3","server":"r1","state":"FAILED"}]})");
  controller_.answer("POST /api/v1/deployments/d-2/resolve", 200,
                     R"({"id":"d-2","server":"r1","state":"FAILED","resolvedBy":"ops"})");
  EXPECT_EQ(metalmesh({"deployment", "resolve", "r1", "--as", "failed", "--note", "looked"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("deployment d-2 of r1 is FAILED"));
}

TEST_F(CommandLineTest, resolves_many_by_one_decision_or_none_of_them) {
  for (const std::string name : {"d-1", "d-2", "d-3"}) {
    if (name != "d-3")
      controller_.answer("GET /api/v1/deployments/" + name, 200, R"({"id":")" + name + R"("})");
    controller_.answer("POST /api/v1/deployments/" + name + "/resolve", 200,
                       R"({"id":")" + name + R"(","server":"s","state":"SUCCEEDED","resolvedBy":"ops"})");
  }
  controller_.answer("GET /api/v1/deployments/d-3", 404, R"({"detail":"no such deployment"})");
  controller_.answer("GET /api/v1/deployments?limit=200&server=d-3", 200, R"({"items":[]})");
  controller_.answer("GET /api/v1/servers/d-3", 404, R"({"detail":"no such server"})");
  EXPECT_NE(metalmesh({"deployment", "resolve", "d-1", "d-3", "--as", "succeeded", "--note",
                       "they called by a NAT"}),
            0);
  EXPECT_THAT(sent("POST", "/api/v1/deployments/d-1/resolve"), testing::IsEmpty());
  EXPECT_EQ(metalmesh({"deployment", "resolve", "d-1", "d-2", "--as", "succeeded", "--note",
                       "they called by a NAT"}),
            0)
      << err_;
  EXPECT_THAT(
      out_, testing::AllOf(HasSubstr("deployment d-1 of s is SUCCEEDED"), HasSubstr("deployment d-2 of s")));
}

TEST_F(CommandLineTest, says_what_is_not_fenced_yet) {
  controller_.answer("POST /api/v1/deployments/r1/cancel", 200,
                     R"({"id":"d-1","server":"r1","site":"par1","state":"CANCELLING","fence":"owed"})");
  EXPECT_EQ(metalmesh({"deployment", "cancel", "r1"}), 2) << "a reason is wanted";
  EXPECT_EQ(metalmesh({"deployment", "cancel", "r1", "--reason", "wrong disk"}), 0);
  EXPECT_THAT(out_, HasSubstr("deployment d-1 of r1 is CANCELLING\nnot fenced yet: site par1"));
  controller_.answer("POST /api/v1/rollouts/web/stop", 200,
                     R"({"metadata":{"name":"web"},"status":{"state":"stopping","fencesOwed":3}})");
  EXPECT_EQ(metalmesh({"rollout", "stop", "web", "--reason", "x"}), 0);
  EXPECT_THAT(out_, HasSubstr("3 not fenced yet"));
}

}  // namespace
}  // namespace metalmesh::cli
