// Plans that are made some servers at a time: nobody waits for them, and what changes meanwhile counts.
#include "controller/core/rollout_planner.h"
#include "controller/state/plan_pages.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

std::optional<std::string> mesh_row(const Mesh& mesh, const std::string& key) { return mesh.store.find(key); }

struct Slices : Planned {
  /// One slice.
  void slice() { mesh.give(TimerFired{"controller/plan"}); }
  /// The answer to `number`, after so many slices as it takes.
  OperatorResult finish(std::uint64_t number) {
    for (int i = 0; i < 100; ++i) {
      slice();
      for (auto& [of, result] : mesh.core->take_answers()) {
        if (of == number) return std::move(result);
      }
    }
    ADD_FAILURE() << "no answer to " << number;
    return Answer();
  }
  std::uint64_t begin(decltype(OperatorRequest::body) body) {
    const std::uint64_t number = mesh.must(std::move(body)).later;
    EXPECT_NE(number, 0U);
    return number;
  }
};

struct Sliced : Slices {
  Sliced() {
    for (int i = 0; i < 5; ++i) mesh.add_ready("s" + std::to_string(i), agent, i);
    whole = plan(Mesh::rollout_object("r"));
    mesh.limits.planned_at_once = 2;
    mesh.restart();
    mesh.run_for(std::chrono::seconds(5));
  }
  rest::Plan whole;
};

TEST_F(Sliced, ThePlanIsTheOneMadeInOneGo) {
  const std::uint64_t number = begin(PlanRollout{"r"});
  const auto result = finish(number);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  const rest::Plan& made = std::get<rest::Rollout>(std::get<Object>(result->object)).status().plan();
  EXPECT_EQ(made.digest(), whole.digest());
  EXPECT_EQ(names(made), names(whole));
  EXPECT_EQ(made.server_count(), 5U);
  const auto started = finish(begin(order("r")));
  ASSERT_TRUE(started.has_value()) << started.error().message;
  EXPECT_EQ(mesh.rollout("r").status().state(), "running");
  EXPECT_EQ(mesh.state().deployments.size(), 5U);
}

TEST_F(Sliced, WhoeverChangesWhileItIsMadeIsJudgedAgain) {
  const std::uint64_t number = begin(PlanRollout{"r"});
  for (int i = 0; i < 5; ++i) slice();  // s0 has been judged
  mesh.must(ProtectServer{"s0", true, "live", 0});
  const auto result = finish(number);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  const rest::Plan& made = mesh.rollout("r").status().plan();
  EXPECT_EQ(reasons(made), (std::map<std::string, std::string>{{"s0", "PROTECTED"}}));
  EXPECT_NE(made.digest(), whole.digest());
}

TEST_F(Sliced, NothingStartsWhenAServerChangesBeforeItsOrderIsMade) {
  // Whenever it happens, up to the last slice.
  for (int when = 0; when < 100; ++when) {
    const std::uint64_t number = begin(order("r"));
    for (int i = 0; i < when; ++i) slice();
    auto answers = mesh.core->take_answers();
    if (!answers.empty()) {
      EXPECT_GT(when, 5);
      EXPECT_TRUE(answers.front().second.has_value());
      return;
    }
    mesh.must(ProtectServer{"s4", true, "live", 0});
    const auto result = finish(number);
    ASSERT_FALSE(result.has_value()) << when;
    EXPECT_THAT(result.error().message, ::testing::HasSubstr("stale")) << when;
    for (int i = 0; i < 6; ++i) slice();  // what was ordered by then is taken back
    EXPECT_EQ(mesh.rollout("r").status().state(), "planned") << when;
    EXPECT_EQ(mesh.state().deployments.size(), 0U) << when;
    mesh.must(ProtectServer{"s4", false, "idle", 0});
  }
  FAIL() << "it never started";
}

/// A start of five servers, two at a time, of which two have their orders by now.
struct HalfStarted : Sliced {
  HalfStarted() {
    number = begin(order("r"));
    for (int i = 0; i < 100 && mesh.state().deployments.size() < 2; ++i) slice();
    mesh.run_for(std::chrono::seconds(3));
  }
  [[nodiscard]] std::string state() const { return mesh.rollout("r").status().state(); }
  std::uint64_t number = 0;
};

TEST_F(HalfStarted, NothingIsHandedOutBeforeAllOrdersAreThere) {
  EXPECT_EQ(state(), "starting");
  EXPECT_EQ(mesh.state().deployments.size(), 2U);
  EXPECT_EQ(mesh.rollout("r").status().counts().at("PENDING"), 2U) << "so people see how far it is";
  EXPECT_EQ(agent.orders(), 0);
  EXPECT_EQ(mesh.ask(order("r")).value().later, number);
  EXPECT_FALSE(mesh.ask(PlanRollout{"r"}).has_value());
  EXPECT_FALSE(mesh.ask(Delete{"Rollout", "r", std::nullopt}).has_value());
  EXPECT_TRUE(finish(number).has_value());
  EXPECT_EQ(state(), "running");
  EXPECT_EQ(agent.orders(), 5);
  EXPECT_EQ(mesh.deployment_of("s4").created().seconds(), mesh.rollout("r").status().started().seconds());
}

TEST_F(HalfStarted, ACrashTakesItBackAndItStartsAnew) {
  const std::string server = mesh.state().deployments.begin()->second.server();
  EXPECT_FALSE(mesh.server(server).status().deployment().empty());
  mesh.restart();
  EXPECT_EQ(state(), "starting");
  EXPECT_FALSE(mesh.ask(order("r")).has_value());
  for (int i = 0; i < 3; ++i) slice();
  EXPECT_EQ(state(), "planned");
  EXPECT_EQ(mesh.state().deployments.size(), 0U);
  EXPECT_EQ(mesh.server(server).status().deployment(), "");
  EXPECT_FALSE(mesh.rollout("r").status().has_started());
  EXPECT_TRUE(mesh.logged("planned as before"));
  for (const auto& [key, value] : mesh.store.rows()) EXPECT_FALSE(key.starts_with(tables::orders)) << key;
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(agent.orders(), 0);
  EXPECT_TRUE(finish(begin(order("r"))).has_value()) << "with the same digest";
  EXPECT_EQ(mesh.state().deployments.size(), 5U);
  EXPECT_EQ(agent.orders(), 5);
}

TEST_F(HalfStarted, ACrashWhileItIsTakenBackChangesNothing) {
  mesh.limits.planned_at_once = 1;
  mesh.restart();
  slice();
  EXPECT_EQ(mesh.state().deployments.size(), 1U);
  EXPECT_EQ(state(), "starting");
  mesh.restart();
  for (int i = 0; i < 3; ++i) slice();
  EXPECT_EQ(state(), "planned");
  EXPECT_EQ(mesh.state().deployments.size(), 0U);
}

TEST_F(HalfStarted, AnAbortEndsWhatIsThere) {
  mesh.must(StopRollout{"r", "another day"});
  const auto result = finish(number);
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, ::testing::HasSubstr("stopped while it was started: 2 of its 5"));
  EXPECT_EQ(state(), "done");
  EXPECT_EQ(mesh.rollout("r").status().counts().at("CANCELLED"), 2U);
  EXPECT_EQ(agent.orders(), 0);
}

TEST_F(HalfStarted, ACancelOfOneIsOfThatOne) {
  const std::string cancelled = mesh.state().deployments.begin()->first;
  const std::string server = mesh.state().deployments.begin()->second.server();
  mesh.must(CancelDeployment{cancelled, "not this one"});
  EXPECT_EQ(state(), "starting") << "nothing is open, and it has not begun";
  EXPECT_TRUE(finish(number).has_value());
  EXPECT_EQ(mesh.state().deployments.at(cancelled).state(), "CANCELLED");
  EXPECT_EQ(agent.orders(), 4);
  EXPECT_FALSE(agent.last_order(server).has_value());
}

TEST_F(HalfStarted, WhatPeopleDecidedIsNotTakenBack) {
  const std::string cancelled = mesh.state().deployments.begin()->first;
  mesh.must(CancelDeployment{cancelled, "not this one"});
  mesh.restart();
  mesh.run_for(std::chrono::seconds(5));
  for (int i = 0; i < 3; ++i) slice();
  mesh.run_for(std::chrono::seconds(5));
  EXPECT_EQ(state(), "done");
  EXPECT_EQ(mesh.state().deployments.size(), 1U);
  EXPECT_EQ(mesh.state().deployments.at(cancelled).state(), "CANCELLED");
}

TEST_F(HalfStarted, AServerThatChangesBeforeItsOrderTakesAllBack) {
  mesh.must(ProtectServer{"s4", true, "live", 0});
  const auto result = finish(number);
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, ::testing::HasSubstr("stale"));
  for (int i = 0; i < 3; ++i) slice();
  EXPECT_EQ(state(), "planned");
  EXPECT_EQ(mesh.state().deployments.size(), 0U);
  EXPECT_EQ(agent.orders(), 0);
}

TEST_F(HalfStarted, AFullDiskTakesAllBack) {
  mesh.give(DiskLevel{true, 1});
  EXPECT_EQ(finish(number).error().kind, ErrorKind::exhausted);
  for (int i = 0; i < 3; ++i) slice();
  EXPECT_EQ(state(), "planned");
  EXPECT_EQ(mesh.state().deployments.size(), 0U);
}

TEST_F(Sliced, OthersAreServedMeanwhile) {
  const std::uint64_t number = begin(PlanRollout{"r"});
  EXPECT_EQ(mesh.must(PlanRollout{"r"}).later, number) << "the same again waits for the same";
  EXPECT_THAT(mesh.ask(order("r")).error().message, ::testing::HasSubstr("just being planned"));
  EXPECT_TRUE(mesh.ask(ProtectServer{"s4", true, "live", 0}).has_value());
  EXPECT_TRUE(finish(number).has_value());
}

TEST_F(Sliced, AnEditOrADeleteIsNotOverlooked) {
  std::uint64_t number = begin(PlanRollout{"r"});
  for (int i = 0; i < 5; ++i) slice();
  auto edited = Mesh::rollout_object("r");
  edited.mutable_spec()->mutable_select()->add_exclude("s1");
  mesh.apply(edited);
  ASSERT_TRUE(finish(number).has_value());
  EXPECT_EQ(reasons(mesh.rollout("r").status().plan()).at("s1"), "EXCLUDED");
  number = begin(PlanRollout{"r"});
  mesh.must(Delete{"Rollout", "r", std::nullopt});
  EXPECT_EQ(finish(number).error().kind, ErrorKind::not_found);
}

TEST_F(Slices, ALongPlanLiesInPages) {
  mesh.add_ready("s0", agent, 0);
  auto object = Mesh::rollout_object("r");
  object.mutable_spec()->mutable_select()->add_servers("s0");
  for (std::uint32_t i = 0; i < plan_shown_most; ++i)
    object.mutable_spec()->mutable_select()->add_servers("gone" + std::to_string(i));
  mesh.apply(object);
  ASSERT_TRUE(finish(begin(PlanRollout{"r"})).has_value());
  const rest::Plan made = mesh.rollout("r").status().plan();
  EXPECT_EQ(made.servers_size() + made.excluded_size(), 0);
  EXPECT_EQ(made.server_count(), 1U);
  EXPECT_EQ(made.excluded_count(), plan_shown_most);
  ASSERT_EQ(plan_pages(made), 3U);
  int entries = 0;
  for (std::size_t number = 0; number < 3; ++number) {
    rest::PlanPage page;
    const auto row = mesh_row(mesh, tables::plan_page("r", number));
    ASSERT_TRUE(row && decode_row(*row, page)) << number;
    EXPECT_EQ(page.digest(), made.digest());
    entries += page.servers_size() + page.excluded_size();
  }
  EXPECT_EQ(entries, 1 + static_cast<int>(plan_shown_most));
  EXPECT_FALSE(mesh_row(mesh, tables::plan_page("r", 3)));

  mesh.restart();
  mesh.run_for(std::chrono::seconds(5));
  StartRollout start{"r", made.digest(), 1};
  mesh.must(start);
  EXPECT_EQ(mesh.state().deployments.size(), 1U);
  agent.succeed("s0");
  mesh.must(Delete{"Rollout", "r", std::nullopt});
  for (std::size_t number = 0; number < 3; ++number)
    EXPECT_FALSE(mesh_row(mesh, tables::plan_page("r", number))) << number;
}

}  // namespace
}  // namespace metalmesh::testing
