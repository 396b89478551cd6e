// The thin ports onto the machine itself: clocks, entropy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/adapters/os_entropy.h"
#include "common/adapters/system_clock.h"

namespace metalmesh::adapters {
namespace {

using namespace std::chrono_literals;

TEST(SystemClock, gives_an_interval_around_the_time_of_day) {
  SystemClock clock;
  const Duration before = std::chrono::system_clock::now().time_since_epoch();
  const Now now = clock.now();
  const Duration after = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_LE(now.wall_low.time_since_epoch(), before - 1s + 10ms);
  EXPECT_GE(now.wall_high.time_since_epoch(), after + 1s - 10ms);
  EXPECT_LE(now.wall_high - now.wall_low, 60s);
  EXPECT_GE(now.wall().time_since_epoch(), before - 10ms);
}

TEST(SystemClock, takes_a_trusted_error_at_its_word) {
  SystemClock clock({.synchronised_error = 1s, .unsynchronised_error = 30s, .trusted_error = 5ms});
  const Now now = clock.now();
  EXPECT_EQ(now.wall_high - now.wall_low, 10ms);
}

TEST(OsEntropy, draws_what_was_asked_and_never_the_same) {
  OsEntropy entropy;
  EXPECT_EQ(entropy.bytes(0), "");
  EXPECT_EQ(entropy.bytes(5000).size(), 5000U);
  EXPECT_NE(entropy.bytes(16), entropy.bytes(16));
}

}  // namespace
}  // namespace metalmesh::adapters
