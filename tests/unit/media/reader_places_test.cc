// Who makes room at the media server.
#include "agents/media/reader_places.h"

#include <gtest/gtest.h>

#include <vector>

namespace metalmesh::media {
namespace {

IdleReader reader(std::uint64_t id, std::string_view address, int since, bool stranger = true) {
  return {id, address, MonoTime(std::chrono::seconds(since)), stranger};
}

TEST(ReaderPlaces, StrangersGoBeforeReadersHoweverLongThosePause) {
  const std::vector<IdleReader> idle = {reader(1, "bmc", 1, false), reader(2, "x", 9),
                                        reader(3, "bmc2", 2, false)};
  EXPECT_EQ(makes_room(idle), 2U);
  EXPECT_EQ(makes_room(std::span(idle).first(1)), 1U);
  EXPECT_EQ(makes_room({}), std::nullopt);
}

TEST(ReaderPlaces, OfStrangersTheOldestOfTheMostNumerousAddressGoes) {
  const std::vector<IdleReader> idle = {reader(1, "bmc", 1), reader(2, "flood", 8), reader(3, "flood", 5),
                                        reader(4, "flood", 6)};
  EXPECT_EQ(makes_room(idle), 3U) << "a BMC that just came is not taken for them";
}

TEST(ReaderPlaces, ANewcomerOfTheSameAddressIsTheLastOfThem) {
  const std::vector<IdleReader> idle = {reader(1, "nat", 5), reader(2, "nat", 4), reader(9, "nat", 5)};
  EXPECT_EQ(makes_room(idle), 2U);
}

TEST(ReaderPlaces, OneAddressHasAShare) {
  const std::vector<IdleReader> idle = {reader(1, "a", 3), reader(2, "a", 2), reader(3, "a", 1, false),
                                        reader(4, "b", 0)};
  EXPECT_EQ(beyond_share(idle, "a", 1), 2U);
  EXPECT_EQ(beyond_share(idle, "a", 2), std::nullopt) << "who was served does not count";
  EXPECT_EQ(beyond_share(idle, "c", 0), std::nullopt);
}

}  // namespace
}  // namespace metalmesh::media
