
#include "controller/cli/wording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cli/next_step.h"
#include "controller/cli/object_tables.h"
#include "controller/cli/plan_text.h"

namespace metalmesh::cli {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

rest::Deployment failed(const std::string& server, wire::FaultCode code, wire::DiskState disk) {
  rest::Deployment d;
  d.set_id("d-" + server);
  d.set_server(server);
  d.set_state("FAILED");
  d.mutable_fault()->set_code(code);
  d.mutable_fault()->set_stage("connect");
  d.mutable_fault()->set_seen("10.20.0.112:443 does not answer");
  d.mutable_fault()->set_next("check the BMC cable");
  d.mutable_fault()->set_disk(disk);
  d.set_disk(disk);
  return d;
}

TEST(Wording, shows_a_refusal_with_field_and_next_step) {
  rest::Problem problem;
  problem.set_title("conflict");
  EXPECT_EQ(problem_text(problem), "conflict");
  problem.set_detail("server r1 has an open deployment d7");
  problem.set_field("spec.select");
  problem.set_next("metalmesh rollout watch web");
  EXPECT_EQ(problem_text(problem),
            "server r1 has an open deployment d7\n  field: spec.select\n  next: metalmesh rollout watch web");
}

TEST(Wording, explains_a_failure_with_cause_disk_and_next_step) {
  rest::Deployment d = failed("r1", wire::BMC_UNREACHABLE, wire::DISK_UNTOUCHED);
  d.mutable_fault()->set_tries(3);
  d.mutable_fault()->set_detail("connection timed out");
  d.add_debts("media inserted in slot Cd");
  EXPECT_EQ(failure_text(d, 2),
            "  BMC_UNREACHABLE (connect, 3 tries): 10.20.0.112:443 does not answer\n"
            "  BMC:  connection timed out\n"
            "  Disk: untouched\n"
            "  Owed: media inserted in slot Cd\n"
            "  Next: check the BMC cable\n");
}

TEST(Wording, names_the_way_out_of_what_nobody_knows) {
  rest::Deployment d;
  d.set_id("d-r1");
  d.set_server("r1");
  d.set_state("INDETERMINATE");
  EXPECT_THAT(failure_text(d), HasSubstr("Disk: unknown"));
  EXPECT_THAT(failure_text(d),
              HasSubstr("metalmesh deployment resolve r1 --as succeeded --note TEXT (or --as failed"));
  d.set_state("SUCCEEDED");
  EXPECT_EQ(failure_text(d), "");
  d.set_state("RUNNING");
  EXPECT_EQ(failure_text(d), "");
}

TEST(Wording, says_nothing_of_a_disk_that_nobody_could_touch) {
  rest::Deployment d = failed("r1", wire::BMC_LOST, wire::DISK_UNTOUCHED);
  d.set_action("power");
  EXPECT_THAT(failure_text(d), Not(HasSubstr("Disk")));
  EXPECT_EQ(causes_text({d}), "1 x BMC_LOST: r1\n");
  d.set_state("INDETERMINATE");
  d.clear_fault();
  EXPECT_EQ(failure_text(d), "Next: metalmesh inspect r1 --wait\n");
  EXPECT_EQ(next_after_end(rest::Rollout(), {d}).command, "metalmesh inspect r1 --wait");
}

TEST(Wording, names_the_proof_of_an_end) {
  rest::Deployment d;
  d.set_state("SUCCEEDED");
  d.set_proof(wire::PROOF_BOOTED);
  EXPECT_EQ(state_words(d), "SUCCEEDED (booted)");
  d.set_state("FAILED");
  EXPECT_EQ(state_words(d), "FAILED");
}

TEST(Wording, groups_failures_by_cause_wiped_disks_first) {
  std::vector<rest::Deployment> all = {failed("r1", wire::BMC_LOGIN_REFUSED, wire::DISK_UNTOUCHED),
                                       failed("r2", wire::BMC_LOGIN_REFUSED, wire::DISK_UNTOUCHED),
                                       failed("r3", wire::INSTALLER_STALLED, wire::DISK_BEING_WRITTEN)};
  all.emplace_back().set_state("SUCCEEDED");
  all.emplace_back().set_state("RUNNING");
  EXPECT_EQ(causes_text(all),
            "1 x INSTALLER_STALLED (disk being written): r3\n"
            "2 x BMC_LOGIN_REFUSED (disk untouched): r1, r2\n");
  all.clear();
  for (int i = 0; i < 11; ++i)
    all.push_back(failed("r" + std::to_string(i), wire::BMC_LOST, wire::DISK_UNTOUCHED));
  EXPECT_THAT(causes_text(all), HasSubstr("11 x BMC_LOST"));
  EXPECT_THAT(causes_text(all), HasSubstr("and 3 more"));
}

rest::Rollout planned() {
  rest::Rollout rollout;
  rollout.mutable_metadata()->set_name("web");
  rollout.mutable_status()->set_state("planned");
  auto& plan = *rollout.mutable_status()->mutable_plan();
  plan.set_digest("9c41aa00112233445566778899");
  plan.set_image("rocky-9.4");
  plan.set_profile("base@7");
  auto& server = *plan.add_servers();
  server.set_name("r1");
  server.set_site("par1");
  server.set_wave(1);
  server.mutable_identity()->set_serial("CZ2D4F0A1B");
  auto& out = *plan.add_excluded();
  out.set_name("r2");
  out.set_reason("installed");
  out.set_message("installed 2026-03-02 with rocky-9.3");
  plan.set_server_count(1);
  plan.set_excluded_count(1);
  plan.add_warnings("site par1 is silent");
  return rollout;
}

TEST(Wording, shows_who_takes_part_who_not_and_why) {
  const std::string text = plan_text(planned());
  EXPECT_THAT(text, HasSubstr("plan 9c41aa001122 of rollout web: 1 server with rocky-9.4, profile base@7"));
  EXPECT_THAT(text, HasSubstr("1     r1      par1  CZ2D4F0A1B"));
  EXPECT_THAT(text, HasSubstr("not included: 1 server"));
  EXPECT_THAT(text, HasSubstr("installed 2026-03-02 with rocky-9.3"));
  EXPECT_THAT(text, HasSubstr("warning: site par1 is silent"));
}

TEST(Wording, a_plan_of_thousands_fits_a_screen) {
  rest::Rollout rollout = planned();
  rest::RolloutSpec& spec = *rollout.mutable_spec();
  spec.set_action("install");
  spec.mutable_parallel()->set_total(200);
  spec.mutable_parallel()->set_per_site(10);
  spec.mutable_start_within()->set_seconds(4 * 3600);
  rest::Plan& plan = *rollout.mutable_status()->mutable_plan();
  plan.clear_servers();
  plan.clear_excluded();
  plan.mutable_media()->set_expected_bytes(1'500'000'000);
  plan.mutable_media()->mutable_expected()->set_seconds(1800);
  constexpr int servers = 2940, sites = 80;
  for (int i = 0; i < servers; ++i) {
    rest::PlanServer& server = *plan.add_servers();
    server.set_name("s" + std::to_string(i));
    server.set_site("site" + std::to_string(i % sites));
    server.set_hardware_type(i % 3 == 0 ? "r650" : "dl360");
  }
  for (int i = 0; i < 60; ++i) {
    rest::PlanExcluded& server = *plan.add_excluded();
    server.set_name("x" + std::to_string(i));
    server.set_site(i % 2 == 0 ? "site1" : "site2");
    server.set_reason(i < 40 ? "INSTALLED" : "PROTECTED");
    server.set_message("a long story");
  }
  plan.set_server_count(servers);
  plan.set_excluded_count(60);
  const std::string text = plan_text(rollout);
  EXPECT_LE(std::ranges::count(text, '\n'), 24) << text;
  EXPECT_THAT(text, HasSubstr("limits: 200 side by side, 10 at a site; nothing starts later than 4 h 0 min"));
  EXPECT_THAT(text, HasSubstr("stops at: 3 and 3 % failed after the wipe, 10 and 10 % before it"));
  EXPECT_THAT(text, HasSubstr("hardware: 1960 dl360, 980 r650"));
  EXPECT_THAT(text, ::testing::ContainsRegex("site0 +37 +10 +55.5 GB +2 h 0 min"));
  EXPECT_THAT(text, HasSubstr("and 70 more sites with 2570 servers"));
  EXPECT_THAT(text, ::testing::ContainsRegex("INSTALLED +40 +2 +x0, x1, x2"));
  EXPECT_THAT(text, HasSubstr("server by server: metalmesh rollout plan web --all"));
  EXPECT_GE(std::ranges::count(plan_text(rollout, true), '\n'), 3000);
}

TEST(NextStep, leads_from_plan_to_start_and_to_the_end) {
  rest::Rollout rollout = planned();
  EXPECT_EQ(next_after_plan(rollout).command,
            "metalmesh rollout start web --plan 9c41aa001122 --confirm 1 --watch");
  rollout.mutable_status()->set_state("planned");
  EXPECT_EQ(next_after_end(rollout, {}).command, next_after_plan(rollout).command)
      << "its start was taken back";
  rollout.mutable_status()->mutable_plan()->clear_server_count();
  EXPECT_EQ(next_after_plan(rollout).command, "metalmesh rollout plan web");
  rollout.mutable_status()->set_state("stopped");
  EXPECT_EQ(next_after_end(rollout, {}).command, "metalmesh rollout stop web --reason TEXT");
  rollout.mutable_status()->set_state("done");
  rest::Deployment unknown;
  unknown.set_id("d-1");
  unknown.set_server("r2");
  unknown.set_state("INDETERMINATE");
  const auto broken = failed("r1", wire::BMC_LOST, wire::DISK_UNTOUCHED);
  EXPECT_EQ(next_after_end(rollout, {broken, unknown}).command,
            "metalmesh deployment resolve r2 --as succeeded --note TEXT");
  unknown.set_resolved_by("ann");
  EXPECT_EQ(next_after_end(rollout, {broken, unknown}).command, "metalmesh describe server r1");
}

TEST(NextStep, follows_what_was_applied_last) {
  EXPECT_EQ(next_after_apply({{find_kind("Site"), "par1"}, {find_kind("Server"), "r1"}}).command,
            "metalmesh inspect r1 --wait");
  EXPECT_EQ(next_after_apply({{find_kind("Rollout"), "web"}}).command, "metalmesh rollout plan web");
}

TEST(Wording, prints_ages_and_times) {
  google::protobuf::Timestamp time;
  const WallTime now{seconds(1'795'348'800)};
  EXPECT_EQ(age_words(time, now), "");
  EXPECT_EQ(time_words(time), "");
  time.set_seconds(1'795'348'800 - 119);
  EXPECT_EQ(age_words(time, now), "119s");
  time.set_seconds(1'795'348'800 - 7199);
  EXPECT_EQ(age_words(time, now), "119m");
  time.set_seconds(1'795'348'800 - 86'400 * 3);
  EXPECT_EQ(age_words(time, now), "3d");
  time.set_seconds(1'795'348'800 + 5);
  EXPECT_EQ(age_words(time, now), "0s") << "clocks differ";
  EXPECT_EQ(time_words(time), "2026-11-22 12:00:05");
}

TEST(ObjectTables, have_a_row_for_every_kind) {
  for (const Kind& kind : kinds()) {
    Objects objects;
    objects.push_back(kind.make());
    const std::string table = objects_table(kind, objects, WallTime{});
    EXPECT_EQ(std::ranges::count(table, '\n'), 2) << kind.name;
    EXPECT_THAT(objects_table(kind, {}, WallTime{}), HasSubstr(std::string(kind.plural)));
  }
}

TEST(ObjectTables, show_what_people_look_for_first) {
  auto rollout = std::make_unique<rest::Rollout>();
  rollout->mutable_metadata()->set_name("web");
  rollout->mutable_status()->set_state("running");
  (*rollout->mutable_status()->mutable_counts())["SUCCEEDED"] = 3;
  (*rollout->mutable_status()->mutable_counts())["PENDING"] = 4;
  (*rollout->mutable_status()->mutable_counts())["FAILED"] = 0;
  Objects objects;
  objects.push_back(std::move(rollout));
  EXPECT_THAT(objects_table(*find_kind("Rollout"), objects, WallTime{}),
              HasSubstr("4 PENDING, 3 SUCCEEDED\n"));
}

TEST(ObjectTables, say_what_is_done) {
  auto deployment = std::make_unique<rest::Deployment>();
  deployment->set_id("d-1");
  deployment->set_action("inspect");
  Objects objects;
  objects.push_back(std::move(deployment));
  EXPECT_THAT(objects_table(*find_kind("Deployment"), objects, WallTime{}), HasSubstr("d-1  inspect"));
  auto rollout = std::make_unique<rest::Rollout>();
  rollout->mutable_spec()->set_action("power");
  rollout->mutable_spec()->mutable_power()->set_change("lightOn");
  objects.clear();
  objects.push_back(std::move(rollout));
  EXPECT_THAT(objects_table(*find_kind("Rollout"), objects, WallTime{}), HasSubstr("power lightOn"));
}

TEST(ObjectTables, say_which_families_nobody_has_booted) {
  Objects objects;
  for (const char* tier : {"verified", "documented"}) {
    auto family = std::make_unique<rest::Family>();
    family->set_name(tier);
    family->set_tier(tier);
    objects.push_back(std::move(family));
  }
  auto family = std::make_unique<rest::Family>();
  family->set_name("half");
  family->set_tier("verified");
  family->add_not_run("its installer");
  objects.push_back(std::move(family));
  const std::string table = objects_table(*find_kind("Family"), objects, WallTime{});
  EXPECT_THAT(table, HasSubstr("documented (unverified)"));
  EXPECT_THAT(table, HasSubstr("verified in part"));
  EXPECT_THAT(table, Not(HasSubstr("verified (unverified)")));
}

TEST(EventLine, NothingThatASiteTellsBeginsALine) {
  rest::LogEvent event;
  event.set_server("nobody\n2026-01-01 forged");
  event.set_message("said\n2026-01-01 forged");
  event.set_actor("who\n2026-01-01 forged");
  EXPECT_FALSE(event_line(event).contains("\n2026-01-01"));
}

}  // namespace
}  // namespace metalmesh::cli
