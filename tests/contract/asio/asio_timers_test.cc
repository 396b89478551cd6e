#include "common/adapters/asio_timers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <set>
#include <string>
#include <thread>

#include "common/os/clocks.h"
#include "tests/contract/support/collecting_sink.h"

namespace metalmesh::adapters {
namespace {

using contract::CollectingSink;
using namespace std::chrono_literals;

class AsioTimersTest : public testing::Test {
 protected:
  AsioRuntime runtime_;
  CollectingSink sink_;
  AsioTimers timers_{runtime_, sink_};
};

TEST_F(AsioTimersTest, fires_at_its_time_and_not_before) {
  const MonoTime at = os::boot_time() + 80ms;
  timers_.arm({"a", at});
  ASSERT_TRUE(sink_.next<TimerFired>());
  EXPECT_GE(os::boot_time(), at);
  EXPECT_LT(os::boot_time(), at + 5s);
}

TEST_F(AsioTimersTest, fires_at_once_when_the_time_has_passed) {
  timers_.arm({"past", os::boot_time() - 1h});
  timers_.arm({"origin", MonoTime{}});
  EXPECT_TRUE(sink_.next<TimerFired>());
  EXPECT_TRUE(sink_.next<TimerFired>());
}

TEST_F(AsioTimersTest, arming_again_replaces) {
  timers_.arm({"a", os::boot_time() + 50ms});
  timers_.arm({"a", os::boot_time() + 400ms});
  const auto fired = sink_.next<TimerFired>([](const auto&) { return true; }, 200ms);
  EXPECT_FALSE(fired) << "the first deadline was to be forgotten";
  EXPECT_TRUE(sink_.next<TimerFired>());
  EXPECT_FALSE(sink_.next<TimerFired>([](const auto&) { return true; }, 100ms)) << "it fires once";
  timers_.arm({"b", os::boot_time() + 1h});
  timers_.arm({"b", os::boot_time() + 20ms});
  EXPECT_TRUE(sink_.next<TimerFired>()) << "earlier is allowed too";
}

TEST_F(AsioTimersTest, disarmed_stays_silent) {
  timers_.arm({"a", os::boot_time() + 50ms});
  timers_.arm({"b", os::boot_time() + 100ms});
  timers_.disarm({"a"});
  timers_.disarm({"never armed"});
  const auto fired = sink_.next<TimerFired>();
  ASSERT_TRUE(fired);
  EXPECT_EQ(fired->token, "b");
  EXPECT_EQ(sink_.count<TimerFired>(), 0U);
}

TEST_F(AsioTimersTest, fires_in_the_order_of_deadlines) {
  const MonoTime base = os::boot_time() + 60ms;
  for (int i = 99; i >= 0; --i) timers_.arm({std::to_string(i), base + i * 1ms});
  for (int i = 0; i < 100; ++i) {
    const auto fired = sink_.next<TimerFired>();
    ASSERT_TRUE(fired);
    EXPECT_EQ(fired->token, std::to_string(i));
  }
}

TEST(AsioTimers, long_ones_may_be_late_by_a_sixteenth_and_by_256_ms_at_most) {
  const MonoTime now(123'456'789ns);
  for (const Duration delay : std::initializer_list<Duration>{-5s, 0ns, 1ns, 15ms, 100ms, 5s, 30s, 24h}) {
    for (const Duration odd : std::initializer_list<Duration>{0ns, 1ns, 7ms, 255ms}) {
      const Duration late = alarm_of(now + delay + odd, now) - (now + delay + odd);
      EXPECT_GE(late, 0ns) << delay << odd;
      EXPECT_LE(late, 256ms) << delay << odd;
      EXPECT_LE(late, std::max<Duration>(0ns, (delay + odd) / 16)) << delay << odd;
    }
  }
}

TEST(AsioTimers, never_is_never) { EXPECT_EQ(alarm_of(MonoTime::max(), MonoTime(1h)), MonoTime::max()); }

TEST(AsioTimers, polls_that_are_due_about_together_wake_the_process_once) {
  const MonoTime now(123'456'789ns);
  std::set<MonoTime> alarms;
  for (int i = 0; i < 200; ++i) alarms.insert(alarm_of(now + 5s + i * 1ms, now + i * 1ms));
  EXPECT_LE(alarms.size(), 2U);
}

TEST(AsioTimers, is_silent_after_its_end) {
  AsioRuntime runtime;
  for (int round = 0; round < 50; ++round) {
    CollectingSink sink;
    {
      AsioTimers timers(runtime, sink);
      for (int i = 0; i < 20; ++i) timers.arm({std::to_string(i), os::boot_time() + i * 100us});
      std::this_thread::sleep_for(round * 50us);
    }
    const std::size_t fired = sink.count<TimerFired>();
    std::this_thread::sleep_for(3ms);
    EXPECT_EQ(sink.count<TimerFired>(), fired);
  }
}

}  // namespace
}  // namespace metalmesh::adapters
