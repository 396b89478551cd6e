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
  auto taken = queue.take(2, 0s, {}).others;
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(std::get<TimerFired>(taken[0]).token, "a");
  taken = queue.take(2, 0s, {}).others;
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(std::get<TimerFired>(taken[0]).token, "c");
  EXPECT_TRUE(queue.take(2, 0s, {}).others.empty());
}

TEST(InputQueue, drops_messages_when_full_but_never_an_answer) {
  InputQueue queue(QueueLimits{.inputs = 2, .bytes = 1000});
  for (int i = 0; i < 5; ++i) queue.deliver(message(1));
  queue.deliver(TimerFired{"must arrive"});
  EXPECT_EQ(queue.dropped(), 3U);
  EXPECT_EQ(queue.take(10, 0s, {}).others.size(), 3U);
  queue.deliver(message(1));
  EXPECT_EQ(queue.take(10, 0s, {}).others.size(), 1U);
}

TEST(InputQueue, bounds_the_bytes_of_messages) {
  InputQueue queue(QueueLimits{.inputs = 100, .bytes = 1000});
  for (int i = 0; i < 5; ++i) queue.deliver(message(600));
  EXPECT_EQ(queue.dropped(), 3U);
  EXPECT_EQ(queue.take(10, 0s, {}).others.size(), 2U);
  queue.deliver(message(600));
  EXPECT_EQ(queue.dropped(), 3U);
}

TEST(InputQueue, wakes_up_for_an_input_and_for_stop) {
  InputQueue queue;
  std::jthread later([&] { queue.deliver(BusUp{}); });
  EXPECT_EQ(queue.take(1, 1min, {}).others.size(), 1U);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_TRUE(queue.take(1, 1min, stop.get_token()).others.empty());
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
    const auto inputs = queue.take(64, 10s, {}).others;
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
  EXPECT_TRUE(queue.gather(3, 1min, {}).empty());
  EXPECT_EQ(queue.take(10, 0s, {}).others.size(), 3U);
  queue.deliver(Committed{});
  EXPECT_TRUE(queue.gather(2, 1ms, {}).empty());  // time is over
  EXPECT_EQ(queue.take(10, 0s, {}).others.size(), 1U);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(queue.gather(1, 1min, stop.get_token()).empty());
}

bool asks(const Input& input) { return std::holds_alternative<ExchangeOpened>(input); }

Input question(ExchangeId id) {
  ExchangeOpened opened;
  opened.id = id;
  return opened;
}

std::vector<ExchangeId> ids(const std::vector<Input>& questions) {
  std::vector<ExchangeId> out;
  for (const Input& input : questions) out.push_back(std::get<ExchangeOpened>(input).id);
  return out;
}

TEST(InputQueue, a_read_overtakes_what_came_before_it) {
  InputQueue queue({}, &asks);
  for (const char* token : {"a", "b", "c"}) queue.deliver(TimerFired{token});
  queue.deliver(question(1));
  queue.deliver(question(2));
  const InputQueue::Taken taken = queue.take(2, 0s, {});
  EXPECT_EQ(ids(taken.reads), (std::vector<ExchangeId>{1, 2}));
  ASSERT_EQ(taken.others.size(), 2U);
  EXPECT_EQ(std::get<TimerFired>(taken.others[1]).token, "b");
}

TEST(InputQueue, a_read_ends_gathering_and_leaves_the_others_to_gather) {
  InputQueue queue({}, &asks);
  queue.deliver(TimerFired{"a"});
  std::jthread sender([&] { queue.deliver(question(1)); });
  EXPECT_EQ(ids(queue.gather(2, 1min, {})), (std::vector<ExchangeId>{1}));
  EXPECT_EQ(queue.take(10, 0s, {}).others.size(), 1U);
}

TEST(InputQueue, a_read_wakes_who_has_nothing_to_do) {
  InputQueue queue({}, &asks);
  std::jthread sender([&] { queue.deliver(question(1)); });
  EXPECT_EQ(queue.take(10, 1min, {}).reads.size(), 1U);
}

}  // namespace
}  // namespace metalmesh
