// Calls of installed systems, which wait until the agent has taken them.
#include <gmock/gmock.h>

#include "tests/unit/media/media_core_bench.h"

namespace metalmesh::media {
namespace {

using test::guarded_range;
using test::plain_range;
using test::size;

class MediaCallbacksTest : public test::MediaCoreTest {};

TEST_F(MediaCallbacksTest, CallbackCountsOnlyAfterTheLaunch) {
  for (const wire::MountState state : {wire::CLOSED, wire::OPEN}) {
    core_ = MediaCore();
    order(state);
    EXPECT_EQ(status(call()), 409) << wire::MountState_Name(state);
  }
  for (const wire::MountState state : {wire::LAUNCHED, wire::DEAD}) {
    core_ = MediaCore();
    order(state);
    const auto asked = call();
    EXPECT_TRUE(responses(asked).empty()) << "the caller waits until its call is safe";
    ASSERT_EQ(told(asked).size(), 1U);
    EXPECT_EQ(told(asked)[0].callback().token(), "tok");
    EXPECT_EQ(told(asked)[0].callback().body(), "up");
    EXPECT_TRUE(told(call("POST", "up", 51)).empty()) << "told once";
    const auto answers = responses(taken());
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].status, 204);
    EXPECT_EQ(answers[1].status, 204);
    const auto later = call();
    EXPECT_EQ(status(later), 204);
    EXPECT_TRUE(told(later).empty());
  }
  EXPECT_EQ(status(call("GET")), 405);
  EXPECT_EQ(status(call("POST", std::string(5000, 'x'))), 413);
}

TEST_F(MediaCallbacksTest, ACallThatNobodyTookIsToComeAgain) {
  order(wire::DEAD);
  all_mounts({"tok"});
  call();
  EXPECT_EQ(status(agent_gone()), 503) << "it may have died before it wrote the call down";
  EXPECT_EQ(status(call()), 503);
  order(wire::DEAD);
  all_mounts({"tok"});
  EXPECT_EQ(told(call()).size(), 1U) << "the next one hears of it";
  EXPECT_EQ(status(order(wire::DEAD)), 503) << "a mount that was sent again may be another agent's";
  EXPECT_EQ(told(call()).size(), 1U);
  EXPECT_TRUE(responses(core_.on_tick(at(9))).empty());
  EXPECT_EQ(status(core_.on_tick(at(11))), 503);
  EXPECT_TRUE(responses(taken()).empty()) << "too late: nobody waits";
  EXPECT_EQ(told(call()).size(), 1U);
  core_.on_closed(50);
  EXPECT_TRUE(responses(taken()).empty());
  EXPECT_EQ(status(call()), 204);
}

}  // namespace
}  // namespace metalmesh::media
