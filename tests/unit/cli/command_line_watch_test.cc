// Commands that go on with what changes, through cuts and restarts of the controller, to the end or a refusal.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/cli/command_line_bench.h"

namespace metalmesh::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char rollout_path[] = "GET /api/v1/rollouts/web";
constexpr char deployments_path[] = "GET /api/v1/deployments?limit=200&rollout=web";

TEST_F(CommandLineTest, watches_through_a_restart_of_the_controller_and_resumes_its_events) {
  controller_.answer(rollout_path, 200, R"({"metadata":{"name":"web"},"status":{"state":"running"}})");
  controller_.answer(deployments_path, 200,
                     R"({"items":[{"id":"d1","server":"r1","state":"RUNNING","stage":"INSERT"}]})");
  std::thread script([&] {
    controller_.wait_for_stream(1);
    controller_.send("event: progress\ndata: {\"deployment\":\"d1\",\"stage\":\"WATCH\",\"percent\":42}\n\n");
    // Asked again because of the event below, the controller says what its sample said.
    controller_.answer(
        deployments_path, 200,
        R"({"items":[{"id":"d1","server":"r1","state":"RUNNING","stage":"WATCH","percent":42}]})");
    controller_.send("id: 17\nevent: stage\ndata: {\"id\":\"17\"}\n\n");
    controller_.wait_for_request("GET", "/api/v1/deployments?limit=200&rollout=web", 2);
    controller_.stop();
    controller_.answer(rollout_path, 200, R"({"metadata":{"name":"web"},"status":{"state":"done"}})");
    controller_.answer(deployments_path, 200,
                       R"({"items":[{"id":"d1","server":"r1","state":"SUCCEEDED","proof":"PROOF_BOOTED"}]})");
    controller_.start();
  });
  const int code = metalmesh({"rollout", "watch", "web"});
  script.join();
  EXPECT_EQ(code, 0) << err_;
  EXPECT_THAT(out_, HasSubstr("r1: INSERT"));
  EXPECT_THAT(out_, HasSubstr("r1: WATCH 42 %"));
  EXPECT_THAT(out_, HasSubstr("r1: SUCCEEDED (booted)"));
  EXPECT_THAT(err_, HasSubstr("connection lost, trying again"));
  EXPECT_EQ(ScriptedController::header(controller_.wait_for_stream(2), "last-event-id"), "17");
}

std::string change(int number, const std::string& name, const std::string& phase) {
  return fmt::format(
      "id: a-{0}\nevent: change\ndata: "
      "{{\"position\":\"a-{0}\",\"kind\":\"Server\",\"name\":\"{1}\",\"server\":{{"
      "\"metadata\":{{\"name\":\"{1}\",\"feed\":\"{0}\"}},\"status\":{{\"phase\":\"{2}\"}}}}}}\n\n",
      number, name, phase);
}
std::string gone(int number, const std::string& name) {
  return fmt::format(
      "id: a-{0}\nevent: change\ndata: "
      "{{\"position\":\"a-{0}\",\"kind\":\"Server\",\"name\":\"{1}\",\"deleted\":true}}\n\n",
      number, name);
}
constexpr char current[] = "event: current\ndata: {}\n\n";

TEST_F(CommandLineTest, watches_a_list_through_cuts_and_lists_again_when_it_was_away_for_too_long) {
  const std::string list = "GET /api/v1/servers?limit=1&labelSelector=role%3Dweb";
  controller_.answer(list, 200, R"({"items":[]})");
  const auto restart = [&](int streams) {
    controller_.wait_for_request("GET", "/api/v1/changes?kind=Server&labelSelector=role%3Dweb", streams);
    controller_.stop();
    controller_.start();
  };
  std::thread script([&] {
    controller_.wait_for_stream(1);
    controller_.send(change(3, "r2", "ready") + gone(4, "nobody") + change(5, "r1", "new") + current);
    controller_.send(change(6, "r1", "installing") + gone(7, "nobody") + "id: a-8\n\n");
    restart(1);
    controller_.wait_for_stream(2);
    controller_.send(change(9, "r1", "installed") + change(10, "r3", "new"));
    controller_.refuse_stream(410, R"({"detail":"what was deleted since is not known any more"})");
    restart(2);
    controller_.wait_for_stream(3);
    controller_.send(change(9, "r1", "installed") + change(12, "r3", "ready") + current);
    controller_.refuse_stream(401, R"({"detail":"unknown token"})");
    restart(4);
  });
  const int code = metalmesh({"get", "servers", "-w", "-l", "role=web"});
  script.join();
  EXPECT_EQ(code, 1);
  std::vector<std::string> shown;
  std::istringstream in(out_);
  for (std::string line, name, site, phase; std::getline(in, line);) {
    std::istringstream cells(line);
    cells >> name >> site >> phase;
    shown.push_back(name + " " + (site == "(deleted)" ? site : phase));
  }
  EXPECT_THAT(shown, ElementsAre("NAME PHASE", "r1 new", "r2 ready", "r1 installing", "r1 installed",
                                 "r3 new", "r3 ready", "r2 (deleted)"));
  EXPECT_EQ(ScriptedController::header(controller_.wait_for_stream(1), "last-event-id"), "0");
  EXPECT_EQ(ScriptedController::header(controller_.wait_for_stream(2), "last-event-id"), "a-8");
  EXPECT_EQ(ScriptedController::header(controller_.wait_for_stream(3), "last-event-id"), "0");
  EXPECT_THAT(err_, HasSubstr("connection lost, trying again"));
  EXPECT_THAT(err_, HasSubstr("listing again: what was deleted since is not known any more"));
  EXPECT_THAT(err_, HasSubstr("error: unknown token"));
}

TEST_F(CommandLineTest, watches_as_json_one_change_a_line) {
  controller_.answer("GET /api/v1/servers?limit=1", 200, R"({"items":[]})");
  std::thread script([&] {
    controller_.wait_for_stream(1);
    controller_.send(change(3, "r1", "new") + current + gone(4, "r1"));
    controller_.refuse_stream(401, R"({"detail":"unknown token"})");
    controller_.stop();
    controller_.start();
  });
  EXPECT_EQ(metalmesh({"get", "servers", "-w", "-o", "json"}), 1);
  script.join();
  EXPECT_EQ(out_,
            "{\"position\":\"a-3\",\"kind\":\"Server\",\"name\":\"r1\",\"server\":{\"metadata\":{\"name\":"
            "\"r1\",\"feed\":3},"
            "\"status\":{\"phase\":\"new\"}}}\n"
            "{\"position\":\"a-4\",\"kind\":\"Server\",\"name\":\"r1\",\"deleted\":true}\n");
}

TEST_F(CommandLineTest, says_at_once_what_cannot_be_watched) {
  EXPECT_EQ(metalmesh({"get", "families", "-w"}), 1);
  EXPECT_THAT(err_,
              HasSubstr("families do not change while the controller runs\n  next: metalmesh get families"));
  controller_.answer("GET /api/v1/servers/r9", 404, R"({"detail":"there is no server \"r9\""})");
  EXPECT_EQ(metalmesh({"get", "servers", "r9", "--watch"}), 1);
  EXPECT_THAT(err_, HasSubstr("there is no server"));
}

TEST_F(CommandLineTest, ends_a_watch_with_failures_in_full_and_says_so_to_scripts) {
  controller_.answer(rollout_path, 200, R"({"metadata":{"name":"web"},"status":{"state":"done"}})");
  controller_.answer(
      deployments_path, 200,
      R"({"items":[{"id":"d1","server":"r1","state":"SUCCEEDED"},{"id":"d2","server":"r2","state":"FAILED","disk":"DISK_UNTOUCHED",)"
      R"("fault":{"code":"BMC_LOGIN_REFUSED","stage":"connect","seen":"HTTP 401","next":"metalmesh credential set"}}]})");
  EXPECT_EQ(metalmesh({"rollout", "watch", "web"}), 1);
  EXPECT_THAT(out_, HasSubstr("BMC_LOGIN_REFUSED (connect): HTTP 401"));
  EXPECT_THAT(out_, HasSubstr("Disk: untouched"));
  EXPECT_THAT(out_, HasSubstr("Next: metalmesh credential set"));
  EXPECT_THAT(out_, HasSubstr("next: metalmesh describe server r2"));
  controller_.answer(rollout_path, 200, R"({"metadata":{"name":"web"},"status":{"state":"draft"}})");
  EXPECT_EQ(metalmesh({"rollout", "watch", "web"}), 1);
  EXPECT_THAT(err_, HasSubstr("is not started\n  next: metalmesh rollout plan web"));
}

}  // namespace
}  // namespace metalmesh::cli
