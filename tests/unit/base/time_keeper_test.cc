#include "common/base/time_keeper.h"

#include <gtest/gtest.h>

namespace metalmesh {
namespace {

using namespace std::chrono_literals;
using Heard = TimeKeeper::Heard;

constexpr WallTime epoch(24h * 365 * 50);
constexpr Duration years = 24h * 3650;

/// Elapsed time `at`, the clock showing `off` more than that, known to within `width`.
WallFix fix(Duration at, Duration off = {}, Duration width = {}) {
  return {MonoTime(at), epoch + at + off, epoch + at + off + width};
}

TEST(TimeKeeper, follows_a_clock_that_runs) {
  TimeKeeper keeper(1min);
  EXPECT_FALSE(keeper.at(MonoTime(0s)));
  EXPECT_EQ(keeper.hear(fix(0s)), Heard::fits);
  EXPECT_EQ(keeper.hear(fix(1h, 100ms)), Heard::fits);
  EXPECT_EQ(keeper.at(MonoTime(1h))->low, epoch + 1h + 100ms);
  EXPECT_EQ(keeper.steps(), 0s);
}

TEST(TimeKeeper, knows_less_the_longer_it_hears_nothing) {
  TimeKeeper keeper(1min);
  keeper.hear(fix(0s));
  const WallFix later = *keeper.at(MonoTime(1'000'000s));
  EXPECT_EQ(later.low, epoch + 1'000'000s - 500s);
  EXPECT_EQ(later.high, epoch + 1'000'000s + 500s);
}

TEST(TimeKeeper, keeps_the_sharper_of_what_it_heard) {
  TimeKeeper keeper(1min);
  keeper.hear(fix(0s));
  keeper.hear(fix(1s, -5s, 10s));
  EXPECT_LT(keeper.at(MonoTime(1s))->high - keeper.at(MonoTime(1s))->low, 1s);
}

TEST(TimeKeeper, doubts_a_jump_of_any_size_and_direction) {
  for (const Duration jump : {Duration(10s), Duration(1h), Duration(-2h), years, -years}) {
    TimeKeeper keeper(1min);
    keeper.hear(fix(0s));
    EXPECT_EQ(keeper.hear(fix(10s, jump)), Heard::jumped);
    ASSERT_TRUE(keeper.doubt());
    EXPECT_EQ(*keeper.doubt(), jump);
    const WallFix between = *keeper.at(MonoTime(20s));
    EXPECT_LE(between.low, epoch + 20s + std::min(jump, Duration()));
    EXPECT_GE(between.high, epoch + 20s + std::max(jump, Duration()));
    EXPECT_EQ(between.middle(), epoch + 20s) << "people go on seeing the time that was";
  }
}

TEST(TimeKeeper, believes_a_clock_that_came_back_at_once) {
  TimeKeeper keeper(1min);
  keeper.hear(fix(0s));
  keeper.hear(fix(10s, 1h));
  EXPECT_EQ(keeper.hear(fix(20s)), Heard::cleared);
  EXPECT_FALSE(keeper.doubt());
  EXPECT_EQ(keeper.steps(), 0s);
}

TEST(TimeKeeper, believes_a_clock_that_was_set_after_it_has_settled) {
  TimeKeeper keeper(1min);
  keeper.hear(fix(0s));
  EXPECT_EQ(keeper.hear(fix(10s, 1h)), Heard::jumped);
  EXPECT_EQ(keeper.hear(fix(69s, 1h)), Heard::doubted);
  EXPECT_EQ(keeper.hear(fix(70s, 1h)), Heard::settled);
  EXPECT_FALSE(keeper.doubt());
  EXPECT_EQ(keeper.at(MonoTime(80s))->middle(), epoch + 1h + 80s);
}

TEST(TimeKeeper, counts_how_far_it_was_set_back) {
  TimeKeeper keeper(1min);
  keeper.hear(fix(0s));
  for (const Duration at : {10s, 100s}) keeper.hear(fix(at, -2h));
  EXPECT_EQ(keeper.steps(), -2h);
  for (const Duration at : {200s, 300s}) keeper.hear(fix(at, years));
  EXPECT_EQ(keeper.steps(), -2h) << "it may have slept: the time that passed has passed";
  for (const Duration at : {400s, 500s}) keeper.hear(fix(at, years - 1h));
  EXPECT_EQ(keeper.steps(), -3h);
}

TEST(TimeKeeper, a_clock_that_jumps_about_never_settles) {
  TimeKeeper keeper(1min);
  keeper.hear(fix(0s));
  for (Duration at = 10s; at < 1h; at += 40s)
    EXPECT_EQ(keeper.hear(fix(at, at / 1s % 80 < 40 ? Duration(1h) : years)), Heard::jumped);
}

TEST(TimeKeeper, takes_the_word_of_who_set_the_clock) {
  TimeKeeper keeper(1min);
  keeper.hear(fix(0s));
  keeper.stepped(-2h);
  EXPECT_EQ(keeper.hear(fix(10s, -2h)), Heard::fits);
  EXPECT_EQ(keeper.steps(), -2h);
}

TEST(TimeKeeper, goes_on_where_an_earlier_life_stood) {
  TimeKeeper before(1min);
  before.hear(fix(0s));
  TimeKeeper after(1min);
  after.resume(before.line(MonoTime(5s)), 3h);
  EXPECT_EQ(after.steps(), 3h);
  EXPECT_EQ(after.hear(fix(30s, years)), Heard::jumped);
}

}  // namespace
}  // namespace metalmesh
