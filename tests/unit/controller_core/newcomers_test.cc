// Two agents under one site's name: who is followed, who is refused, and whose events are in the ledger.
#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

struct Newcomers : ::testing::Test {
  Mesh mesh;
  Puppet& owner = mesh.bring_up("par1");
  std::unique_ptr<Puppet> second;

  void SetUp() override {
    for (int i = 0; i < 3; ++i) mesh.add_ready("s" + std::to_string(i), owner, i);
  }
  void start(const std::string& server) {
    auto object = Mesh::rollout_object("r-" + server);
    object.mutable_spec()->mutable_select()->add_servers(server);
    mesh.start_rollout(object);
  }
  /// Both speak once a second. The broker gives each what is for the site.
  void run_both(Duration time) {
    for (Duration gone{}; gone < time; gone += std::chrono::seconds(1)) {
      mesh.run_for(std::chrono::seconds(1));
      swap();
      second_speaks();
      swap();
    }
  }
  void second_speaks() { mesh.agents["par1"]->hello(); }
  /// Puts the other one where the mesh delivers to.
  void swap() { std::swap(mesh.agents["par1"], second); }
  void an_empty_one_starts() { second = std::make_unique<Puppet>(mesh, "par1", "journal-empty"); }
  const rest::SiteStatus& status() { return mesh.state().sites.at("par1").status(); }
  std::uint64_t logged_of(const std::string& journal) {
    std::uint64_t last = 0;
    for (const auto& event : mesh.events()) {
      if (event.journal_id() != journal || event.seq() == 0) continue;
      EXPECT_EQ(event.seq(), last + 1) << journal;
      last = event.seq();
    }
    return last;
  }
};

TEST_F(Newcomers, AnEmptyOneNeverDisplacesAnOwnerThatLives) {
  start("s0");
  owner.accept("s0");
  an_empty_one_starts();
  run_both(std::chrono::minutes(10));
  EXPECT_EQ(status().journal_id(), "journal-par1");
  EXPECT_FALSE(status().quarantined());
  EXPECT_EQ(mesh.deployment_of("s0").state(), "RUNNING");
  EXPECT_TRUE(owner.presence->proven());
  EXPECT_FALSE(second->presence->proven());
  EXPECT_TRUE(second->welcome.quarantined());
  EXPECT_THAT(
      second->welcome.quarantine_reason(),
      ::testing::AllOf(::testing::HasSubstr("journal-empty is refused"), ::testing::HasSubstr("journal-par1"),
                       ::testing::HasSubstr("metalmesh site clear-quarantine par1 --journal journal-empty")));
  EXPECT_TRUE(mesh.logged("a second agent runs under the name of site par1"));
  EXPECT_EQ(mesh.core->metrics().newcomers_refused, 1U) << "told once";
  const auto& conditions = status().conditions();
  const auto told = std::ranges::find(conditions, "Agent", &rest::Condition::type);
  ASSERT_NE(told, conditions.end());
  EXPECT_EQ(told->reason(), "SECOND_AGENT");
  // The owner goes on as if nothing were.
  owner.succeed("s0");
  EXPECT_EQ(mesh.server("s0").status().phase(), "installed");
  start("s1");
  EXPECT_TRUE(owner.last_order("s1").has_value());
  EXPECT_EQ(second->orders(), 0);
  // It is stopped.
  mesh.run_for(std::chrono::seconds(130));
  EXPECT_EQ(std::ranges::find(conditions, "Agent", &rest::Condition::type)->status(), "True");
}

TEST_F(Newcomers, ARestartOfTheControllerChangesNothingAboutThat) {
  an_empty_one_starts();
  owner.cut = true;
  mesh.restart();
  run_both(std::chrono::seconds(60));
  EXPECT_EQ(status().journal_id(), "journal-par1") << "the owner gets its time to be heard";
  owner.cut = false;
  run_both(std::chrono::seconds(200));
  EXPECT_EQ(status().journal_id(), "journal-par1");
  EXPECT_TRUE(owner.presence->proven());
}

TEST_F(Newcomers, WhatARefusedOneTellsIsInTheLedger) {
  an_empty_one_starts();
  run_both(std::chrono::seconds(10));
  wire::Event event;
  event.mutable_journal_opened()->set_journal_id("journal-empty");
  event.mutable_journal_opened()->set_machine_id("another machine");
  swap();
  mesh.agents["par1"]->report(event);
  swap();
  EXPECT_EQ(logged_of("journal-empty"), 1U);
  EXPECT_EQ(second->up->acked(), 1U);
  EXPECT_EQ(logged_of("journal-par1"), owner.up->next_seq() - 1);
}

/// It may be lost with what it has inserted, and was not there yet when somebody looked.
TEST_F(Newcomers, WhatARefusedOneInsertsIsLookedForByTheOneThatIsFollowed) {
  start("s0");
  owner.accept("s0");
  owner.cut = true;
  an_empty_one_starts();
  run_both(std::chrono::seconds(200));
  ASSERT_EQ(status().journal_id(), "journal-empty");
  const auto sought = [&] {
    return std::ranges::count_if(second->commands, [](const wire::Command& command) {
      return command.inspect_server().server() == "s0" && command.inspect_server().look_for_ours();
    });
  };
  // The broker gives to one of them at a time.
  const auto other_one_hears = [&] {
    run_both(std::chrono::seconds(20));
    swap();
    mesh.run_for(std::chrono::seconds(20));
    swap();
  };
  const auto before = sought();
  owner.cut = false;
  owner.stage("s0", wire::PREFLIGHT);
  other_one_hears();
  EXPECT_EQ(sought(), before) << "nothing is inserted yet";
  owner.stage("s0", wire::INSERT);
  other_one_hears();
  EXPECT_EQ(sought(), before + 1);
}

/// What a trial saw: three installs were finished at a site whose agent was displaced meanwhile.
TEST_F(Newcomers, WhenAPersonChoosesBothJournalsEventsEndUpInTheLedger) {
  for (const char* server : {"s0", "s1"}) {
    start(server);
    owner.accept(server);
  }
  owner.cut = true;
  an_empty_one_starts();
  run_both(std::chrono::seconds(200));
  ASSERT_EQ(status().journal_id(), "journal-empty") << "the owner was silent for minutes";
  EXPECT_EQ(mesh.deployment_of("s0").state(), "INDETERMINATE");
  owner.cut = false;
  // It comes back with what it did; the one that is followed lives, so it is refused, and yet heard.
  owner.succeed("s0");
  run_both(std::chrono::seconds(20));
  EXPECT_FALSE(status().quarantined());
  EXPECT_TRUE(owner.welcome.quarantined());
  EXPECT_EQ(mesh.deployment_of("s0").state(), "SUCCEEDED") << "a fact outranks the doubt";
  EXPECT_EQ(logged_of("journal-par1"), owner.up->next_seq() - 1);

  mesh.must(ClearSiteQuarantine{"par1", "the empty one is a mistake", "journal-par1"});
  run_both(std::chrono::seconds(20));
  EXPECT_EQ(status().journal_id(), "journal-par1");
  EXPECT_FALSE(status().quarantined());
  EXPECT_TRUE(owner.presence->proven());
  EXPECT_FALSE(second->presence->proven() && !second->welcome.quarantined());
  EXPECT_EQ(logged_of("journal-par1"), owner.up->next_seq() - 1) << "it goes on where it was left off";
  run_both(std::chrono::minutes(10));
  EXPECT_EQ(status().journal_id(), "journal-par1");
  EXPECT_FALSE(status().quarantined());
  start("s2");
  EXPECT_TRUE(owner.last_order("s2").has_value());
}

TEST_F(Newcomers, ANewcomerThatAPersonChoseIsFollowedAtOnce) {
  an_empty_one_starts();
  run_both(std::chrono::seconds(10));
  const auto unknown = mesh.ask(ClearSiteQuarantine{"par1", "x", "journal-nobody"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().field, "journal");
  mesh.must(ClearSiteQuarantine{"par1", "the folder was lost", "journal-empty"});
  mesh.restart();  // a choice is kept
  run_both(std::chrono::seconds(10));
  EXPECT_EQ(status().journal_id(), "journal-empty");
  EXPECT_TRUE(second->presence->proven());
  EXPECT_TRUE(owner.welcome.quarantined());
}

TEST_F(Newcomers, OfTwoThatWereFollowedBeforeARestoreAPersonChooses) {
  const auto backup = mesh.store.rows();
  owner.cut = true;
  an_empty_one_starts();
  run_both(std::chrono::seconds(200));
  ASSERT_EQ(status().journal_id(), "journal-empty");
  ASSERT_FALSE(second->commands.empty());
  mesh.store.restore(backup);
  mesh.restart();
  owner.cut = false;
  run_both(std::chrono::seconds(20));
  EXPECT_EQ(status().journal_id(), "journal-par1");
  ASSERT_TRUE(status().quarantined());
  EXPECT_THAT(status().quarantine_reason(), ::testing::HasSubstr("both were followed"));
  EXPECT_TRUE(mesh.state().hold) << "this store went back";
  mesh.must(ClearSiteQuarantine{"par1", "looked at both", "journal-par1"});
  run_both(std::chrono::minutes(5));
  EXPECT_FALSE(status().quarantined());
  EXPECT_EQ(status().journal_id(), "journal-par1");
  EXPECT_FALSE(second->presence->proven());
}

TEST_F(Newcomers, ClearingAQuarantineDoesNotQuarantineForEver) {
  owner.cut = true;
  an_empty_one_starts();
  run_both(std::chrono::seconds(200));
  ASSERT_EQ(status().journal_id(), "journal-empty");
  second->cut = true;
  owner.cut = false;
  run_both(std::chrono::seconds(200));
  ASSERT_TRUE(status().quarantined()) << "given up, and nobody else lives";
  mesh.must(ClearSiteQuarantine{"par1", "this one is right after all", ""});
  run_both(std::chrono::seconds(30));
  EXPECT_EQ(status().journal_id(), "journal-par1");
  EXPECT_FALSE(status().quarantined());
  EXPECT_TRUE(owner.presence->proven());
  second->cut = false;
  run_both(std::chrono::minutes(5));
  EXPECT_FALSE(status().quarantined());
  EXPECT_EQ(status().journal_id(), "journal-par1");
}

}  // namespace
}  // namespace metalmesh::testing
