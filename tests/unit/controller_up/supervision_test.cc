// When children are started again, and what of their logs is shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "controller/up/log_tail.h"
#include "controller/up/restart_plan.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::up {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr MonoTime begin{1h};

/// Lives one after the other, each `life` long; the pauses in between.
std::vector<Duration> pauses(RestartPlan& plan, MonoTime& now, Duration life, int deaths) {
  std::vector<Duration> out;
  for (int i = 0; i < deaths; ++i) {
    plan.started(now);
    now += life;
    const MonoTime again = plan.ended(now);
    out.push_back(again - now);
    now = again;
  }
  return out;
}

TEST(RestartPlan, waits_longer_and_longer_but_never_too_long) {
  RestartPlan plan(1);
  MonoTime now = begin;
  const auto waited = pauses(plan, now, 10ms, 12);
  EXPECT_GE(waited.front(), 250ms);
  EXPECT_LE(waited.front(), 500ms);
  for (std::size_t i = 0; i < waited.size(); ++i) {
    const auto ceiling = std::min<Duration>(30s, 500ms * (1 << i));
    EXPECT_LE(waited[i], ceiling) << i;
    EXPECT_GE(waited[i], ceiling / 2) << i;
  }
}

TEST(RestartPlan, forgives_after_a_long_life) {
  RestartPlan plan(1);
  MonoTime now = begin;
  pauses(plan, now, 10ms, 8);
  EXPECT_GT(pauses(plan, now, 59s, 1).front(), 10s);
  EXPECT_LE(pauses(plan, now, 61s, 1).front(), 500ms);
}

class LogTailTest : public testing::Test {
 protected:
  void append(std::string_view text) { std::ofstream(file_, std::ios::app) << text; }
  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "agent.log";
};

TEST_F(LogTailTest, shows_warnings_and_errors_once_and_none_of_an_earlier_run) {
  append("2026-11-22T14:47:13.123Z error   old\n");
  LogTail tail(file_);
  EXPECT_THAT(tail.news(5), IsEmpty());
  append("2026-11-22T14:47:14.123Z info    ready\n2026-11-22T14:47:14.123Z warning hot\nunfinished");
  EXPECT_THAT(tail.news(5), ElementsAre("2026-11-22T14:47:14.123Z warning hot"));
  append(" line\n2026-11-22T14:47:15.000Z error   out of it\n");
  EXPECT_THAT(tail.news(5), ElementsAre("2026-11-22T14:47:15.000Z error   out of it"));
  EXPECT_THAT(tail.news(5), IsEmpty());
  EXPECT_THAT(tail.last(2), ElementsAre("unfinished line", "2026-11-22T14:47:15.000Z error   out of it"));
}

TEST_F(LogTailTest, counts_what_it_does_not_show) {
  LogTail tail(file_);
  for (int i = 0; i < 9; ++i) append("2026-11-22T14:47:14.123Z error   x\n");
  EXPECT_THAT(tail.news(2),
              ElementsAre("2026-11-22T14:47:14.123Z error   x", "2026-11-22T14:47:14.123Z error   x",
                          "... and 7 more: " + file_.string()));
}

TEST_F(LogTailTest, a_long_log_is_emptied_and_kept_once) {
  LogTail tail(file_);
  append(std::string(17 << 20, 'x') + "\n");
  tail.news(5);
  EXPECT_EQ(std::filesystem::file_size(file_), 0U);
  EXPECT_EQ(std::filesystem::file_size(file_.string() + ".1"), (17U << 20) + 1);
  append("2026-11-22T14:47:14.123Z warning hot\n");
  EXPECT_THAT(tail.news(5), ElementsAre("2026-11-22T14:47:14.123Z warning hot"));
}

TEST(WorthShowing, knows_both_kinds_of_logs) {
  EXPECT_TRUE(worth_showing("2026-11-22T14:47:13: Error: Address already in use"));
  EXPECT_FALSE(worth_showing("2026-11-22T14:47:13: mosquitto version 2.0.11 starting"));
  EXPECT_FALSE(worth_showing("2026-11-22T14:47:13.123Z info    an error to come"));
  EXPECT_FALSE(worth_showing(""));
}

}  // namespace
}  // namespace metalmesh::up
