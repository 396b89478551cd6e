// Who makes room at the HTTP server.
#include "common/adapters/http_places.h"

#include <gtest/gtest.h>

#include <vector>

namespace metalmesh::adapters {
namespace {

using Kind = PlaceVerdict::Kind;

constexpr HttpPlaceLimits few{
    .ordinary = 6, .reserved = 2, .strangers_of_address = 3, .of_caller = 3, .local = 2};

HttpPlace idle(std::string address, std::string caller, int since) {
  return {std::move(address), std::move(caller), false, false,
          std::chrono::steady_clock::time_point(std::chrono::seconds(since))};
}
HttpPlace busy(std::string address, std::string caller) {
  return {std::move(address), std::move(caller), false, false, std::nullopt};
}
HttpPlace reserved(std::optional<int> since) {
  HttpPlace place = since ? idle("r", "", *since) : busy("r", "");
  place.reserved = true;
  return place;
}
HttpPlace local(std::optional<int> since) {
  HttpPlace place = since ? idle("unix", "", *since) : busy("unix", "");
  place.local = true;
  return place;
}

TEST(HttpPlaces, whoever_comes_has_a_place_while_there_are_some) {
  const std::vector<HttpPlace> open = {idle("a", "", 1), busy("b", "ann")};
  const auto verdict = place_for({"c"}, open, few);
  EXPECT_EQ(verdict.kind, Kind::ordinary);
  EXPECT_FALSE(verdict.ends);
}

TEST(HttpPlaces, one_address_with_too_many_strangers_ends_its_own_oldest) {
  const std::vector<HttpPlace> open = {idle("other", "", 1), idle("a", "", 9), idle("a", "", 3),
                                       idle("a", "", 5), idle("a", "ann", 2)};
  EXPECT_EQ(place_for({"a"}, open, few).ends, 2U) << "who showed a token is no stranger";
  EXPECT_FALSE(place_for({"b"}, open, few).ends);
}

TEST(HttpPlaces, strangers_make_room_before_callers_and_who_was_answered_before_both) {
  std::vector<HttpPlace> open = {idle("a", "ann", 1), idle("b", "", 8), idle("c", "", 7),
                                 busy("d", "ann"),    busy("e", ""),    idle("f", "bob", 2)};
  EXPECT_EQ(place_for({"new"}, open, few).ends, 2U);
  open[5].idle_since = std::chrono::steady_clock::time_point::min();
  EXPECT_EQ(place_for({"new"}, open, few).ends, 5U);
  EXPECT_EQ(first_to_end(open), 5U);
}

TEST(HttpPlaces, a_few_places_are_left_when_nobody_is_idle) {
  std::vector<HttpPlace> open(6, busy("a", "ann"));
  EXPECT_EQ(place_for({"b"}, open, few).kind, Kind::reserved);
  open.push_back(reserved(4));
  open.push_back(reserved(3));
  const auto verdict = place_for({"b"}, open, few);
  EXPECT_EQ(verdict.kind, Kind::reserved);
  EXPECT_EQ(verdict.ends, 7U) << "who takes one and asks nothing keeps nobody out either";
  open[6].idle_since = open[7].idle_since = std::nullopt;
  EXPECT_EQ(place_for({"b"}, open, few).kind, Kind::none);
}

TEST(HttpPlaces, a_caller_has_a_share_and_ends_her_own_oldest) {
  std::vector<HttpPlace> open = {idle("a", "ann", 4), idle("b", "ann", 2), idle("c", "ann", 3),
                                 idle("d", "", 9)};
  EXPECT_EQ(place_of_caller(3, "ann", open, few).ends, 1U);
  EXPECT_FALSE(place_of_caller(3, "bob", open, few).ends);
  EXPECT_FALSE(place_of_caller(1, "ann", open, few).ends) << "it is hers already";
  for (HttpPlace& place : open) place.idle_since.reset();
  EXPECT_EQ(place_of_caller(3, "ann", open, few).kind, Kind::none);
}

TEST(HttpPlaces, the_host_itself_has_places_that_nobody_else_takes) {
  std::vector<HttpPlace> open(6, busy("a", "ann"));
  open.push_back(reserved(std::nullopt));
  open.push_back(reserved(std::nullopt));
  EXPECT_EQ(place_for(local(1), open, few).kind, Kind::ordinary);
  open.push_back(local(5));
  open.push_back(local(std::nullopt));
  EXPECT_EQ(place_for(local(9), open, few).ends, 8U);
  EXPECT_EQ(place_for({"b"}, open, few).kind, Kind::none) << "nor does it take theirs";
}

}  // namespace
}  // namespace metalmesh::adapters
