// What every implementation of ports/prober promises.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/ports/prober.h"

namespace metalmesh::contract {

class ProberWorld {
 public:
  enum class Peer {
    greets,  // with "SSH-2.0-Test", and a line break
    waits,   // takes connections and says nothing
    refuses,
    silent,  // not even a refusal comes back
  };
  struct Answered {
    ProbeAnswered answer;
    MonoTime at;
  };
  virtual ~ProberWorld() = default;
  [[nodiscard]] virtual MonoTime now() const = 0;
  /// A probe of `peer`; everything else is for the test to set.
  virtual ProbeStart probe_of(Peer peer) = 0;
  virtual void probe(ProbeStart probe) = 0;
  virtual std::vector<Answered> answers() = 0;
  /// Lets time pass until `done` holds; false when it does not within a reasonable time.
  virtual bool wait(const std::function<bool()>& done) = 0;
  virtual void pass(Duration time) = 0;
  /// The process ends, and comes back.
  virtual void restart() = 0;
};

struct ProberWorldKind {
  std::string name;
  std::function<std::unique_ptr<ProberWorld>()> make;
};
inline void PrintTo(const ProberWorldKind& kind, std::ostream* out) { *out << kind.name; }

class ProberContract : public testing::TestWithParam<ProberWorldKind> {
 protected:
  using Peer = ProberWorld::Peer;
  void SetUp() override { world_ = GetParam().make(); }
  ProbeStart probe_of(Peer peer, bool want_banner, Duration timeout) {
    ProbeStart probe = world_->probe_of(peer);
    probe.id = "p" + std::to_string(++last_id_);
    probe.want_banner = want_banner;
    probe.timeout = timeout;
    return probe;
  }
  ProberWorld::Answered ask(Peer peer, bool want_banner, Duration timeout) {
    const std::size_t before = world_->answers().size();
    const ProbeStart probe = probe_of(peer, want_banner, timeout);
    world_->probe(probe);
    EXPECT_TRUE(world_->wait([&] { return world_->answers().size() > before; }));
    const auto answers = world_->answers();
    if (answers.size() <= before) return {};
    EXPECT_EQ(answers.back().answer.id, probe.id);
    return answers.back();
  }

  std::unique_ptr<ProberWorld> world_;
  int last_id_ = 0;
};

using namespace std::chrono_literals;

TEST_P(ProberContract, open_is_open_whether_it_speaks_or_not) {
  EXPECT_TRUE(ask(Peer::waits, false, 10s).answer.open);
  EXPECT_TRUE(ask(Peer::greets, false, 10s).answer.open);
}

TEST_P(ProberContract, a_banner_is_its_first_line) {
  const auto greeted = ask(Peer::greets, true, 10s).answer;
  EXPECT_TRUE(greeted.open);
  EXPECT_EQ(greeted.detail, "SSH-2.0-Test");
}

TEST_P(ProberContract, who_refuses_is_told_at_once_and_why) {
  const MonoTime asked = world_->now();
  const auto refused = ask(Peer::refuses, false, 20s);
  EXPECT_FALSE(refused.answer.open);
  EXPECT_THAT(refused.answer.detail, testing::HasSubstr("refused"));
  EXPECT_LT(refused.at - asked, 15s);
}

TEST_P(ProberContract, who_is_silent_is_told_when_the_time_is_over_and_not_before) {
  for (const auto& [peer, banner, words] :
       {std::tuple(Peer::silent, false, "no answer"), std::tuple(Peer::waits, true, "no banner")}) {
    const MonoTime asked = world_->now();
    const auto late = ask(peer, banner, 500ms);
    EXPECT_FALSE(late.answer.open);
    EXPECT_THAT(late.answer.detail, testing::HasSubstr(words));
    EXPECT_GE(late.at - asked, 490ms);
    EXPECT_LT(late.at - asked, 10s);
  }
}

TEST_P(ProberContract, each_is_answered_once_and_none_holds_up_another) {
  std::vector<ProbeStart> all = {probe_of(Peer::silent, false, 1500ms), probe_of(Peer::waits, true, 1500ms),
                                 probe_of(Peer::waits, false, 10s), probe_of(Peer::refuses, false, 10s),
                                 probe_of(Peer::greets, true, 10s)};
  for (const ProbeStart& probe : all) world_->probe(probe);
  ASSERT_TRUE(world_->wait([&] { return world_->answers().size() >= all.size(); }));
  world_->pass(300ms);
  std::vector<std::string> ids;
  for (const auto& one : world_->answers()) ids.push_back(one.answer.id);
  EXPECT_THAT(ids, testing::UnorderedElementsAre("p1", "p2", "p3", "p4", "p5"));
  EXPECT_THAT(std::vector(ids.end() - 2, ids.end()), testing::UnorderedElementsAre("p1", "p2"));
}

TEST_P(ProberContract, what_an_earlier_life_asked_is_answered_to_nobody) {
  world_->probe(probe_of(Peer::silent, false, 500ms));
  world_->restart();
  EXPECT_TRUE(ask(Peer::waits, false, 10s).answer.open);
  world_->pass(1s);
  EXPECT_EQ(world_->answers().size(), 1U);
}

}  // namespace metalmesh::contract
