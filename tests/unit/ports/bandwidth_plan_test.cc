// When which cap holds: spans of the day, also across midnight, overlapping, and ill-formed.
#include "common/ports/bandwidth_plan.h"

#include <gmock/gmock.h>

namespace metalmesh {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;

wire::ImageLimits spans(std::initializer_list<std::tuple<const char*, const char*, std::uint64_t>> given) {
  wire::ImageLimits limits;
  for (const auto& [from, to, cap] : given) {
    auto& span = *limits.add_bandwidth();
    span.set_from(from);
    span.set_to(to);
    span.set_bytes_per_second(cap);
  }
  return limits;
}

/// A day long after 1970.
WallTime at(Duration time_of_day) { return WallTime(hours(24) * 20'000 + time_of_day); }

BandwidthPlan plan(std::initializer_list<std::tuple<const char*, const char*, std::uint64_t>> given) {
  auto made = BandwidthPlan::from(spans(given));
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return made.value_or(BandwidthPlan());
}

std::string refusal(std::initializer_list<std::tuple<const char*, const char*, std::uint64_t>> given) {
  const auto made = BandwidthPlan::from(spans(given));
  return made ? "accepted" : made.error().message;
}

TEST(BandwidthPlan, WithoutSpansThereIsNoCap) {
  EXPECT_EQ(BandwidthPlan().cap_at(at(hours(12))), std::nullopt);
}

TEST(BandwidthPlan, ASpanHoldsFromItsBeginningUntilBeforeItsEnd) {
  const BandwidthPlan day = plan({{"06:00", "20:00", 5'000'000}});
  EXPECT_EQ(day.cap_at(at(hours(6) - seconds(1))), std::nullopt);
  EXPECT_EQ(day.cap_at(at(hours(6))), 5'000'000U);
  EXPECT_EQ(day.cap_at(at(hours(20) - seconds(1))), 5'000'000U);
  EXPECT_EQ(day.cap_at(at(hours(20))), std::nullopt);
}

TEST(BandwidthPlan, ASpanMayGoOnPastMidnight) {
  const BandwidthPlan night = plan({{"22:30", "05:15", 70'000}});
  EXPECT_EQ(night.cap_at(at(hours(22) + minutes(29))), std::nullopt);
  EXPECT_EQ(night.cap_at(at(hours(22) + minutes(30))), 70'000U);
  EXPECT_EQ(night.cap_at(at(hours(24) - seconds(1))), 70'000U);
  EXPECT_EQ(night.cap_at(at(hours(0))), 70'000U);
  EXPECT_EQ(night.cap_at(at(hours(5) + minutes(14))), 70'000U);
  EXPECT_EQ(night.cap_at(at(hours(5) + minutes(15))), std::nullopt);
}

TEST(BandwidthPlan, TheWholeDayAndItsEnd) {
  const BandwidthPlan whole = plan({{"00:00", "24:00", 100'000}});
  EXPECT_EQ(whole.cap_at(at(hours(0))), 100'000U);
  EXPECT_EQ(whole.cap_at(at(hours(24) - seconds(1))), 100'000U);
  const BandwidthPlan until_midnight = plan({{"20:00", "00:00", 100'000}});
  EXPECT_EQ(until_midnight.cap_at(at(hours(23))), 100'000U);
  EXPECT_EQ(until_midnight.cap_at(at(hours(0))), std::nullopt);
}

TEST(BandwidthPlan, OfSpansThatOverlapTheLowestCapHolds) {
  const BandwidthPlan both = plan({{"06:00", "20:00", 900'000}, {"08:00", "09:00", 100'000}});
  EXPECT_EQ(both.cap_at(at(hours(7))), 900'000U);
  EXPECT_EQ(both.cap_at(at(hours(8))), 100'000U);
}

TEST(BandwidthPlan, RefusesWhatIsNoSpanAndNamesIt) {
  EXPECT_THAT(refusal({{"06:00", "20:00", 70'000}, {"6:00", "20:00", 70'000}}),
              HasSubstr("bandwidth[1].from is \"6:00\""));
  EXPECT_THAT(refusal({{"06:60", "20:00", 70'000}}), HasSubstr("bandwidth[0].from"));
  EXPECT_THAT(refusal({{"24:00", "20:00", 70'000}}), HasSubstr("bandwidth[0].from"));
  EXPECT_THAT(refusal({{"06:00", "24:01", 70'000}}), HasSubstr("bandwidth[0].to"));
  EXPECT_THAT(refusal({{"06:00", "06:00", 70'000}}), HasSubstr("equals from"));
  EXPECT_THAT(refusal({{"06:00", "20:00", 1000}}), HasSubstr("bandwidth[0].bytesPerSecond is below 65536"));
}

}  // namespace
}  // namespace metalmesh
