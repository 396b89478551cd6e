// The rate that comes out, for one taker and for several.
#include "agents/media/pacer.h"

#include <gtest/gtest.h>

namespace metalmesh::media {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(Pacer, WhoWaitsAsToldStaysBelowTheRate) {
  Pacer pacer;
  MonoTime now(hours(1));
  const MonoTime began = now;
  for (int i = 0; i < 1000; ++i) now += pacer.take(16'384, 1'000'000, now);
  const double seconds = std::chrono::duration<double>(now - began).count();
  EXPECT_GT(seconds, 16.2);  // 16.384 s, less what may be saved up
  EXPECT_LT(seconds, 16.4);
}

TEST(Pacer, TakersShareTheRate) {
  Pacer pacer;
  const MonoTime now(hours(1));
  const Duration first = pacer.take(100'000, 100'000, now);
  EXPECT_EQ(pacer.take(100'000, 100'000, now) - first, std::chrono::seconds(1));
}

TEST(Pacer, AnIdleTimeIsNotSavedUp) {
  Pacer pacer;
  pacer.take(1'000, 1'000'000, MonoTime(hours(1)));
  EXPECT_GE(pacer.take(1'000'000, 1'000'000, MonoTime(hours(5))), milliseconds(900));
}

}  // namespace
}  // namespace metalmesh::media
