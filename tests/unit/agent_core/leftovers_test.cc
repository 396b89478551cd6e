// What was fetched, asked for or told because of jobs is bounded, and goes with the last of them.
#include <gmock/gmock.h>

#include <algorithm>

#include "agents/core/blob_cache.h"
#include "agents/core/row_keys.h"
#include "common/ports/memory_rows.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using ::testing::HasSubstr;
using Why = ImageFailed::Why;

class Leftovers : public ::testing::Test {
 protected:
  std::size_t rows(const std::string& prefix) {
    return site_.store.scan(prefix, agent::rows::after(prefix), 1000)->size();
  }
  void fail_image(char of = 'a') {
    site_.deliver(ImageFailed{std::string(64, of), Why::unavailable, "https://mirror/x.iso: HTTP 404"});
  }
  orders::Parts later(int n) {
    orders::Parts order = make_order(site_, n);
    *order.issue.mutable_not_before() = order.issue.start_by();
    return order;
  }
  void prefetch(char of) {
    wire::Command command;
    auto& image = *command.mutable_prefetch_image()->mutable_image();
    image.set_name("wanted");
    image.set_sha256(std::string(64, of));
    image.add_urls("https://mirror/x.iso");
    site_.command(command);
  }
  std::vector<wire::Fault> disk_holds() {
    std::vector<wire::Fault> faults;
    for (const wire::Event& event : site_.told(&wire::Event::has_held)) {
      if (event.held().fault().code() == wire::DISK_LOW) faults.push_back(event.held().fault());
    }
    return faults;
  }
  TestSite site_;
};

TEST_F(Leftovers, AProfileGoesWithTheLastJobThatWantsIt) {
  site_.start();
  site_.order(later(1));
  site_.order(later(2));
  EXPECT_EQ(rows("blob/"), 1U);
  site_.cancel(later(1));
  ASSERT_FALSE(site_.job("d1"));
  EXPECT_EQ(rows("blob/"), 1U) << "the second job wants it still";
  site_.cancel(later(2));
  ASSERT_FALSE(site_.job("d2"));
  EXPECT_EQ(rows("blob/"), 0U);
  site_.order(later(3));
  EXPECT_EQ(rows("blob/"), 1U) << "fetched again for the next";
}

TEST(BlobCache, WhatThisTurnErasesIsNotHereAnyMore) {
  MemoryRows rows;
  rows.commit({{"blob/a", "profile"}});
  const NamedSigner signer("par1");
  const agent::UpChannel channel(SiteName("par1"), signer);
  agent::BlobCache blobs(rows, channel);
  ASSERT_TRUE(blobs.has("a"));
  Outcome out;
  blobs.keep({}, out);
  EXPECT_FALSE(blobs.has("a")) << "its row can be read until the commit only";
}

TEST_F(Leftovers, ProfilesThatAnEarlierLifeLeftGoAtTheStart) {
  site_.store.commit({{"blob/" + std::string(64, 'b'), "of a job that is gone"}});
  site_.start();
  EXPECT_EQ(rows("blob/"), 0U);
}

TEST_F(Leftovers, AnImageThatCannotBeFetchedIsForgottenWithItsLastJob) {
  site_.images_ready = false;
  site_.start();
  site_.order(later(1));
  fail_image();
  EXPECT_EQ(rows("image/"), 1U);
  site_.cancel(later(1));
  ASSERT_FALSE(site_.job("d1"));
  EXPECT_EQ(rows("image/"), 0U);
  EXPECT_EQ(site_.image_acts.back(), "drop " + std::string(64, 'a')) << "what was fetched of it goes, too";
  site_.image_acts.clear();
  site_.advance(std::chrono::hours(1));
  EXPECT_TRUE(site_.image_acts.empty()) << "it is asked for no more";
}

TEST_F(Leftovers, AFetchThatFailsAfterItsLastJobIsNotRepeated) {
  site_.images_ready = false;
  site_.start();
  site_.order(later(1));
  site_.cancel(later(1));
  ASSERT_FALSE(site_.job("d1"));
  EXPECT_EQ(rows("image/"), 1U) << "it may still come";
  fail_image();
  EXPECT_EQ(rows("image/"), 0U);
}

TEST_F(Leftovers, WhatAPersonAskedForIsTriedForAWeek) {
  site_.settings.hello_interval = std::chrono::hours(1);
  site_.images_ready = false;
  site_.start();
  prefetch('b');
  const auto fetches = [&] { return std::ranges::count(site_.image_acts, "fetch " + std::string(64, 'b')); };
  fail_image('b');
  auto before = fetches();
  int tries = 1;
  for (site_.advance(std::chrono::minutes(10)); fetches() > before && tries < 5000; ++tries) {
    before = fetches();
    fail_image('b');
    site_.advance(std::chrono::minutes(10));
  }
  EXPECT_GT(tries, 1000);
  EXPECT_LT(tries, 3000);
  EXPECT_EQ(rows("image/"), 0U);
}

TEST_F(Leftovers, ADiskThatFlapsIsToldOnceForAllWhoWait) {
  site_.images_ready = false;
  site_.start();
  for (int n = 1; n <= 5; ++n) site_.order(make_order(site_, n));
  for (int flap = 0; flap < 20; ++flap) {
    site_.deliver(DiskLevel{true, 1});
    site_.advance(std::chrono::seconds(10));
    site_.deliver(DiskLevel{false, 1ULL << 30});
    site_.advance(std::chrono::seconds(10));
  }
  ASSERT_EQ(disk_holds().size(), 1U);
  EXPECT_THAT(disk_holds()[0].seen(), HasSubstr("5 jobs wait"));
  site_.advance(std::chrono::minutes(30));
  site_.deliver(DiskLevel{true, 1});
  EXPECT_EQ(disk_holds().size(), 2U) << "half an hour later it is news";
}

TEST_F(Leftovers, AJobThatWaitsInVainSaysWhatItWaitedFor) {
  site_.images_ready = false;
  site_.start();
  site_.order(make_order(site_, 1));
  fail_image();
  const auto held = site_.told(&wire::Event::has_held);
  ASSERT_EQ(held.size(), 1U) << "at once";
  EXPECT_THAT(held[0].held().fault().seen(), HasSubstr("https://mirror/x.iso: HTTP 404"));
  site_.deliver(DiskLevel{true, 1});  // beside it, and not the cause
  site_.advance(std::chrono::hours(5));
  const auto ends = site_.told(&wire::Event::has_ended);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].ended().fault().code(), wire::ORDER_EXPIRED);
  EXPECT_THAT(ends[0].ended().fault().seen(), HasSubstr("IMAGE_UNAVAILABLE"));
  EXPECT_THAT(ends[0].ended().fault().seen(), HasSubstr("https://mirror/x.iso: HTTP 404"));
}

}  // namespace
}  // namespace metalmesh::test
