// Whole commands against a scripted controller: what is sent, what is printed, what the process ends with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "common/os/files.h"
#include "tests/unit/cli/command_line_bench.h"

namespace metalmesh::cli {
namespace {

using testing::HasSubstr;

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
