#include "common/turn/input_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace metalmesh {
namespace {

using namespace std::chrono_literals;

Input message(std::size_t bytes) { return MessageArrived{"", std::string(bytes, 'x')}; }

TEST(InputQueue, hands_out_the_oldest_first_up_to_a_bound) {
  InputQueue queue;
  for (const char* token : {"a", "b", "c"}) queue.deliver(TimerFired{token});
  auto taken = queue.take(2, 0s, {});
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(std::get<TimerFired>(taken[0]).token, "a");
  taken = queue.take(2, 0s, {});
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(std::get<TimerFired>(taken[0]).token, "c");
  EXPECT_TRUE(queue.take(2, 0s, {}).empty());
}

TEST(InputQueue, drops_messages_when_full_but_never_an_answer) {
  InputQueue queue(QueueLimits{.inputs = 2, .bytes = 1000});
  for (int i = 0; i < 5; ++i) queue.deliver(message(1));
  queue.deliver(TimerFired{"must arrive"});
  EXPECT_EQ(queue.dropped(), 3U);
  EXPECT_EQ(queue.take(10, 0s, {}).size(), 3U);
  queue.deliver(message(1));
  EXPECT_EQ(queue.take(10, 0s, {}).size(), 1U);
}

TEST(InputQueue, bounds_the_bytes_of_messages) {
  InputQueue queue(QueueLimits{.inputs = 100, .bytes = 1000});
  for (int i = 0; i < 5; ++i) queue.deliver(message(600));
  EXPECT_EQ(queue.dropped(), 3U);
  EXPECT_EQ(queue.take(10, 0s, {}).size(), 2U);
  queue.deliver(message(600));
  EXPECT_EQ(queue.dropped(), 3U);
}

TEST(InputQueue, wakes_up_for_an_input_and_for_stop) {
  InputQueue queue;
  std::jthread later([&] { queue.deliver(BusUp{}); });
  EXPECT_EQ(queue.take(1, 1min, {}).size(), 1U);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_TRUE(queue.take(1, 1min, stop.get_token()).empty());
}

TEST(InputQueue, loses_nothing_between_threads) {
  InputQueue queue;
  constexpr int per_thread = 500;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < per_thread; ++i) queue.deliver(TimerFired{"t"});
    });
  }
  std::size_t taken = 0;
  while (taken < 3 * per_thread) {
    const auto inputs = queue.take(64, 10s, {});
    ASSERT_FALSE(inputs.empty());
    taken += inputs.size();
  }
  EXPECT_EQ(queue.dropped(), 0U);
}

TEST(InputQueue, gathers_until_there_are_enough) {
  InputQueue queue;
  std::jthread sender([&] {
    for (int i = 0; i < 3; ++i) queue.deliver(Committed{});
  });
  queue.gather(3, 1min, {});
  EXPECT_EQ(queue.take(10, 0s, {}).size(), 3U);
  queue.deliver(Committed{});
  queue.gather(2, 1ms, {});  // time is over
  EXPECT_EQ(queue.take(10, 0s, {}).size(), 1U);
  std::stop_source stop;
  stop.request_stop();
  queue.gather(1, 1min, stop.get_token());
}

}  // namespace
}  // namespace metalmesh
