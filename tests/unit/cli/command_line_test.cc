// Whole commands against a scripted controller: what is sent, what is printed, what the process ends with.
#include "controller/cli/command_line.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <sstream>
#include <thread>

#include "common/os/files.h"
#include "tests/unit/cli/scripted_controller.h"

namespace metalmesh::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char rollout_path[] = "GET /api/v1/rollouts/web";
constexpr char deployments_path[] = "GET /api/v1/deployments?limit=200&rollout=web";

class CommandLineTest : public testing::Test {
 protected:
  void SetUp() override { setenv("METALMESH_CONFIG", (folder_ / "context.yaml").c_str(), 1); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// Runs one command; its output is in out_ and err_.
  int metalmesh(std::vector<std::string> arguments, const std::string& server = {}) {
    const std::string url = server.empty() ? controller_.url() : server;
    EXPECT_TRUE(os::write_file(folder_ / "context.yaml",
                               "server: " + url + "\nca: ca.crt\ntokenFile: admin.token\n", 0644));
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const ExitCode code = run(arguments, "1.2.3");
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return static_cast<int>(code);
  }
  std::string file(const std::string& name, std::string_view text) {
    EXPECT_TRUE(os::write_file(folder_ / name, text, 0644));
    return (folder_ / name).string();
  }
  /// The bodies sent with this method and path.
  std::vector<boost::json::value> sent(const std::string& method, const std::string& target) {
    std::vector<boost::json::value> out;
    for (const auto& request : controller_.requests()) {
      if (request.method == method && request.target == target)
        out.push_back(boost::json::parse(request.body.empty() ? "null" : request.body));
    }
    return out;
  }

  std::filesystem::path folder_ = testing::TempDir() + "mm-cli-" + std::to_string(getpid());
  ScriptedController controller_{folder_};
  std::string out_, err_;
};

TEST_F(CommandLineTest, applies_in_order_with_the_token_and_names_the_next_step) {
  controller_.answer("PUT /api/v1/sites/par1", 201, R"({"metadata":{"name":"par1","version":"1"}})");
  controller_.answer("PUT /api/v1/servers/r1", 200, R"({"metadata":{"name":"r1","version":"8"}})");
  const std::string path = file("all.yaml",
                                "apiVersion: metalmesh/v1\nkind: Server\nmetadata: {name: r1, version: "
                                "7, ledger: a1}\nspec: {identity: {serial: 4E12345}}\n"
                                "---\napiVersion: metalmesh/v1\nkind: Site\nmetadata: {name: par1}\n");
  EXPECT_EQ(metalmesh({"apply", "-f", path}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("Site par1 is applied (version 1)\nServer r1 is applied (version 8)\n"));
  EXPECT_THAT(out_, HasSubstr("next: metalmesh inspect r1 --wait"));
  const auto requests = controller_.requests();
  ASSERT_EQ(requests.size(), 2U);
  std::string token = os::read_file(folder_ / "admin.token").value_or("");
  token.pop_back();
  EXPECT_EQ(ScriptedController::header(requests[0], "authorization"), "Bearer " + token);
  EXPECT_EQ(ScriptedController::header(requests[0], "if-match"), "");
  EXPECT_EQ(ScriptedController::header(requests[1], "if-match"), "\"7-a1\"");
  EXPECT_EQ(boost::json::parse(requests[1].body).at_pointer("/spec/identity/serial").as_string(), "4E12345");
}

TEST_F(CommandLineTest, shows_a_refusal_in_the_controllers_words_and_says_what_was_done_before) {
  controller_.answer("PUT /api/v1/sites/par1", 200, R"({"metadata":{"name":"par1"}})");
  controller_.answer(
      "PUT /api/v1/servers/r1", 422,
      R"({"status":422,"detail":"duplicate serial","field":"spec.identity.serial","next":"correct it"})");
  const std::string path = file("all.yaml",
                                "apiVersion: metalmesh/v1\nkind: Site\nmetadata: {name: "
                                "par1}\n---\napiVersion: metalmesh/v1\nkind: Server\nmetadata: {name: r1}\n");
  EXPECT_EQ(metalmesh({"apply", "-f", path}), 1);
  EXPECT_EQ(err_, "error: " + path +
                      ":5: Server r1: duplicate serial\n  field: spec.identity.serial\n  next: correct it\n"
                      "  1 of 2 objects were applied before it\n");
}

TEST_F(CommandLineTest, tells_an_unreachable_or_untrusted_controller_from_a_refusal) {
  EXPECT_EQ(metalmesh({"get", "servers"}, controller_.url("127.0.0.1")), 1)
      << "reached, and it says 404: " << err_;
  const std::string port = controller_.url().substr(controller_.url().rfind(':'));
  EXPECT_EQ(metalmesh({"get", "servers"}, "https://localhost.localdomain.invalid" + port), 3);
  EXPECT_EQ(metalmesh({"get", "servers"}, "http://localhost" + port), 3);
  EXPECT_THAT(err_, HasSubstr("write the address as https://host:port"));
  controller_.stop();
  EXPECT_EQ(metalmesh({"get", "servers"}), 3);
  EXPECT_THAT(err_, HasSubstr("cannot reach the controller"));
}

TEST_F(CommandLineTest, refuses_a_controller_that_another_authority_vouches_for) {
  std::filesystem::create_directories(folder_ / "other");
  ASSERT_TRUE(adapters::init_pki(folder_ / "other", {}, adapters::SystemClock().now().wall()));
  EXPECT_EQ(metalmesh({"--ca", (folder_ / "other/ca.crt").string(), "get", "servers"}), 3);
  EXPECT_THAT(err_, HasSubstr("its certificate is not trusted"));
  EXPECT_TRUE(controller_.requests().empty()) << "the token must not have been sent";
}

TEST_F(CommandLineTest, lists_all_pages) {
  controller_.answer("GET /api/v1/servers?limit=200&labelSelector=role%3Dweb", 200,
                     R"({"items":[{"metadata":{"name":"r1"}}],"next":"r1"})");
  controller_.answer("GET /api/v1/servers?limit=200&after=r1&labelSelector=role%3Dweb", 200,
                     R"({"items":[{"metadata":{"name":"r2"}}]})");
  EXPECT_EQ(metalmesh({"get", "servers", "-l", "role=web"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\nr1 "));
  EXPECT_THAT(out_, HasSubstr("\nr2 "));
  EXPECT_EQ(metalmesh({"get", "servers", "-l", "role=web", "-o", "json"}), 0);
  EXPECT_EQ(boost::json::parse(out_).at("items").as_array().size(), 2U);
}

TEST_F(CommandLineTest, makes_a_hardware_type_of_a_server_and_tells_who_is_of_it) {
  const std::vector<std::string> capture = {"hardware-type", "capture", "r650", "--from", "r1",
                                            "--role",        "root=S0"};
  controller_.answer(
      "GET /api/v1/servers/r1", 200,
      R"({"metadata":{"name":"r1"},"status":{"manufacturer":"Dell Inc.","model":"PowerEdge R650"}})");
  controller_.answer("GET /api/v1/inventories/r1", 200,
                     R"({"server":"r1","inventory":{"drives":[{"name":"Disk.Bay.0","serial":"S0"}]}})");
  controller_.answer("PUT /api/v1/hardwaretypes/r650", 201, R"({"metadata":{"name":"r650"}})");
  controller_.answer(
      "GET /api/v1/hardware/r1", 200,
      R"({"server":"r1","type":"r650","roles":[{"role":"root","name":"Disk.Bay.0","serial":"S0"}]})");
  EXPECT_EQ(metalmesh(capture), 0) << err_;
  EXPECT_THAT(
      out_, HasSubstr("HardwareType r650 is as r1 is\nhardware: type r650\n  root: Disk.Bay.0 (serial S0)"));
  controller_.answer("GET /api/v1/hardwaretypes/r650", 200, R"({"metadata":{"name":"r650"}})");
  EXPECT_EQ(metalmesh(capture), 1);
  EXPECT_THAT(err_, HasSubstr("r650 is there already"));

  controller_.answer("GET /api/v1/hardware?limit=200&type=r650", 200,
                     R"({"items":[{"server":"r1","type":"r650"},
                                  {"server":"r2","type":"r650","deviations":[{"message":"480 of 512 GB memory","must":true}]},
                                  {"server":"r3","types":["r650","all"]}]})");
  EXPECT_EQ(metalmesh({"describe", "hardware-type", "r650"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("servers: 3 match, 1 deviate, 1 of these are left out of installs\n"
                              "  1 match another type, too: they are held against none\n"
                              "  r2: 480 of 512 GB memory (left out of installs: it must be so)\n"));
}

TEST_F(CommandLineTest, shows_what_is_known_of_bmcs_and_what_holds_for_one) {
  EXPECT_EQ(metalmesh({"get", "quirks"}), 0) << err_;
  EXPECT_THAT(out_, testing::ContainsRegex("\ndell-idrac10 +modelled +vendor Dell, manager"));
  EXPECT_EQ(metalmesh({"get", "quirks", "nvidia-gb200"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("bootInSettings: NVIDIA libredfish"));
  EXPECT_EQ(metalmesh({"get", "quirks", "acme"}), 1);
  EXPECT_THAT(err_, HasSubstr("metalmesh get quirks"));
  EXPECT_TRUE(controller_.requests().empty()) << "nobody needs to be asked";

  const auto describe = [&](const std::string& status) {
    controller_.answer("GET /api/v1/servers/r1", 200,
                       R"({"metadata":{"name":"r1"},"status":{)" + status + "}}");
    controller_.answer("GET /api/v1/deployments?limit=200&server=r1", 200, R"({"items":[]})");
    EXPECT_EQ(metalmesh({"describe", "server", "r1"}), 0) << err_;
    return out_;
  };
  const std::string seen = R"("inspectedAt":"2026-01-02T03:04:05Z")";
  EXPECT_THAT(describe(seen + R"(,"quirks":"dell")"),
              HasSubstr("dell: recorded\n  holds for vendor Dell\n  label:"));
  EXPECT_THAT(describe(seen + R"(,"quirks":"ours")"), HasSubstr("row ours holds, of the site's own folder"));
  EXPECT_THAT(describe(seen), HasSubstr("as the standard says"));
  EXPECT_THAT(describe(""), testing::Not(HasSubstr("its BMC")));
}

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

TEST_F(CommandLineTest, stops_following_events_when_the_token_is_refused) {
  EXPECT_EQ(metalmesh({"rollout", "abort", "web", "--reason", "x"}), 1) << "404 from the script";
  controller_.answer("POST /api/v1/rollouts/web/abort", 401,
                     R"({"detail":"unknown token","next":"check --token-file"})");
  EXPECT_EQ(metalmesh({"rollout", "abort", "web", "--reason", "wrong servers"}), 1);
  EXPECT_EQ(err_, "error: unknown token\n  next: check --token-file\n");
  EXPECT_EQ(sent("POST", "/api/v1/rollouts/web/abort").back(),
            boost::json::parse(R"({"reason":"wrong servers"})"));
}

TEST_F(CommandLineTest, knows_its_grammar) {
  EXPECT_EQ(metalmesh({}), 2);
  EXPECT_EQ(metalmesh({"get", "pods"}), 2);
  EXPECT_EQ(metalmesh({"rollout", "plan"}), 2);
  EXPECT_EQ(metalmesh({"deployment", "resolve", "d1", "--as", "perfect", "--note", "x"}), 2);
  EXPECT_EQ(metalmesh({"install", "r1", "--image", "a", "--profile", "b", "--plan", "--confirm", "X"}), 2);
  EXPECT_EQ(metalmesh({"--version"}), 0);
  EXPECT_THAT(out_, HasSubstr("metalmesh 1.2.3"));
  EXPECT_EQ(metalmesh({"rollout", "--help"}), 0);
  EXPECT_TRUE(controller_.requests().empty());
}

TEST_F(CommandLineTest, names_the_command_that_was_meant) {
  EXPECT_EQ(metalmesh({"--server", "x", "insect", "r1"}), 2);
  EXPECT_THAT(err_, HasSubstr("unknown command \"insect\"; did you mean \"inspect\"?"));
  EXPECT_EQ(metalmesh({"server", "unprotct", "r1"}), 2);
  EXPECT_THAT(err_, HasSubstr("did you mean \"unprotect\"?"));
  EXPECT_EQ(metalmesh({"get", "servres"}), 2);
  EXPECT_THAT(err_, HasSubstr("did you mean servers?"));
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

TEST_F(CommandLineTest, prints_the_newest_transcript_of_a_server_as_it_is) {
  controller_.answer("GET /api/v1/deployments/r1", 404, R"({"detail":"no such deployment"})");
  controller_.answer("GET /api/v1/deployments?limit=200&server=r1", 200,
                     R"({"items":[{"id":"d-1","server":"r1","transcript":{"state":"here"}},)"
                     R"({"id":"d-2","server":"r1","transcript":{"state":"here"}},)"
                     R"({"id":"d-3","server":"r1"}]})");
  controller_.answer("GET /api/v1/deployments/d-2/transcript", 200, "{\"method\":\"GET\"}\n{}\n");
  EXPECT_EQ(metalmesh({"deployment", "transcript", "r1"}), 0) << err_;
  EXPECT_EQ(out_, "{\"method\":\"GET\"}\n{}\n");
}

TEST_F(CommandLineTest, writes_the_screen_that_a_deployment_kept) {
  controller_.answer("GET /api/v1/deployments/d-2", 200, R"({"id":"d-2","transcript":{"state":"here"}})");
  controller_.answer("GET /api/v1/deployments/d-2/transcript", 200,
                     "{\"method\":\"GET\"}\n{\"screen\":\"b2xk\"}\n{\"screen\":\"UE5H\"}\n");
  const std::string file = testing::TempDir() + "screen.png";
  EXPECT_EQ(metalmesh({"deployment", "transcript", "d-2", "--screen", file}), 0) << err_;
  EXPECT_EQ(os::read_file(file).value_or(""), "PNG");
  controller_.answer("GET /api/v1/deployments/d-2/transcript", 200, "{\"method\":\"GET\"}\n");
  EXPECT_EQ(metalmesh({"deployment", "transcript", "d-2", "--screen", file}), 1);
  EXPECT_THAT(err_, HasSubstr("deployment d-2 kept no screen"));
}

TEST_F(CommandLineTest, shows_what_an_install_would_write) {
  controller_.answer(
      "GET /api/v1/profiles/web/render?server=r1&image=rocky-9", 200,
      R"({"profile":"web@3","files":[{"path":"/ks.cfg","text":"text"},{"path":"/b","text":"b\n"}],)"
      R"("boot":[{"paths":["/grub.cfg"],"arguments":["a","b=c"]}],"notes":["more"]})");
  EXPECT_EQ(metalmesh({"profile", "render", "web", "--server", "r1", "--image", "rocky-9"}), 0) << err_;
  EXPECT_EQ(out_,
            "==> /ks.cfg <==\ntext\n\n==> /b <==\nb\n\n==> kernel arguments, by /grub.cfg <==\na "
            "b=c\n\nnote: more\n");
  controller_.answer("GET /api/v1/profiles/web/render?server=r1", 200,
                     R"({"files":[{"path":"/ks.cfg","text":"text"},{"path":"/b","text":"b\n"}]})");
  EXPECT_EQ(metalmesh({"profile", "render", "web", "--server", "r1", "--file", "/ks.cfg"}), 0) << err_;
  EXPECT_EQ(out_, "text");
  EXPECT_EQ(metalmesh({"profile", "render", "web", "--server", "r1", "--file", "/c"}), 1);
  EXPECT_THAT(err_, HasSubstr("there is: /ks.cfg, /b"));
}

TEST_F(CommandLineTest, what_would_be_refused_is_not_rendered) {
  controller_.answer("GET /api/v1/profiles/web/render?server=r1", 422,
                     R"({"detail":"host.ntp is not named"})");
  EXPECT_EQ(metalmesh({"profile", "render", "web", "--server", "r1"}), 1);
  EXPECT_THAT(err_, HasSubstr("host.ntp is not named"));
}

TEST_F(CommandLineTest, a_rollout_that_nobody_knows_has_no_events) {
  controller_.answer("GET /api/v1/rollouts/nope", 404, R"({"detail":"there is no rollout \"nope\""})");
  controller_.answer("GET /api/v1/events?limit=1&rollout=nope", 200, R"({"items":[]})");
  EXPECT_EQ(metalmesh({"events", "--rollout", "nope"}), 1);
  EXPECT_THAT(err_, HasSubstr("there is no rollout"));
}

TEST_F(CommandLineTest, events_are_yaml_where_yaml_is_asked_for) {
  controller_.answer("GET /api/v1/events?limit=200", 200, R"({"items":[{"id":"7","type":"audit"}]})");
  EXPECT_EQ(metalmesh({"events", "-o", "yaml"}), 0);
  EXPECT_EQ(out_, "---\ntype: audit\nid: \"7\"\n");
}

TEST_F(CommandLineTest, says_what_is_not_fenced_yet) {
  controller_.answer("POST /api/v1/deployments/r1/cancel", 200,
                     R"({"id":"d-1","server":"r1","site":"par1","state":"CANCELLING","fence":"owed"})");
  EXPECT_EQ(metalmesh({"deployment", "cancel", "r1"}), 2) << "a reason is wanted";
  EXPECT_EQ(metalmesh({"deployment", "cancel", "r1", "--reason", "wrong disk"}), 0);
  EXPECT_THAT(out_, HasSubstr("deployment d-1 of r1 is CANCELLING\nnot fenced yet: site par1"));
  controller_.answer("POST /api/v1/rollouts/web/abort", 200,
                     R"({"metadata":{"name":"web"},"status":{"state":"aborting","fencesOwed":3}})");
  EXPECT_EQ(metalmesh({"rollout", "abort", "web", "--reason", "x"}), 0);
  EXPECT_THAT(out_, HasSubstr("3 not fenced yet"));
}

TEST_F(CommandLineTest, shows_what_differs_after_a_restore_and_goes_on) {
  controller_.answer(
      "GET /api/v1/controller", 200,
      R"({"epoch":"3","hold":{"reason":"it was restored","since":"2020-01-01T00:00:00Z","differences":[)"
      R"({"site":"par1","was":"event 3","is":"event 9"},)"
      R"({"site":"par1","server":"s1","deployment":"d-1","was":"PENDING","is":"RUNNING"}]}})");
  EXPECT_EQ(metalmesh({"controller", "status"}), 0);
  EXPECT_THAT(out_, HasSubstr("it was restored\n  site par1: here event 3, there event 9\n"));
  EXPECT_THAT(out_, HasSubstr("  s1 at par1 (d-1): here PENDING, there RUNNING\n"));
  EXPECT_THAT(out_ + err_, HasSubstr("metalmesh controller continue --reason"));
  controller_.answer("POST /api/v1/controller/continue", 204, "");
  controller_.answer("GET /api/v1/controller", 200, R"({"epoch":"3"})");
  EXPECT_EQ(metalmesh({"controller", "continue", "--reason", "looked at it"}), 0);
  EXPECT_THAT(out_, HasSubstr("epoch 3, nothing is held\n"));
  EXPECT_EQ(sent("POST", "/api/v1/controller/continue").back(),
            boost::json::parse(R"({"reason":"looked at it"})"));
}

TEST_F(CommandLineTest, keeps_advice_out_of_what_programs_read) {
  controller_.answer("POST /api/v1/servers/r1/protect", 200,
                     R"({"metadata":{"name":"r1"},"status":{"protected":true}})");
  EXPECT_EQ(metalmesh({"server", "protect", "r1", "-o", "json"}), 0);
  EXPECT_TRUE(boost::json::parse(out_).at_pointer("/status/protected").as_bool());
  EXPECT_THAT(err_, HasSubstr("next: metalmesh get server r1"));
}

}  // namespace
}  // namespace metalmesh::cli
