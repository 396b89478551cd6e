#include "common/delivery/presence.h"

#include <gtest/gtest.h>

#include "common/ports/memory_rows.h"
#include "common/ports/wire_time.h"
#include "tests/unit/delivery/virtual_time.h"

namespace metalmesh::delivery {
namespace {

using namespace std::chrono_literals;
using Welcomed = AgentPresence::Welcomed;

class CountingEntropy final : public Entropy {
 public:
  std::string bytes(std::size_t count) override {
    std::string bytes = std::to_string(++drawn_);
    bytes.resize(count, '.');
    return bytes;
  }

 private:
  int drawn_ = 0;
};

struct Mesh {
  CountingEntropy entropy;
  SitePresence site{"", {}, 2s, 60s};

  Welcomed round_trip(AgentPresence& agent, Duration when) {
    const wire::Hello hello = agent.hello(at(when), entropy);
    return agent.on_welcome(site.on_hello(hello, at(when), entropy), at(when));
  }
};

TEST(Presence, proves_a_lone_agent_after_settling) {
  Mesh mesh;
  AgentPresence agent("a", 15s);
  EXPECT_EQ(agent.next_hello(at(1s)), at(1s).mono);
  EXPECT_EQ(mesh.round_trip(agent, 1s), Welcomed::ok);
  EXPECT_TRUE(mesh.site.silent(at(1s)));  // nothing was echoed yet
  EXPECT_EQ(agent.next_hello(at(1s)), at(1500ms).mono);
  EXPECT_EQ(mesh.round_trip(agent, 2s), Welcomed::ok);
  EXPECT_EQ(mesh.site.current(), "a");
  EXPECT_FALSE(agent.proven());
  EXPECT_EQ(mesh.round_trip(agent, 3s), Welcomed::proven);
  EXPECT_TRUE(agent.proven());
  EXPECT_EQ(agent.next_hello(at(3s)), at(18s).mono);
  EXPECT_FALSE(mesh.site.silent(at(62s)));
  EXPECT_TRUE(mesh.site.silent(at(63s)));
}

TEST(Presence, a_restarted_agent_succeeds_its_earlier_life) {
  Mesh mesh;
  AgentPresence first("a", 15s);
  for (const auto when : {1s, 2s, 3s}) (void)mesh.round_trip(first, when);
  AgentPresence second("b", 15s);
  EXPECT_EQ(mesh.round_trip(second, 10s), Welcomed::ok);
  EXPECT_EQ(mesh.site.current(), "a");
  EXPECT_EQ(mesh.round_trip(second, 11s), Welcomed::ok);
  EXPECT_EQ(mesh.site.current(), "b");
  EXPECT_EQ(mesh.round_trip(second, 12s), Welcomed::proven);
  EXPECT_FALSE(mesh.site.quarantined());
}

TEST(Presence, late_hellos_of_an_earlier_life_neither_prove_nor_quarantine) {
  Mesh mesh;
  AgentPresence first("a", 15s);
  std::vector<wire::Hello> recorded;
  for (const auto when : {1s, 2s, 3s, 4s}) {
    recorded.push_back(first.hello(at(when), mesh.entropy));
    (void)first.on_welcome(mesh.site.on_hello(recorded.back(), at(when), mesh.entropy), at(when));
  }
  const wire::Hello last = first.hello(at(5s), mesh.entropy);  // echoes the newest challenge, arrives late
  AgentPresence second("b", 15s);
  EXPECT_EQ(mesh.round_trip(second, 10s), Welcomed::ok);
  const wire::Welcome to_the_dead = mesh.site.on_hello(last, at(10500ms), mesh.entropy);
  EXPECT_FALSE(to_the_dead.proven());
  EXPECT_NE(second.on_welcome(to_the_dead, at(10500ms)), Welcomed::twin);
  EXPECT_EQ(mesh.round_trip(second, 11s), Welcomed::ok);
  for (Duration when = 12s; when < 20s; when += 100ms) {
    for (const wire::Hello& old : recorded) {
      EXPECT_FALSE(mesh.site.on_hello(old, at(when), mesh.entropy).proven());
    }
  }
  EXPECT_FALSE(mesh.site.quarantined());
  EXPECT_EQ(mesh.site.current(), "b");
  EXPECT_EQ(mesh.round_trip(second, 21s), Welcomed::ok);  // others spoke a moment ago
  EXPECT_EQ(mesh.round_trip(second, 23s), Welcomed::proven);
}

TEST(Presence, two_living_incarnations_are_quarantined) {
  Mesh mesh;
  AgentPresence first("a", 15s);
  for (const auto when : {1s, 2s, 3s}) (void)mesh.round_trip(first, when);
  AgentPresence second("b", 15s);
  (void)mesh.round_trip(second, 10s);
  (void)mesh.round_trip(second, 11s);
  EXPECT_EQ(mesh.round_trip(first, 11500ms), Welcomed::ok);  // an old echo proves nothing yet
  EXPECT_FALSE(mesh.site.quarantined());
  EXPECT_EQ(mesh.round_trip(second, 12s), Welcomed::ok);  // but it holds the proof back
  EXPECT_EQ(mesh.round_trip(first, 12500ms), Welcomed::quarantined);
  EXPECT_TRUE(mesh.site.quarantined());
  EXPECT_FALSE(first.proven());
  EXPECT_EQ(mesh.round_trip(second, 13s), Welcomed::quarantined);
  EXPECT_FALSE(second.proven());
  mesh.site.clear_quarantine();
  EXPECT_EQ(mesh.round_trip(second, 20s), Welcomed::ok);
  EXPECT_FALSE(second.proven());
  for (const auto when : {21s, 22s}) (void)mesh.round_trip(second, when);
  EXPECT_TRUE(second.proven());
}

TEST(Presence, what_was_vouched_for_before_a_quarantine_is_vouched_for_anew) {
  Mesh mesh;
  AgentPresence agent("a", 15s);
  for (const auto when : {1s, 2s, 3s}) (void)mesh.round_trip(agent, when);
  ASSERT_TRUE(agent.proven());
  mesh.site.quarantine("another one is followed");
  EXPECT_EQ(mesh.round_trip(agent, 10s), Welcomed::quarantined);
  mesh.site = SitePresence("b", {}, 2s, 60s);  // who restarted, and does not know yet whom to follow
  EXPECT_EQ(mesh.round_trip(agent, 11s), Welcomed::ok);
  EXPECT_FALSE(agent.proven());
}

TEST(Presence, who_is_not_proven_for_long_asks_less_and_less_often) {
  Mesh mesh;
  AgentPresence agent("a", 15s);
  const auto hellos_in_a_minute = [&](auto answer) {
    int hellos = 0;
    MonoTime next = at(1s).mono;
    for (; next < at(61s).mono; ++hellos) {
      Now now = at(1s);
      now.mono = next;
      wire::Welcome welcome = mesh.site.on_hello(agent.hello(now, mesh.entropy), now, mesh.entropy);
      answer(welcome);
      (void)agent.on_welcome(welcome, now);
      next = std::max(agent.next_hello(now), next + 1ms);
    }
    return hellos;
  };
  EXPECT_LE(hellos_in_a_minute([](wire::Welcome& welcome) { welcome.set_proven(false); }), 20);
  agent = AgentPresence("b", 15s);
  EXPECT_LE(hellos_in_a_minute([](wire::Welcome& welcome) {
              welcome.set_proven(false);
              welcome.set_quarantined(true);
            }),
            5);
}

TEST(Presence, an_agent_speaks_up_when_another_incarnation_is_welcomed) {
  Mesh mesh;
  AgentPresence first("a", 15s);
  for (const auto when : {1s, 2s, 3s}) (void)mesh.round_trip(first, when);
  AgentPresence second("b", 15s);
  const wire::Welcome to_second =
      mesh.site.on_hello(second.hello(at(10s), mesh.entropy), at(10s), mesh.entropy);
  EXPECT_EQ(first.on_welcome(to_second, at(10s)), Welcomed::ignored);
  EXPECT_EQ(first.next_hello(at(10s)), at(10s).mono);
  EXPECT_TRUE(first.proven());
}

TEST(Presence, an_agent_that_was_cut_off_learns_of_its_proven_twin) {
  Mesh mesh;
  AgentPresence first("a", 15s);
  for (const auto when : {1s, 2s, 3s}) (void)mesh.round_trip(first, when);
  AgentPresence second("b", 15s);
  wire::Welcome proof;
  for (const auto when : {10s, 11s, 12s}) {
    proof = mesh.site.on_hello(second.hello(at(when), mesh.entropy), at(when), mesh.entropy);
    (void)second.on_welcome(proof, at(when));
  }
  ASSERT_TRUE(proof.proven());
  EXPECT_EQ(first.on_welcome(proof, at(13s)), Welcomed::twin);
  EXPECT_FALSE(first.proven());
}

TEST(Presence, an_old_proof_of_an_earlier_life_is_no_twin) {
  Mesh mesh;
  AgentPresence first("a", 15s);
  wire::Welcome proof;
  for (const auto when : {1s, 2s, 3s}) {
    proof = mesh.site.on_hello(first.hello(at(when), mesh.entropy), at(when), mesh.entropy);
    (void)first.on_welcome(proof, at(when));
  }
  AgentPresence second("b", 15s);
  EXPECT_EQ(second.on_welcome(proof, at(4s)), Welcomed::ignored);
  (void)mesh.round_trip(second, 5s);
  EXPECT_EQ(second.on_welcome(proof, at(6s)), Welcomed::ignored);
}

TEST(Presence, a_welcome_counts_only_with_one_of_the_last_nonces) {
  Mesh mesh;
  AgentPresence agent("a", 15s);
  const wire::Hello hello = agent.hello(at(1s), mesh.entropy);
  const wire::Welcome welcome = mesh.site.on_hello(hello, at(1s), mesh.entropy);
  wire::Welcome forged = welcome;
  forged.set_nonce("something else..");
  forged.set_proven(true);
  EXPECT_EQ(agent.on_welcome(forged, at(1s)), Welcomed::ignored);
  EXPECT_EQ(agent.on_welcome(welcome, at(1s)), Welcomed::ok);
  EXPECT_EQ(agent.on_welcome(welcome, at(1s)), Welcomed::ignored);  // once
  const wire::Hello lost = agent.hello(at(2s), mesh.entropy);
  agent.on_bus_down();
  EXPECT_EQ(agent.on_welcome(mesh.site.on_hello(lost, at(2s), mesh.entropy), at(3s)), Welcomed::ignored);
}

TEST(Presence, a_restarted_controller_asks_for_a_fresh_echo) {
  Mesh mesh;
  AgentPresence agent("a", 15s);
  for (const auto when : {1s, 2s, 3s}) (void)mesh.round_trip(agent, when);
  mesh.site = SitePresence("a", {}, 2s, 60s);
  EXPECT_EQ(mesh.round_trip(agent, 20s), Welcomed::ok);
  EXPECT_TRUE(agent.proven());  // what was proven stays proven
  EXPECT_TRUE(mesh.site.silent(at(20s)));
  EXPECT_EQ(mesh.round_trip(agent, 21s), Welcomed::ok);
  EXPECT_EQ(mesh.round_trip(agent, 22s), Welcomed::proven);
}

TEST(Presence, a_life_that_was_succeeded_is_a_twin_even_after_a_restart_of_the_controller) {
  Mesh mesh;
  AgentPresence first("a", 15s);
  AgentPresence second("b", 15s);
  for (const auto when : {1s, 2s, 3s}) (void)mesh.round_trip(first, when);
  for (const auto when : {20s, 21s, 24s}) (void)mesh.round_trip(second, when);
  EXPECT_EQ(mesh.site.current(), "b");
  mesh.site = SitePresence("b", mesh.site.past(), 2s, 60s);
  EXPECT_EQ(mesh.round_trip(first, 30s), Welcomed::ok);  // an echo of a challenge that nobody remembers
  EXPECT_FALSE(mesh.site.quarantined());
  EXPECT_EQ(mesh.round_trip(first, 31s), Welcomed::quarantined);
  mesh.site.clear_quarantine();
  for (const auto when : {40s, 41s, 44s}) (void)mesh.round_trip(first, when);
  EXPECT_EQ(mesh.site.current(), "a") << "a person may keep the older one";
}

TEST(Presence, a_challenge_is_echoed_even_when_nothing_else_is_believed) {
  Mesh mesh;
  AgentPresence agent("a", 15s);
  const wire::Welcome welcome = mesh.site.on_hello(agent.hello(at(1s), mesh.entropy), at(1s), mesh.entropy);
  wire::Welcome of_another = welcome;
  of_another.set_incarnation("b");
  EXPECT_FALSE(agent.on_challenge(of_another, at(1s)));
  EXPECT_TRUE(agent.on_challenge(welcome, at(1s)));
  EXPECT_FALSE(agent.corrected(at(1s)).has_value());
  EXPECT_FALSE(agent.proven());
  EXPECT_EQ(agent.next_hello(at(1s)), at(1500ms).mono);
  EXPECT_EQ(agent.hello(at(2s), mesh.entropy).echo(), welcome.challenge());
}

TEST(Presence, a_flood_of_replayed_incarnations_is_bounded_and_harmless) {
  Mesh mesh;
  AgentPresence agent("a", 15s);
  for (const auto when : {1s, 2s, 3s}) (void)mesh.round_trip(agent, when);
  for (int i = 0; i < 1000; ++i) {
    wire::Hello old;
    old.set_incarnation("old-" + std::to_string(i));
    old.set_echo("challenge of last year");
    EXPECT_FALSE(mesh.site.on_hello(old, at(4s), mesh.entropy).proven());
  }
  EXPECT_FALSE(mesh.site.quarantined());
  EXPECT_EQ(mesh.site.current(), "a");
  EXPECT_EQ(mesh.round_trip(agent, 7s), Welcomed::proven);
}

TEST(Presence, learns_the_time_within_the_round_trip) {
  Mesh mesh;
  AgentPresence agent("a", 15s);
  EXPECT_FALSE(agent.corrected(at(1s)).has_value());
  const wire::Hello hello = agent.hello(at(1s), mesh.entropy);
  Now controller = at(1s);  // an hour ahead of the agent's clock
  controller.wall_low += 1h;
  controller.wall_high += 1h;
  (void)agent.on_welcome(mesh.site.on_hello(hello, controller, mesh.entropy), at(3s));
  const auto fixed = agent.corrected(at(3s));
  ASSERT_TRUE(fixed.has_value());
  EXPECT_EQ(fixed->wall_low, controller.wall_low);
  EXPECT_EQ(fixed->wall_high, controller.wall_low + 2s);
  const auto later = agent.corrected(at(1003s));
  EXPECT_EQ(later->wall_low, controller.wall_low + 1000s - 500ms);
  EXPECT_EQ(later->wall_high, controller.wall_low + 1002s + 500ms);
}

TEST(Presence, what_was_ordered_by_a_leap_that_was_never_believed_here_is_set_back_with_it) {
  Mesh mesh;
  AgentPresence agent("a", 15s);
  const auto hear = [&](Duration when, Duration steps) {
    wire::Welcome welcome = mesh.site.on_hello(agent.hello(at(when), mesh.entropy), at(when), mesh.entropy);
    *welcome.mutable_clock_steps() = to_wire(steps);
    (void)agent.on_welcome(welcome, at(when));
    return agent.take_clock_news().stepped;
  };
  EXPECT_EQ(hear(1s, 0s), 0s);
  EXPECT_EQ(hear(20s, -24h), -24h) << "the time is what it always was, and yet the controller went back";
  EXPECT_EQ(hear(40s, -24h), 0s);
  EXPECT_EQ(hear(60s, 0s), 0s) << "an account that was put back gives nobody more time";
}

TEST(WallStamp, survives_both_ways_and_clamps_nonsense) {
  for (const std::int64_t nanos :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'700'000'000'123'456'789}}) {
    const WallTime time{Duration(nanos)};
    EXPECT_EQ(from_wire(to_wire(time)), time);
  }
  google::protobuf::Timestamp wild;
  wild.set_seconds(INT64_MAX);
  wild.set_nanos(-5);
  EXPECT_GT(from_wire(wild), WallTime{});
}

}  // namespace
}  // namespace metalmesh::delivery
