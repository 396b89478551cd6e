// What every implementation of ports/timers promises.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/ports/timers.h"

namespace metalmesh::contract {

class TimersWorld {
 public:
  struct Fired {
    std::string token;
    MonoTime at;  // by the clock that deadlines are given in
  };
  virtual ~TimersWorld() = default;
  [[nodiscard]] virtual MonoTime now() const = 0;
  virtual void arm(TimerArm timer) = 0;
  virtual void disarm(TimerDisarm timer) = 0;
  [[nodiscard]] virtual std::vector<Fired> fired() const = 0;
  /// Lets so much time go by.
  virtual void pass(Duration time) = 0;
  /// What is done at once when `token` fires.
  using Order = std::variant<TimerArm, TimerDisarm>;
  virtual void when(const std::string& token, Order order) = 0;
  /// The process ends, and comes back.
  virtual void restart() = 0;
};

struct TimersWorldKind {
  std::string name;
  std::function<std::unique_ptr<TimersWorld>()> make;
};
inline void PrintTo(const TimersWorldKind& kind, std::ostream* out) { *out << kind.name; }

class TimersContract : public testing::TestWithParam<TimersWorldKind> {
 protected:
  void SetUp() override { world_ = GetParam().make(); }
  [[nodiscard]] std::vector<std::string> tokens() const {
    std::vector<std::string> names;
    for (const auto& one : world_->fired()) names.push_back(one.token);
    return names;
  }
  std::unique_ptr<TimersWorld> world_;
};

using namespace std::chrono_literals;
using Tokens = std::vector<std::string>;

TEST_P(TimersContract, fires_once_at_its_time_and_not_before) {
  const MonoTime at = world_->now() + 150ms;
  world_->arm({"a", at});
  world_->pass(50ms);
  EXPECT_EQ(tokens(), Tokens());
  world_->pass(2s);
  ASSERT_EQ(tokens(), Tokens{"a"});
  EXPECT_GE(world_->fired()[0].at, at);
}

TEST_P(TimersContract, fires_soon_when_the_time_has_passed) {
  world_->arm({"past", world_->now() - 1h});
  world_->arm({"origin", MonoTime{}});
  world_->pass(1s);
  EXPECT_EQ(world_->fired().size(), 2U);
}

TEST_P(TimersContract, arming_again_replaces_to_later_and_to_earlier) {
  world_->arm({"a", world_->now() + 100ms});
  world_->arm({"a", world_->now() + 900ms});
  world_->pass(500ms);
  EXPECT_EQ(tokens(), Tokens()) << "the first deadline was to be forgotten";
  world_->pass(1500ms);
  EXPECT_EQ(tokens(), Tokens{"a"});
  world_->arm({"b", world_->now() + 1h});
  world_->arm({"b", world_->now() + 50ms});
  world_->pass(1s);
  EXPECT_EQ(tokens(), (Tokens{"a", "b"}));
}

TEST_P(TimersContract, disarmed_stays_silent_and_can_be_armed_again) {
  world_->arm({"a", world_->now() + 100ms});
  world_->arm({"b", world_->now() + 200ms});
  world_->disarm({"a"});
  world_->disarm({"never armed"});
  world_->pass(1s);
  EXPECT_EQ(tokens(), Tokens{"b"});
  world_->arm({"a", world_->now() + 50ms});
  world_->pass(1s);
  EXPECT_EQ(tokens(), (Tokens{"b", "a"}));
}

TEST_P(TimersContract, fires_in_the_order_of_deadlines) {
  const MonoTime base = world_->now() + 200ms;
  Tokens wanted;
  for (int i = 0; i < 20; ++i) wanted.push_back("t" + std::to_string(i));
  for (int i = 19; i >= 0; --i) world_->arm({wanted[static_cast<std::size_t>(i)], base + i * 20ms});
  world_->pass(3s);
  EXPECT_EQ(tokens(), wanted);
}

/// In whatever order.
TEST_P(TimersContract, those_of_one_instant_all_fire_and_each_once) {
  const MonoTime at = world_->now() + 200ms;
  const Tokens all = {"b", "a", "d", "c", "e"};
  for (const std::string& token : all) world_->arm({token, at});
  world_->pass(2s);
  EXPECT_THAT(tokens(), testing::UnorderedElementsAreArray(all));
}

TEST_P(TimersContract, one_that_fires_takes_another_back) {
  const MonoTime base = world_->now();
  world_->when("first", TimerDisarm{"second"});
  world_->arm({"first", base + 100ms});
  world_->arm({"second", base + 800ms});
  world_->arm({"third", base + 900ms});
  world_->pass(2500ms);
  EXPECT_EQ(tokens(), (Tokens{"first", "third"}));
}

TEST_P(TimersContract, one_that_fires_arms_itself_again) {
  const MonoTime base = world_->now();
  world_->when("tick", TimerArm{"tick", base + 700ms});
  world_->arm({"tick", base + 100ms});
  world_->pass(500ms);
  EXPECT_EQ(tokens(), Tokens{"tick"});
  world_->when("tick", TimerDisarm{"tick"});
  world_->pass(2s);
  EXPECT_EQ(tokens(), (Tokens{"tick", "tick"}));
}

TEST_P(TimersContract, what_an_earlier_life_armed_stays_silent) {
  world_->arm({"earlier", world_->now() + 400ms});
  world_->restart();
  world_->arm({"later", world_->now() + 100ms});
  world_->pass(1500ms);
  EXPECT_EQ(tokens(), Tokens{"later"});
}

}  // namespace metalmesh::contract
