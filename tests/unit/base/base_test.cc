// The small values everything stands on.
#include <gtest/gtest.h>

#include <set>
#include <type_traits>

#include "common/base/backoff.h"
#include "common/base/base64.h"
#include "common/base/digest.h"
#include "common/base/id.h"
#include "common/base/random.h"
#include "common/base/result.h"
#include "common/base/secret.h"

namespace metalmesh {
namespace {

using std::chrono::seconds;

TEST(Digest, MatchesTheVectorsOfFips180) {
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("a", "bc"), sha256("abc"));
}

TEST(Base64, IsReadBackWhole) {
  for (const std::string& bytes :
       {std::string(), std::string("a"), std::string("ab"), std::string("abc\0\xff", 5)})
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  EXPECT_FALSE(from_base64("UE5"));
  EXPECT_FALSE(from_base64("no Base64!!!"));
}

TEST(Digest, StreamEqualsOneShot) {
  Sha256Stream stream;
  for (int i = 0; i < 1000; ++i) stream.update("metal");
  std::string whole;
  for (int i = 0; i < 1000; ++i) whole += "metal";
  EXPECT_EQ(stream.finish(), sha256(whole));
}

TEST(Backoff, StaysBetweenHalfAndAllOfTheCeiling) {
  const Backoff backoff{seconds(1), seconds(60)};
  Random random(7);
  for (unsigned attempt = 1; attempt < 40; ++attempt) {
    const auto ceiling =
        std::min<Duration>(seconds(60), Duration(seconds(1)) * (1LL << std::min(attempt - 1, 10U)));
    for (int i = 0; i < 50; ++i) {
      const Duration delay = backoff.delay(attempt, random);
      EXPECT_GE(delay, ceiling / 2);
      EXPECT_LE(delay, ceiling);
    }
  }
}

TEST(Random, EqualSeedsGiveEqualRunsAndForksAreIndependent) {
  Random a(42);
  Random b(42);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
  Random fork = a.fork();
  EXPECT_NE(fork.next(), a.next());
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(a.below(10));
  EXPECT_EQ(seen.size(), 10U);
}

TEST(Id, NamesOfDifferentThingsDoNotMix) {
  static_assert(!std::is_convertible_v<SiteName, ServerName>);
  static_assert(!std::is_convertible_v<std::string, SiteName>);
  EXPECT_LT(SiteName("a"), SiteName("b"));
}

TEST(Error, ContextGoesInFront) {
  const Error error = Error{ErrorKind::invalid, "line 3"}.with("reading site.yaml");
  EXPECT_EQ(error.message, "reading site.yaml: line 3");
}

TEST(Secret, MovingLeavesNothingBehind) {
  Secret one("hunter2");
  const Secret two(std::move(one));
  EXPECT_TRUE(one.empty());  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(two.reveal(), "hunter2");
}

TEST(Error, WhateverItWasGivenItsMessageIsUtf8) {
  const std::string sign = "\xEF\xBF\xBD";
  const Error error = Error(fail(ErrorKind::invalid, "label \xFC").error()).with("image \xFC");
  EXPECT_EQ(error.message, "image " + sign + ": label " + sign);
}

}  // namespace
}  // namespace metalmesh
