// A controller whose store is older than what a site still keeps of its events.
#include <set>

#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

struct EventGaps : ::testing::Test {
  EventGaps() {
    mesh.limits.entries_kept = 5;
    mesh.restart();
    agent = &mesh.bring_up("par1");
    for (int i = 0; i < 5; ++i) mesh.add_ready("s" + std::to_string(i), *agent, i);
  }
  void start(const std::string& server) {
    auto object = Mesh::rollout_object("r-" + server);
    object.mutable_spec()->mutable_select()->add_servers(server);
    mesh.start_rollout(object);
  }
  /// The store in which the server's order waits; it is handed out after that, and succeeds.
  MemoryRows::Rows waits_here_and_succeeds_later(const std::string& server) {
    agent->cut = true;
    mesh.run_for(std::chrono::seconds(70));
    start(server);
    auto backup = mesh.store.rows();
    agent->cut = false;
    mesh.run_for(std::chrono::seconds(8));
    agent->succeed(server);
    return backup;
  }
  /// Events that push the ones before them out of what the site keeps.
  void much_later() {
    for (int i = 0; i < 40; ++i) {
      wire::Event event;
      event.mutable_clock_doubted()->set_over(true);
      agent->report(event);
    }
    ASSERT_GT(agent->up->first_kept(), 20U);
  }
  void restore(const MemoryRows::Rows& backup) {
    mesh.store.restore(backup);
    agent->up->rewind();
    mesh.restart();
    mesh.run_for(std::chrono::seconds(8));
  }
  static wire::StateReport::Fence fence(int number, std::uint64_t generation, const std::string& deployment) {
    wire::StateReport::Fence line;
    line.set_machine(bmc_report(number).identity().uuid() + "/" + bmc_report(number).identity().serial());
    line.set_generation(generation);
    line.set_deployment_id(deployment);
    return line;
  }
  void report(const std::vector<wire::StateReport::Fence>& fences) {
    wire::Event event;
    for (const auto& command : agent->commands) {
      if (command.has_report_state())
        event.mutable_state_report()->set_request_id(command.report_state().request_id());
    }
    for (const auto& one : fences) *event.mutable_state_report()->add_fences() = one;
    agent->report(event);
  }

  Mesh mesh;
  Puppet* agent = nullptr;
};

TEST_F(EventGaps, TheSiteIsFollowedBehindTheGapAndTheGapIsTold) {
  const auto backup = mesh.store.rows();
  const std::uint64_t had = mesh.state().sites.at("par1").status().events_received();
  much_later();
  restore(backup);
  EXPECT_EQ(mesh.state().sites.at("par1").status().events_received(), agent->up->next_seq() - 1);
  const auto events = mesh.events();
  const auto gap = std::ranges::find(events, "gap", &rest::LogEvent::type);
  ASSERT_NE(gap, events.end());
  EXPECT_EQ(gap->gap().from(), had + 1);
  EXPECT_EQ(gap->gap().to(), agent->up->first_kept() - 1);
  EXPECT_EQ(gap->journal_id(), "journal-par1");
  EXPECT_THAT(gap->message(), ::testing::HasSubstr("of par1 are missing"));
  EXPECT_FALSE(mesh.state().sites.at("par1").status().quarantined());
  EXPECT_EQ(mesh.core->metrics().event_gaps, 1U);
  ASSERT_TRUE(mesh.state().hold);
  EXPECT_TRUE(std::ranges::any_of(mesh.state().hold->differences(), [](const auto& one) {
    return one.deployment() == "missing events" && one.is().find("trimmed by the site") != std::string::npos;
  }));
}

TEST_F(EventGaps, WhatCannotBeKnownIsIndeterminateAndCancelsWorkAgain) {
  start("s0");
  agent->accept("s0");
  const std::string told_nothing = mesh.deployment_of("s0").id();
  start("s4");
  agent->accept("s4");
  agent->cut = true;
  mesh.run_for(std::chrono::seconds(70));
  start("s1");
  const std::string pending = mesh.deployment_of("s1").id();
  ASSERT_EQ(mesh.deployment_of("s1").state(), "PENDING");
  const auto backup = mesh.store.rows();

  agent->cut = false;
  mesh.run_for(std::chrono::seconds(8));
  agent->succeed("s1");
  start("s2");
  const std::string withdrawn = mesh.deployment_of("s2").id();
  start("s3");
  agent->succeed("s3");
  const std::string forgotten = mesh.deployment_of("s3").id();
  much_later();
  agent->launch("s4");
  restore(backup);
  EXPECT_EQ(mesh.deployment_of("s1").state(), "PENDING") << "the report has not come yet";
  EXPECT_TRUE(mesh.deployment_of("s4").launched());
  auto fences = std::vector{fence(0, 1, told_nothing), fence(1, 1, pending), fence(2, 1, withdrawn),
                            fence(3, 1, forgotten), fence(4, 1, mesh.deployment_of("s4").id())};
  fences[2].set_cancelled_to(1);
  fences[3].set_launched(1);
  report(fences);

  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  EXPECT_EQ(mesh.deployment_of("s1").id(), pending);
  EXPECT_EQ(mesh.deployment_of("s1").state(), "INDETERMINATE");
  EXPECT_EQ(mesh.deployment_of("s3").id(), forgotten);
  EXPECT_EQ(mesh.deployment_of("s3").state(), "INDETERMINATE");
  EXPECT_EQ(mesh.deployment_of("s4").state(), "RUNNING") << "an event behind the gap speaks of it";
  EXPECT_EQ(mesh.server("s2").status().phase(), "ready") << "its fence proves that nothing was started";

  // None of them is taken by a plan, and the site is asked that nothing of theirs starts.
  mesh.must(ContinueController{"looked"});
  auto all = Mesh::rollout_object("all");
  all.mutable_spec()->set_reinstall(true);
  mesh.apply(all);
  mesh.must(PlanRollout{"all"});
  std::vector<std::string> planned;
  for (const auto& one : mesh.rollout("all").status().plan().servers()) planned.push_back(one.name());
  EXPECT_THAT(planned, ::testing::ElementsAre("s2"));
  for (const char* server : {"s0", "s1", "s3"}) ASSERT_NE(agent->last_cancel(server), nullptr) << server;
  EXPECT_EQ(agent->last_cancel("s3")->generation(), 1U);
  start("s2");
  ASSERT_TRUE(agent->last_order("s2").has_value());
  EXPECT_EQ(agent->last_order("s2")->issue.generation(), 2U);
  mesh.must(CancelDeployment{mesh.deployment_of("s2").id(), "no longer wanted"});
  ASSERT_NE(agent->last_cancel("s2"), nullptr);

  // A fact outranks the doubt.
  wire::Event late;
  late.set_server("s0");
  late.set_deployment_id(told_nothing);
  late.set_generation(1);
  late.mutable_ended()->set_outcome(wire::Ended::SUCCEEDED);
  late.mutable_ended()->set_disk(wire::DISK_NEW_SYSTEM);
  agent->report(late);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED");
}

TEST_F(EventGaps, AnAnswerBehindTheGapThatNothingRunsDoesNotSayThatNothingRan) {
  start("s0");
  agent->accept("s0");
  const auto backup = mesh.store.rows();
  agent->succeed("s0");
  much_later();
  wire::Event answer = agent->about("s0");  // to a cancel of the other life
  answer.mutable_cancel()->set_answer(wire::CancelAnswer::NOT_RUNNING);
  agent->report(answer);
  restore(backup);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  EXPECT_EQ(mesh.deployment_of("s0").disk(), wire::DISK_UNKNOWN);
}

TEST_F(EventGaps, ALaterOrderBehindTheGapDoesNotSayThatTheOneBeforeWasNeverHandedOut) {
  const MemoryRows::Rows backup = waits_here_and_succeeds_later("s0");
  const std::string pending = mesh.deployment_of("s0").id();
  auto again = Mesh::rollout_object("again");
  again.mutable_spec()->mutable_select()->add_servers("s0");
  again.mutable_spec()->set_reinstall(true);
  mesh.must(ProtectServer{"s0", false, "once more", 0});
  mesh.start_rollout(again);
  agent->accept("s0");
  const std::string later = mesh.deployment_of("s0").id();
  much_later();
  agent->launch("s0");
  restore(backup);
  EXPECT_EQ(mesh.state().deployments.at(pending).state(), "INDETERMINATE");
  EXPECT_EQ(mesh.deployment_of("s0").id(), later);
  EXPECT_TRUE(mesh.deployment_of("s0").launched());
}

TEST_F(EventGaps, AFenceIsThatOfItsOrderAlsoWhereTheBoardTellsLessOfItselfByNow) {
  const MemoryRows::Rows backup = waits_here_and_succeeds_later("s0");
  const std::string pending = mesh.deployment_of("s0").id();
  agent->bmcs["s0"].mutable_identity()->clear_uuid();
  much_later();
  restore(backup);
  const wire::StateReport::Fence as_ordered = fence(0, 1, pending);
  mesh.must(InspectServer{"s0"});
  mesh.run_for(std::chrono::seconds(3));
  agent->answer_inspections();
  mesh.run_for(std::chrono::seconds(3));
  ASSERT_EQ(mesh.state().deployments.at(pending).state(), "PENDING");
  report({as_ordered});
  EXPECT_EQ(mesh.state().deployments.at(pending).state(), "INDETERMINATE");
}

TEST_F(EventGaps, AnOlderReportThatIsToldAgainIsNotTheOneThatWasAskedFor) {
  const MemoryRows::Rows backup = waits_here_and_succeeds_later("s0");
  const std::string pending = mesh.deployment_of("s0").id();
  much_later();
  wire::Event older;
  older.mutable_state_report()->set_request_id("of another life");
  *older.mutable_state_report()->add_fences() = fence(0, 1, pending);
  agent->report(older);
  restore(backup);
  ASSERT_EQ(mesh.state().deployments.at(pending).state(), "PENDING");
  report({fence(0, 1, pending)});
  EXPECT_EQ(mesh.state().deployments.at(pending).state(), "INDETERMINATE");
}

TEST_F(EventGaps, ANoBehindTheGapIsNoneToTheOrder) {
  start("s0");
  agent->accept("s0");
  const auto backup = mesh.store.rows();
  agent->succeed("s0");
  much_later();
  wire::Event no = agent->about("s0");  // somebody had repeated the order
  no.mutable_receipt()->mutable_refusal()->set_code(wire::GENERATION_FENCED);
  agent->report(no);
  restore(backup);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "RUNNING");
  report({fence(0, 1, mesh.deployment_of("s0").id())});
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
}

TEST_F(EventGaps, AWordThatNobodyCanConfirmBehindTheGapIsDoubted) {
  start("s0");
  agent->accept("s0");
  start("s1");
  agent->accept("s1");
  agent->cut = true;
  start("s2");
  for (const char* server : {"s0", "s1"}) mesh.must(ResolveDeployment{server, "cancelled", "cannot wait"});
  mesh.must(ResolveDeployment{"s2", "succeeded", "it must have"});
  const auto backup = mesh.store.rows();
  agent->cut = false;
  agent->succeed("s0");
  agent->succeed("s1");
  much_later();
  wire::Event answer = agent->about("s1");
  answer.mutable_cancel()->set_answer(wire::CancelAnswer::NOT_RUNNING);
  agent->report(answer);
  restore(backup);
  EXPECT_EQ(mesh.deployment_of("s1").state(), "INDETERMINATE")
      << "that nothing runs says not that nothing ran";
  EXPECT_EQ(mesh.deployment_of("s0").state(), "CANCELLED");
  report({fence(0, 1, mesh.deployment_of("s0").id()), fence(1, 1, mesh.deployment_of("s1").id())});
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  EXPECT_EQ(mesh.deployment_of("s0").disk(), wire::DISK_UNKNOWN);
  EXPECT_EQ(mesh.deployment_of("s0").contradicted(0).as(), "CANCELLED");
  EXPECT_EQ(mesh.deployment_of("s2").state(), "INDETERMINATE") << "nobody has heard of a launch";
}

/// A copy that was made while the site was asked for its fences: what it answered is in the gap, and comes no second time.
TEST_F(EventGaps, AReportThatIsInTheGapIsAskedForAgain) {
  const auto requests = [&] {
    std::set<std::string> ids;
    for (const auto& command : agent->commands)
      if (command.has_report_state()) ids.insert(command.report_state().request_id());
    return ids.size();
  };
  start("s0");
  agent->accept("s0");
  const auto before = mesh.store.rows();
  much_later();
  restore(before);
  ASSERT_EQ(requests(), 1U);
  const auto learning = mesh.store.rows();
  report({fence(0, 1, mesh.deployment_of("s0").id())});
  ASSERT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  much_later();
  restore(learning);
  EXPECT_EQ(mesh.deployment_of("s0").state(), "RUNNING");
  EXPECT_EQ(requests(), 2U);
  report({fence(0, 1, mesh.deployment_of("s0").id())});
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
}

TEST_F(EventGaps, AnOldAnswerSkipsNothing) {
  const std::uint64_t had = mesh.state().sites.at("par1").status().events_received();
  for (const std::uint64_t kept : {std::uint64_t{1}, had, had + 1}) {
    wire::Trimmed old;
    old.set_journal_id("journal-par1");
    old.set_first_kept(kept);
    old.set_base_hash("any");
    agent->publish("trimmed", old);
  }
  wire::Trimmed foreign;
  foreign.set_journal_id("another");
  foreign.set_first_kept(had + 100);
  foreign.set_base_hash("any");
  agent->publish("trimmed", foreign);
  EXPECT_EQ(mesh.state().sites.at("par1").status().events_received(), had);
  EXPECT_EQ(mesh.core->metrics().event_gaps, 0U);
}

}  // namespace
}  // namespace metalmesh::testing
