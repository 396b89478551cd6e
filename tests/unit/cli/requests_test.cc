#include "controller/cli/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cli/api_client.h"
#include "controller/cli/console.h"

namespace metalmesh::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Requests, builds_paths_that_names_cannot_break_out_of) {
  EXPECT_EQ(object_path(*find_kind("server"), "r1"), "/api/v1/servers/r1");
  EXPECT_EQ(object_path(*find_kind("Deployments"), "a/../b?c#d e"),
            "/api/v1/deployments/a%2F..%2Fb%3Fc%23d%20e");
  EXPECT_EQ(list_path(*find_kind("servers"), {{"labelSelector", "role=web,rack=r1"}, {"after", ""}}),
            "/api/v1/servers?limit=200&labelSelector=role%3Dweb%2Crack%3Dr1");
  EXPECT_EQ(find_kind("pods"), nullptr);
}

TEST(Requests, reads_pairs_and_sites) {
  const auto pairs = parse_pairs({"a=1", "b=x=y", "c="});
  ASSERT_TRUE(pairs);
  EXPECT_THAT(*pairs,
              ElementsAre(testing::Pair("a", "1"), testing::Pair("b", "x=y"), testing::Pair("c", "")));
  EXPECT_FALSE(parse_pairs({"=1"}));
  EXPECT_FALSE(parse_pairs({"word"}));
  EXPECT_THAT(parse_pairs({"a=1", "a=2"}).error().message, HasSubstr("given twice"));
  const auto site = parse_pki_site("par1=10.20.0.5,media.example");
  ASSERT_TRUE(site);
  EXPECT_EQ(site->name, "par1");
  EXPECT_THAT(site->hosts, ElementsAre("10.20.0.5", "media.example"));
  EXPECT_TRUE(parse_pki_site("lyo2")->hosts.empty());
  EXPECT_FALSE(parse_pki_site("lyo2="));
}

TEST(Requests, makes_a_rollout_of_one) {
  const auto rollout = install_rollout({.server = "r1",
                                        .image = "rocky",
                                        .profile = "base@7",
                                        .powered_on = "graceful",
                                        .reinstall = true,
                                        .replace_foreign_media = false,
                                        .vars = {"ntp=10.0.0.1"}},
                                       "install-r1");
  ASSERT_TRUE(rollout);
  const auto& spec = rollout->spec();
  EXPECT_EQ(spec.action(), "install");
  EXPECT_THAT(spec.select().servers(), ElementsAre("r1"));
  EXPECT_TRUE(spec.select().labels().empty());
  EXPECT_EQ(spec.image(), "rocky");
  EXPECT_EQ(spec.profile(), "base@7");
  EXPECT_EQ(spec.powered_on(), "graceful");
  EXPECT_TRUE(spec.reinstall());
  EXPECT_EQ(spec.vars().at("ntp"), "10.0.0.1");
  EXPECT_THAT(install_rollout({.server = "r1", .vars = {"oops"}}, "x").error().message, HasSubstr("--var"));
}

TEST(Requests, keeps_names_of_installs_valid_and_apart) {
  EXPECT_EQ(install_rollout_name("r1", 1), "install-r1");
  EXPECT_EQ(install_rollout_name("r1", 2), "install-r1-2");
  const std::string server(63, 'a');
  EXPECT_EQ(install_rollout_name(server, 12).size(), 63U);
  EXPECT_TRUE(install_rollout_name(server, 12).ends_with("a-12"));
  EXPECT_EQ(install_rollout_name(std::string(54, 'a') + "-b", 1).back(), 'a') << "no dash at the cut";
}

TEST(Requests, makes_a_rollout_of_a_start_from_an_image) {
  const FleetOptions options{.action = "boot-iso",
                             .servers = {"r1"},
                             .image = "rescue",
                             .max_run = "90m",
                             .afterwards = "off",
                             .powered_on = "force",
                             .in_use = true};
  const auto rollout = fleet_rollout(options, fleet_rollout_name(options, 2));
  ASSERT_TRUE(rollout);
  EXPECT_EQ(rollout->metadata().name(), "boot-iso-2");
  const auto& spec = rollout->spec();
  EXPECT_EQ(spec.action(), "bootIso");
  EXPECT_EQ(spec.image(), "rescue");
  EXPECT_EQ(spec.powered_on(), "force");
  EXPECT_EQ(spec.boot_iso().max_run().seconds(), 5400);
  EXPECT_EQ(spec.boot_iso().afterwards(), "off");
  EXPECT_TRUE(spec.boot_iso().in_use());
  EXPECT_EQ(fleet_command(options),
            "metalmesh boot-iso rescue r1 --max-run 90m --afterwards off --powered-on force --in-use");
}

TEST(Requests, makes_a_rollout_of_every_change_of_power) {
  for (const auto& [typed, change] : std::map<std::string, std::string>{
           {"on", "on"}, {"bmc-reset", "bmcReset"}, {"light-off", "lightOff"}, {"setup-once", "setupOnce"}}) {
    const FleetOptions options = {
        .action = "power", .change = typed, .servers = {"r1", "r2"}, .within = "90s"};
    const auto rollout = fleet_rollout(options, "x");
    ASSERT_TRUE(rollout) << typed;
    EXPECT_EQ(rollout->spec().power().change(), change);
    EXPECT_EQ(rollout->spec().power().within().seconds(), 90);
    EXPECT_THAT(rollout->spec().select().servers(), ElementsAre("r1", "r2"));
    EXPECT_EQ(fleet_rollout_name(options, 7), "power-" + typed + "-7");
    EXPECT_EQ(fleet_command(options), "metalmesh power " + typed + " r1 r2 --within 90s");
  }
  EXPECT_EQ(fleet_rollout_name({.action = "inspect"}, 1), "inspect-1");
}

TEST(Requests, makes_a_rollout_of_every_deed_for_a_bmc) {
  for (const auto& [typed, deed] :
       std::map<std::string, std::string>{{"clear-jobs", "clearJobs"}, {"eject", "eject"}}) {
    const FleetOptions options = {.action = "bmc", .change = typed, .servers = {"r1"}, .all = true};
    const auto rollout = fleet_rollout(options, "x");
    ASSERT_TRUE(rollout) << typed;
    EXPECT_EQ(rollout->spec().action(), "bmc");
    EXPECT_EQ(rollout->spec().bmc().deed(), deed);
    EXPECT_TRUE(rollout->spec().bmc().all());
    EXPECT_FALSE(rollout->spec().has_power());
    EXPECT_EQ(fleet_rollout_name(options, 2), "bmc-" + typed + "-2");
    EXPECT_EQ(fleet_command(options), "metalmesh bmc " + typed + " r1 --all");
  }
  const auto test = fleet_rollout({.action = "mount-test", .servers = {"r1"}, .in_use = true}, "x");
  ASSERT_TRUE(test);
  EXPECT_EQ(test->spec().action(), "mountTest");
  EXPECT_TRUE(test->spec().mount_test().in_use());
}

TEST(Requests, asks_for_the_serial_of_the_one_server) {
  rest::Plan plan;
  EXPECT_EQ(confirmation_of(plan), "");
  auto& identity = *plan.add_servers()->mutable_identity();
  identity.set_uuid("u-u");
  EXPECT_EQ(confirmation_of(plan), "u-u");
  identity.set_serial("CZ2D4F0A1B");
  EXPECT_EQ(confirmation_of(plan), "CZ2D4F0A1B");
  plan.add_servers();
  EXPECT_EQ(confirmation_of(plan), "") << "one serial must never confirm two servers";
}

TEST(Requests, starts_only_the_plan_that_was_seen) {
  rest::Rollout rollout;
  rollout.mutable_metadata()->set_name("web");
  EXPECT_THAT(full_digest(rollout, "9c41aa00").error().message, HasSubstr("metalmesh rollout plan web"));
  rollout.mutable_status()->mutable_plan()->set_digest("9c41aa00112233445566");
  EXPECT_EQ(full_digest(rollout, "9c41aa00"), "9c41aa00112233445566");
  EXPECT_EQ(full_digest(rollout, "9c41aa00112233445566"), "9c41aa00112233445566");
  EXPECT_EQ(full_digest(rollout, "9c41").error().kind, ErrorKind::invalid);
  EXPECT_EQ(full_digest(rollout, "9c41aa01").error().kind, ErrorKind::conflict);
}

TEST(Console, maps_errors_to_exit_codes) {
  EXPECT_EQ(exit_code_of({ErrorKind::unavailable, ""}), ExitCode::unreachable);
  EXPECT_EQ(exit_code_of({ErrorKind::timeout, ""}), ExitCode::unreachable);
  EXPECT_EQ(exit_code_of({ErrorKind::conflict, ""}), ExitCode::refused);
  EXPECT_EQ(exit_code_of({ErrorKind::denied, ""}), ExitCode::refused);
}

TEST(Requests, a_retry_never_takes_a_disk_that_was_written_by_itself) {
  rest::Rollout before;
  before.mutable_spec()->set_action("install");
  before.mutable_spec()->mutable_select()->add_sites("*");
  before.mutable_spec()->add_waves()->set_servers(1);
  const auto ended = [](const char* server, const char* state, wire::FaultCode code, bool wiped) {
    rest::Deployment one;
    one.set_server(server);
    one.set_state(state);
    one.mutable_fault()->set_code(code);
    one.set_launched(wiped);
    one.set_disk(wiped ? wire::DISK_BEING_WRITTEN : wire::DISK_UNTOUCHED);
    return one;
  };
  const std::vector<rest::Deployment> all = {ended("s1", "FAILED", wire::BMC_UNREACHABLE, false),
                                             ended("s2", "FAILED", wire::INSTALLER_STALLED, true),
                                             ended("s3", "CANCELLED", wire::ORDER_EXPIRED, false),
                                             ended("s4", "UNPROVEN", wire::FAULT_CODE_UNSPECIFIED, true),
                                             ended("s5", "FAILED", wire::LICENCE_MISSING, false)};
  const auto servers = [&](const char* cause, bool wiped) {
    const rest::Rollout retry = retry_of(before, all, cause, wiped);
    const auto& named = retry.spec().select().servers();
    return std::vector<std::string>(named.begin(), named.end());
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(servers("", false), (List{"s1", "s5"}));
  EXPECT_EQ(servers("", true), (List{"s1", "s2", "s5"})) << "what has no proof is nobody's to wipe again";
  EXPECT_EQ(servers("LICENCE_MISSING", false), (List{"s5"}));
  EXPECT_EQ(servers("ORDER_EXPIRED", false), (List{"s3"}));
  EXPECT_FALSE(retry_of(before, all, "", false).spec().reinstall());
  EXPECT_TRUE(retry_of(before, all, "", true).spec().reinstall());
  EXPECT_TRUE(retry_of(before, all, "", false).spec().waves().empty());
}

}  // namespace
}  // namespace metalmesh::cli
