#include "common/turn/wake_watch.h"

#include <gtest/gtest.h>

namespace metalmesh {
namespace {

using namespace std::chrono_literals;

TEST(WakeWatch, a_life_begins_awake_and_stays_so_while_turns_come) {
  WakeWatch watch;
  EXPECT_FALSE(watch.wake(MonoTime(1h)));
  for (Duration at = 1h; at < 2h; at += 14s) EXPECT_FALSE(watch.wake(MonoTime(at)));
  EXPECT_EQ(watch.awake_since(), MonoTime(1h));
}

TEST(WakeWatch, a_late_turn_tells_how_long_the_node_was_away) {
  WakeWatch watch;
  watch.wake(MonoTime(1h));
  EXPECT_EQ(watch.wake(MonoTime(3h)), Duration(2h));
  EXPECT_EQ(watch.awake_since(), MonoTime(3h));
  EXPECT_FALSE(watch.wake(MonoTime(3h + 5s)));
  EXPECT_EQ(watch.awake_since(), MonoTime(3h));
}

}  // namespace
}  // namespace metalmesh
