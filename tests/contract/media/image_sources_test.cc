// Sources that cut, lie, move and vanish.
#include <gmock/gmock.h>

#include "tests/contract/media/source_server.h"
#include "tests/contract/media/store_fixture.h"

namespace metalmesh::media {
namespace {

using test::SourceServer;
using ::testing::HasSubstr;

class ImageSources : public test::StoreFixture {};

TEST_F(ImageSources, ResumesAfterACutAndARestart) {
  SourceServer source(content_);
  source.stop_at = 1'000'000;
  fetch({source.url()}, content_.size());
  const auto cut = failed();
  ASSERT_TRUE(cut.has_value());
  EXPECT_EQ(cut->why, ImageFailed::Why::unavailable);
  EXPECT_GE(cut->held, 1'000'000U);
  EXPECT_EQ(test::read_file(file(".part")).size(), 1'000'000U);
  sink_.clear();
  open();
  source.stop_at = 0;
  fetch({source.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  const std::string second = source.requests().back();
  EXPECT_THAT(second, HasSubstr("Range: bytes=1000000-"));
  EXPECT_THAT(second, HasSubstr("If-Range: \"one\""));
}

TEST_F(ImageSources, StartsOverWhenTheSourceChangedOrIgnoresRanges) {
  SourceServer source(std::string(content_.size(), 'o'));
  source.stop_at = 500'000;
  fetch({source.url()}, content_.size());
  ASSERT_TRUE(failed().has_value());
  sink_.clear();
  source.stop_at = 0;
  source.replace(content_, "\"two\"");
  fetch({source.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
}

TEST_F(ImageSources, KeepsThePartWhileTheSourceIsAway) {
  std::string gone;
  {
    SourceServer source(content_);
    gone = source.url();
    source.stop_at = 700'000;
    fetch({source.url()});
    ASSERT_TRUE(failed().has_value());
  }
  sink_.clear();
  fetch({gone});
  ASSERT_TRUE(failed().has_value());
  EXPECT_EQ(test::read_file(file(".part")).size(), 700'000U);
}

TEST_F(ImageSources, RefusesCorruptContent) {
  std::string damaged = content_;
  damaged[damaged.size() / 2] ^= 1;
  SourceServer source(damaged);
  fetch({source.url()}, content_.size());
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->why, ImageFailed::Why::corrupt);
  EXPECT_THAT(refused->detail, HasSubstr(digest_));
  EXPECT_FALSE(std::filesystem::exists(file(".part")));
  EXPECT_FALSE(std::filesystem::exists(file(".iso")));
}

TEST_F(ImageSources, RefusesASourceOfAnotherSize) {
  SourceServer source(content_ + "more");
  fetch({source.url()}, content_.size());
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->why, ImageFailed::Why::corrupt);
}

TEST_F(ImageSources, TriesMirrorsInOrder) {
  SourceServer missing(content_);
  missing.status = 404;
  SourceServer damaged(std::string(content_.size(), 'x'));
  SourceServer good(content_);
  fetch({missing.url(), damaged.url(), good.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  EXPECT_EQ(good.requests().size(), 1U);
}

TEST_F(ImageSources, NamesEverySourceThatFailedWithoutItsSecrets) {
  SourceServer missing(content_);
  missing.status = 404;
  std::string secret = missing.url() + "?token=hush";
  secret.insert(7, "user:password@");
  fetch({secret, "ftp://nowhere/x"});
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(refused->detail, HasSubstr("HTTP 404"));
  EXPECT_THAT(refused->detail, HasSubstr("ftp://nowhere/x"));
  EXPECT_THAT(refused->detail, testing::Not(HasSubstr("password")));
  EXPECT_THAT(refused->detail, testing::Not(HasSubstr("hush")));
}

TEST_F(ImageSources, APartThatTheDiskDamagedIsNotTheSourcesFault) {
  SourceServer source(content_);
  source.stop_at = 1'000'000;
  fetch({source.url()}, content_.size());
  ASSERT_TRUE(failed().has_value());
  sink_.clear();
  store_.reset();
  std::string part = test::read_file(file(".part"));
  part.replace(part.size() - 4096, 4096, 4096, '\0');  // as after a loss of power
  test::write_file(file(".part"), part);
  source.stop_at = 0;
  open();
  fetch({source.url()}, content_.size());
  EXPECT_TRUE(ready().has_value());
}

TEST_F(ImageSources, CutsAreNoFailureAndCostNothing) {
  SourceServer source(content_);
  source.cut_after = content_.size() / 21 + 1;
  fetch({source.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  EXPECT_EQ(source.requests().size(), 21U);
  EXPECT_EQ(source.served(), content_.size());
}

TEST_F(ImageSources, ASlowSourceIsLeftWithWhatItGave) {
  options_.download.silence_seconds = 1;
  options_.download.least_rate = 1'000'000;
  reopen();
  SourceServer slow(content_);
  slow.pause_ms = 500;
  SourceServer good(content_);
  fetch({slow.url(), good.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  EXPECT_THAT(good.requests().at(0), HasSubstr("Range: bytes="));
  EXPECT_THAT(good.requests().at(0), testing::Not(HasSubstr("If-Range"))) << "what is there is not from it";
  EXPECT_LT(good.served(), content_.size());
}

TEST_F(ImageSources, ASourceThatIgnoresRangesDoesNotLoseWhatIsThere) {
  SourceServer first(content_);
  first.stop_at = 2'000'000;
  SourceServer rangeless(content_);
  rangeless.ignore_ranges = true;
  rangeless.stop_at = 1'000'000;
  fetch({first.url(), rangeless.url()}, content_.size());
  ASSERT_TRUE(failed().has_value());
  EXPECT_EQ(test::read_file(file(".part")).size(), 2'000'000U);
  sink_.clear();
  rangeless.stop_at = 0;
  fetch({rangeless.url()}, content_.size());
  EXPECT_TRUE(ready().has_value());
}

TEST_F(ImageSources, ASourceOfAnotherSizeIsRefusedBeforeItTouchesWhatIsThere) {
  SourceServer good(content_);
  good.stop_at = 2'000'000;
  SourceServer larger(content_ + "more");
  fetch({good.url(), larger.url()}, content_.size());
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->why, ImageFailed::Why::unavailable) << "one of the two may still give it";
  EXPECT_THAT(refused->detail, HasSubstr(larger.url() + ": the source offers"));
  EXPECT_EQ(test::read_file(file(".part")).size(), 2'000'000U);
}

TEST_F(ImageSources, OfSourcesThatContradictEachOtherTheLiarIsNamed) {
  std::string damaged = content_;
  for (char& byte : damaged) byte ^= 1;
  SourceServer liar(damaged);
  liar.stop_at = 1'500'000;  // it gives a part only, and the good one completes it
  SourceServer good(content_);
  fetch({liar.url(), good.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  EXPECT_TRUE(test::read_file(file(".iso")) == content_);

  store_->drop({digest_});
  sink_.clear();
  liar.stop_at = 0;
  good.status = 404;
  fetch({liar.url(), good.url()}, content_.size());
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(refused->detail, HasSubstr(liar.url() + ": its SHA-256 is"));
}

TEST_F(ImageSources, ALoginPageIsNotTakenForAnImage) {
  const std::string page = "\n<!DOCTYPE html><html><body>Who are you?</body></html>";
  SourceServer source(page);
  source.type("text/html; charset=utf-8");
  const std::string came =
      std::to_string(page.size()) + " bytes of type text/html; charset=utf-8 that look like HTML";
  fetch({source.url()}, content_.size());
  const auto sized = failed();
  ASSERT_TRUE(sized.has_value());
  EXPECT_EQ(sized->why, ImageFailed::Why::corrupt);
  EXPECT_THAT(sized->detail, HasSubstr(came));
  EXPECT_THAT(sized->detail, HasSubstr("expected " + std::to_string(content_.size())));
  sink_.clear();
  fetch({source.url()});
  const auto unsized_one = failed();
  ASSERT_TRUE(unsized_one.has_value());
  EXPECT_EQ(unsized_one->why, ImageFailed::Why::corrupt);
  EXPECT_THAT(unsized_one->detail, HasSubstr("it gave " + came));
}

}  // namespace
}  // namespace metalmesh::media
