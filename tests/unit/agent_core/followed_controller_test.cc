// Which of several controllers with one identity an agent obeys.
#include "agents/core/followed_controller.h"

#include <gtest/gtest.h>

namespace metalmesh::agent {
namespace {

using Verdict = FollowedController::Verdict;
using std::chrono::minutes;
using std::chrono::seconds;

struct Following : ::testing::Test {
  static wire::Welcome of(const std::string& instance, const std::vector<std::string>& before = {},
                          std::uint64_t epoch = 1) {
    wire::Welcome welcome;
    welcome.set_instance(instance);
    welcome.set_controller_epoch(epoch);
    for (const std::string& one : before) welcome.add_predecessors(one);
    return welcome;
  }
  Verdict hear(const wire::Welcome& welcome) {
    const Verdict verdict = controller.judge(welcome, state, now);
    if (verdict != Verdict::refused)
      state.set_controller_epoch(std::max(state.controller_epoch(), welcome.controller_epoch()));
    return verdict;
  }
  void pass(Duration time) { now.mono += time; }
  wire::Hello hello() {
    wire::Hello said;
    controller.fill(said, state, now);
    return said;
  }

  FollowedController controller{minutes(2)};
  record::LinkState state;
  Now now{MonoTime(std::chrono::hours(1)), WallTime(), WallTime()};
};

TEST_F(Following, ARestartIsFollowedAtOnce) {
  EXPECT_EQ(hear(of("a")), Verdict::followed);
  EXPECT_EQ(hear(of("a")), Verdict::obey);
  EXPECT_EQ(hear(of("c", {"a", "b"})), Verdict::followed);
  EXPECT_EQ(state.controller_instance(), "c");
  EXPECT_TRUE(hello().other_instance().empty());
}

TEST_F(Following, ACopyThatCameAfterIsFollowedAndTheOriginalIsToldApart) {
  hear(of("a"));
  EXPECT_EQ(hear(of("copy", {"a"})), Verdict::followed) << "it looks like a restart";
  pass(seconds(5));
  EXPECT_EQ(hear(of("a")), Verdict::refused) << "and it was none";
  EXPECT_EQ(hello().controller_instance(), "copy");
  EXPECT_TRUE(hello().controller_lives());
  EXPECT_EQ(hello().other_instance(), "a");
  EXPECT_FALSE(FollowedController::is_followed("a", state));
  EXPECT_TRUE(FollowedController::is_followed("copy", state));
  EXPECT_EQ(hear(of("a2", {"a"})), Verdict::refused) << "a restart of the one that is refused";
  EXPECT_EQ(hello().other_instance(), "a2");
}

TEST_F(Following, AnotherOneIsRefusedWhileTheFollowedOneWasHeard) {
  hear(of("a", {"x"}));
  pass(seconds(119));
  EXPECT_EQ(hear(of("b", {"x"})), Verdict::refused);
  hear(of("a", {"x"}));
  pass(seconds(119));
  EXPECT_EQ(hear(of("b", {"x"})), Verdict::refused);
  pass(seconds(1));
  EXPECT_FALSE(hello().controller_lives());
  EXPECT_EQ(hear(of("b", {"x"})), Verdict::followed);
  EXPECT_TRUE(hello().other_instance().empty());
}

TEST_F(Following, ARestartOfTheAgentGivesTheFollowedOneItsTime) {
  hear(of("a"));
  pass(std::chrono::hours(9));
  FollowedController again(minutes(2));
  again.on_started(state, now);
  pass(minutes(1));
  EXPECT_EQ(again.judge(of("b"), state, now), Verdict::refused);
  pass(minutes(1));
  EXPECT_EQ(again.judge(of("b"), state, now), Verdict::followed);
}

TEST_F(Following, TimeInWhichWeDidNotListenIsNobodysSilence) {
  hear(of("a"));
  pass(minutes(30));
  now.awake_since = now.mono - seconds(3);
  EXPECT_EQ(hear(of("b")), Verdict::refused);
}

TEST_F(Following, AHigherEpochIsAPersonsWord) {
  hear(of("a"));
  EXPECT_EQ(hear(of("b", {}, 2)), Verdict::followed);
  EXPECT_EQ(hear(of("a", {}, 3)), Verdict::followed) << "and so is the next one";
}

TEST_F(Following, WhoWasRefusedIsForgottenWhenItIsGone) {
  hear(of("a"));
  hear(of("b"));
  EXPECT_EQ(hello().other_instance(), "b");
  for (int i = 0; i < 3; ++i) {
    pass(minutes(1));
    hear(of("a"));
  }
  EXPECT_TRUE(hello().other_instance().empty());
}

TEST_F(Following, PastOnesAreBounded) {
  hear(of("c0"));
  for (int i = 1; i < 40; ++i) hear(of("c" + std::to_string(i), {"c" + std::to_string(i - 1)}));
  EXPECT_EQ(state.past_controllers_size(), 16);
}

}  // namespace
}  // namespace metalmesh::agent
