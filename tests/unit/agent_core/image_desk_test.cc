// The images of a site: which make room for others, what happens to one that rots, and what was imported.
#include "agents/core/image_desk.h"

#include <gmock/gmock.h>

#include "tests/unit/agent_core/test_site.h"

namespace metalmesh {
namespace {

using test::TestSite;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Why = ImageFailed::Why;

constexpr std::uint64_t image_size = 1 << 20;  // of all that the test site's store gives

std::string digest(char of) { return std::string(64, of); }

class Images : public ::testing::Test {
 protected:
  void SetUp() override { site_.start(); }
  void prefetch(char of, const std::vector<std::string>& urls = {"https://mirror/x.iso"}) {
    wire::Command command;
    auto& image = *command.mutable_prefetch_image()->mutable_image();
    image.set_name(std::string("image-") + of);
    image.set_sha256(digest(of));
    image.mutable_urls()->Assign(urls.begin(), urls.end());
    site_.command(command);
    site_.advance(std::chrono::seconds(1));
  }
  void no_room_for(char of, std::uint64_t missing) {
    site_.images_ready = false;
    prefetch(of);
    site_.image_acts.clear();
    site_.deliver(ImageFailed{digest(of), Why::no_room, "not enough disk space", missing});
  }
  std::vector<wire::ImageAtSite> told(char of) {
    std::vector<wire::ImageAtSite> reports;
    for (const wire::Event& event : site_.told(&wire::Event::has_image)) {
      if (event.image().sha256() == digest(of)) reports.push_back(event.image());
    }
    return reports;
  }
  bool wished(char of) { return site_.store.find("image/" + digest(of)).has_value(); }
  /// What its row says of where it comes from.
  std::vector<std::string> kept_urls(char of) {
    record::ImageWish wish;
    EXPECT_TRUE(wish.ParseFromString(site_.store.find("image/" + digest(of)).value_or("")));
    return {wish.image().urls().begin(), wish.image().urls().end()};
  }
  TestSite site_;
};

TEST_F(Images, TheOneThatNobodyAskedForTheLongestMakesRoom) {
  for (const char of : {'b', 'c', 'd'}) prefetch(of);
  prefetch('b');  // asked for again: now the youngest
  no_room_for('e', image_size);
  EXPECT_THAT(site_.image_acts, ElementsAre("drop " + digest('c'), "fetch " + digest('e')));
  EXPECT_TRUE(told('c').back().evicted());
  EXPECT_FALSE(told('c').back().has_fault());
  EXPECT_FALSE(wished('c'));
  EXPECT_THAT(told('e'), IsEmpty());
}

TEST_F(Images, WhatItIsTravelsWithTheWordThatItIsHere) {
  prefetch('b');
  ASSERT_EQ(told('b').size(), 1U);
  EXPECT_EQ(told('b').back().findings().verdicts_size(), 1) << "of the one family that is always known";
  site_.start();
  EXPECT_EQ(told('b').size(), 1U) << "it is no news";
  config::OsFamily own;
  own.set_name("own");
  own.add_files()->set_path("/answer");
  own.mutable_files(0)->set_format("kickstart");
  own.mutable_files(0)->set_main(true);
  ASSERT_TRUE(site_.settings.families.add(own));
  site_.start();
  ASSERT_EQ(told('b').size(), 2U) << "another family makes something else of it";
  EXPECT_EQ(told('b').back().findings().verdicts_size(), 2);
  prefetch('b');
  EXPECT_EQ(told('b').size(), 3U) << "a person asks under a name that the controller did not have before";
}

TEST_F(Images, AsManyGoAsAreNeeded) {
  for (const char of : {'b', 'c', 'd'}) prefetch(of);
  no_room_for('e', image_size + 1);
  EXPECT_THAT(site_.image_acts,
              ElementsAre("drop " + digest('b'), "drop " + digest('c'), "fetch " + digest('e')));
}

TEST_F(Images, AFetchThatDoesNotComeOnGoesBeforeAWholeImage) {
  prefetch('b');
  site_.images_ready = false;
  prefetch('c');
  ImageFailed stuck{digest('c'), Why::unavailable, "the source is away"};
  stuck.held = image_size;
  site_.deliver(stuck);
  no_room_for('e', image_size);
  EXPECT_THAT(site_.image_acts, ElementsAre("drop " + digest('c'), "fetch " + digest('e')));
  EXPECT_TRUE(told('c').back().evicted());
}

TEST_F(Images, NothingGoesWhenThatWouldNotBeEnough) {
  for (const char of : {'b', 'c'}) prefetch(of);
  no_room_for('e', 3 * image_size);
  EXPECT_THAT(site_.image_acts, IsEmpty());
  ASSERT_EQ(told('e').size(), 1U);
  EXPECT_EQ(told('e')[0].fault().code(), wire::DISK_LOW);
  EXPECT_THAT(told('e')[0].fault().seen(), HasSubstr(std::to_string(3 * image_size)));
  site_.images_ready = true;
  site_.advance(std::chrono::minutes(1));
  EXPECT_TRUE(told('e').back().ready()) << "it is tried again by itself";
}

TEST_F(Images, AnImageThatAJobWasOrderedWithStays) {
  site_.order(test::make_order(site_, 1));  // digest a
  ASSERT_FALSE(site_.job("d1")->ended());
  prefetch('b');
  no_room_for('e', image_size);
  EXPECT_THAT(site_.image_acts, ElementsAre("drop " + digest('b'), "fetch " + digest('e')));
  site_.image_acts.clear();
  site_.deliver(ImageFailed{digest('e'), Why::no_room, "not enough disk space", image_size});
  EXPECT_THAT(site_.image_acts, IsEmpty());
  EXPECT_TRUE(wished('a'));
}

TEST_F(Images, WhatWasImportedIsKnownAndStays) {
  ImageReady found{digest('f'), {}, true};
  found.facts.set_size(image_size);
  site_.deliver(found);
  ASSERT_EQ(told('f').size(), 1U);
  EXPECT_TRUE(told('f')[0].ready());
  EXPECT_TRUE(wished('f'));
  no_room_for('e', image_size);
  EXPECT_THAT(site_.image_acts, IsEmpty()) << "it could not be fetched again";
  site_.deliver(found);
  EXPECT_EQ(told('f').size(), 1U);
  prefetch('f');  // an Image names some source, be it one that this site never reaches
  site_.image_acts.clear();
  site_.deliver(ImageFailed{digest('e'), Why::no_room, "not enough disk space", image_size});
  EXPECT_THAT(site_.image_acts, IsEmpty());
}

TEST_F(Images, WhoAsksAgainIsToldAgain) {
  no_room_for('e', image_size);
  ASSERT_EQ(told('e').size(), 1U);
  site_.deliver(ImageFailed{digest('e'), Why::no_room, "not enough disk space", image_size});
  ASSERT_EQ(told('e').size(), 1U) << "no news";
  no_room_for('e', image_size);
  EXPECT_EQ(told('e').size(), 2U);
}

TEST_F(Images, OneThatRotsIsToldAndFetchedAnew) {
  prefetch('b');
  site_.image_acts.clear();
  site_.deliver(ImageFailed{digest('b'), Why::rotten, "its SHA-256 has become ..."});
  EXPECT_THAT(site_.image_acts, ElementsAre("drop " + digest('b'), "fetch " + digest('b')));
  const auto reports = told('b');
  ASSERT_EQ(reports.size(), 3U);  // ready, damaged, ready again
  EXPECT_EQ(reports[1].fault().code(), wire::IMAGE_CORRUPT);
  EXPECT_THAT(reports[1].fault().seen(), HasSubstr("damaged on the site's disk"));
  EXPECT_TRUE(reports[2].ready());
}

TEST_F(Images, WhatIsLeftOfARottenImageStaysForTheJobsThatReadIt) {
  site_.order(test::make_order(site_, 1));  // digest a
  ASSERT_FALSE(site_.job("d1")->ended());
  prefetch('b');
  site_.image_acts.clear();
  site_.images_ready = false;
  site_.deliver(ImageFailed{digest('a'), Why::rotten, "its SHA-256 has become ..."});
  EXPECT_THAT(site_.image_acts, ElementsAre("fetch " + digest('a')));
  site_.image_acts.clear();
  site_.deliver(ImageFailed{digest('b'), Why::rotten, "its SHA-256 has become ..."});
  EXPECT_THAT(site_.image_acts, ElementsAre("drop " + digest('b'), "fetch " + digest('b')));
}

TEST_F(Images, WhatIsLeftOfAnImportedImageIsNeverDropped) {
  ImageReady found{digest('f'), {}, true};
  found.facts.set_size(image_size);
  site_.deliver(found);
  site_.images_ready = false;
  site_.image_acts.clear();
  ImageFailed rotten{digest('f'), Why::rotten, "the disk does not give it"};
  rotten.imported = true;
  site_.deliver(rotten);
  site_.deliver(ImageFailed{digest('f'), Why::unavailable, "it has no source"});
  no_room_for('e', image_size);
  site_.advance(std::chrono::hours(1));
  EXPECT_THAT(site_.image_acts, ::testing::Not(::testing::Contains("drop " + digest('f'))));
  EXPECT_TRUE(wished('f'));
  EXPECT_THAT(told('f').back().fault().next(), HasSubstr("URLs"));
}

TEST_F(Images, ARottenImageThatNobodyWishesForGoes) {
  site_.deliver(ImageFailed{digest('9'), Why::rotten, "its SHA-256 has become ..."});
  EXPECT_THAT(site_.image_acts, ElementsAre("drop " + digest('9')));
}

/// A read error at the media server is known at the controller, and settles by itself.
TEST_F(Images, OneThatCannotBeReadIsToldAndVerifiedAtOnce) {
  prefetch('b');
  site_.image_acts.clear();
  MediaReported report;
  auto& unreadable = *report.event.mutable_unreadable();
  unreadable.set_path("/images/b.iso");
  unreadable.set_sha256(digest('b'));
  unreadable.set_offset(4096);
  unreadable.set_detail("Input/output error");
  unreadable.set_peer("10.0.0.9");
  site_.deliver(report);
  EXPECT_THAT(site_.image_acts, ElementsAre("verify " + digest('b')));
  const auto reports = told('b');
  ASSERT_EQ(reports.size(), 2U);  // ready, unreadable
  EXPECT_TRUE(reports[1].ready()) << "it is there";
  EXPECT_EQ(reports[1].fault().code(), wire::IMAGE_UNAVAILABLE);
  EXPECT_THAT(reports[1].fault().seen(), HasSubstr("image image-b from byte 4096 on (Input/output error)"));
  EXPECT_FALSE(reports[1].fault().next().empty());
}

TEST_F(Images, AJobThatWaitsTakesARottenImageForOneThatIsFetched) {
  site_.images_ready = false;
  auto order = test::make_order(site_, 1);
  *order.issue.mutable_not_before() = order.issue.start_by();
  site_.order(order);
  site_.deliver(ImageFailed{digest('a'), Why::rotten, "its SHA-256 has become ..."});
  EXPECT_FALSE(site_.job("d1")->ended());
}

const std::vector<std::string> that_let_in = {"https://ann:secret@mirror/x.iso", "https://mirror/x.iso",
                                              "https://store/x.iso?X-Amz-Signature=secret"};

TEST_F(Images, UrlsThatLetInAreKeptOnlyUntilTheImageIsHere) {
  site_.images_ready = false;
  prefetch('b', that_let_in);
  EXPECT_EQ(kept_urls('b'), that_let_in) << "a fetch goes on after a restart";
  site_.images_ready = true;
  site_.deliver(ImageReady{digest('b'), {}, false});
  EXPECT_THAT(kept_urls('b'), ElementsAre("https://mirror/x.iso"));
  site_.start();
  EXPECT_THAT(kept_urls('b'), ElementsAre("https://mirror/x.iso"));
  prefetch('b', that_let_in);
  EXPECT_THAT(kept_urls('b'), ElementsAre("https://mirror/x.iso")) << "asked for again while it is here";
}

TEST_F(Images, TheUrlsOfAnOrderGoOnceItsImageIsHere) {
  auto order = test::make_order(site_, 1);  // digest a
  order.issue.mutable_image_urls()->Assign(that_let_in.begin(), that_let_in.end());
  site_.order(order);
  ASSERT_TRUE(site_.job("d1"));
  EXPECT_THAT(kept_urls('a'), ElementsAre("https://mirror/x.iso"));
}

/// Rows of an earlier version of the agent.
TEST_F(Images, WhatAnEarlierLifeKeptIsWrittenAnewWithoutThem) {
  prefetch('b', that_let_in);
  record::ImageWish wish;
  ASSERT_TRUE(wish.ParseFromString(site_.store.find("image/" + digest('b')).value()));
  wish.mutable_image()->mutable_urls()->Assign(that_let_in.begin(), that_let_in.end());
  site_.store.commit({{"image/" + digest('b'), wish.SerializeAsString()}});
  site_.start();
  EXPECT_THAT(kept_urls('b'), ElementsAre("https://mirror/x.iso"));
  EXPECT_EQ(told('b').size(), 1U) << "it is no news";
}

TEST_F(Images, OneWhoseUrlsWereNotKeptIsAskedForAgainWhenItRots) {
  prefetch('b', {that_let_in.front()});
  site_.deliver(ImageFailed{digest('b'), Why::rotten, "its SHA-256 has become ..."});
  EXPECT_TRUE(told('b').back().ready()) << "in this life it is still known where it comes from";
  EXPECT_THAT(kept_urls('b'), IsEmpty());
  site_.start();
  site_.images_ready = false;
  site_.deliver(ImageFailed{digest('b'), Why::rotten, "its SHA-256 has become ..."});
  EXPECT_THAT(told('b').back().fault().next(), HasSubstr("ask for the image again"));
  site_.deliver(ImageFailed{digest('b'), Why::unavailable, "it has no source"});
  site_.images_ready = true;
  prefetch('b', {that_let_in.front()});
  EXPECT_TRUE(told('b').back().ready());
}

TEST_F(Images, TheSitesLimitsReachTheStoreAlsoAfterARestart) {
  wire::Command command;
  command.mutable_site_settings()->mutable_images()->set_maximum(77);
  site_.command(command);
  EXPECT_EQ(site_.image_limits.maximum(), 77U);
  site_.image_limits.Clear();
  site_.start();
  EXPECT_EQ(site_.image_limits.maximum(), 77U);
}

}  // namespace
}  // namespace metalmesh
