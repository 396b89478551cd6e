// The image store against sources that cut, lie, move and vanish.
#include "agents/media/server/image_store.h"

#include <gmock/gmock.h>

#include "common/base/digest.h"
#include "tests/contract/media/media_bench.h"
#include "tests/contract/media/source_server.h"

namespace metalmesh::media {
namespace {

using test::SourceServer;
using ::testing::HasSubstr;

class ImageStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    content_ = test::read_file(test::installer_iso());
    digest_ = to_hex(sha256(content_));
    open();
  }
  void open(std::uint64_t reserve = 1 << 20) {
    options_.share.reserve = reserve;
    reopen();
  }
  void reopen() {
    store_.reset();
    options_.folder = folder_ / "images";
    options_.look_every = std::chrono::milliseconds(50);
    auto store = ImageStore::open(options_, sink_, log_);
    ASSERT_TRUE(store.has_value()) << store.error().message;
    store_ = std::move(*store);
  }
  void fetch(std::vector<std::string> urls, std::uint64_t size = 0) {
    store_->fetch({digest_, size, std::move(urls)});
  }
  std::optional<ImageReady> ready(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    return sink_.wait<ImageReady>(
        [](const Input& input) -> std::optional<ImageReady> {
          const auto* found = std::get_if<ImageReady>(&input);
          return found == nullptr ? std::nullopt : std::optional(*found);
        },
        limit);
  }
  std::optional<ImageFailed> failed() {
    return sink_.wait<ImageFailed>([](const Input& input) -> std::optional<ImageFailed> {
      const auto* found = std::get_if<ImageFailed>(&input);
      return found == nullptr ? std::nullopt : std::optional(*found);
    });
  }
  [[nodiscard]] std::string file(const std::string& suffix) const {
    return folder_ / ("images/" + digest_ + suffix);
  }

  test::ScratchFolder folder_;
  test::WaitingSink sink_;
  test::QuietLog log_;
  std::string content_;
  std::string digest_;
  ImageStoreOptions options_;
  std::unique_ptr<ImageStore> store_;
};

TEST_F(ImageStoreTest, FetchesVerifiesAndProbes) {
  SourceServer source(content_);
  fetch({source.url()}, content_.size());
  const auto image = ready();
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->facts.size(), content_.size());
  EXPECT_EQ(image->facts.volume_id(), "MM_TEST");
  EXPECT_EQ(image->facts.placeholder().length(), 32768U);
  EXPECT_EQ(image->facts.sha256(), digest_);
  EXPECT_TRUE(test::read_file(image->facts.path()) == content_);
  sink_.clear();
  fetch({});
  EXPECT_TRUE(ready().has_value()) << "what is there is ready at once";
  EXPECT_EQ(source.requests().size(), 1U);
}

TEST_F(ImageStoreTest, CopiesAFile) {
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
}

TEST_F(ImageStoreTest, ResumesAfterACutAndARestart) {
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

TEST_F(ImageStoreTest, StartsOverWhenTheSourceChangedOrIgnoresRanges) {
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

TEST_F(ImageStoreTest, KeepsThePartWhileTheSourceIsAway) {
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

TEST_F(ImageStoreTest, RefusesCorruptContent) {
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

TEST_F(ImageStoreTest, RefusesASourceOfAnotherSize) {
  SourceServer source(content_ + "more");
  fetch({source.url()}, content_.size());
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->why, ImageFailed::Why::corrupt);
}

TEST_F(ImageStoreTest, TriesMirrorsInOrder) {
  SourceServer missing(content_);
  missing.status = 404;
  SourceServer damaged(std::string(content_.size(), 'x'));
  SourceServer good(content_);
  fetch({missing.url(), damaged.url(), good.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  EXPECT_EQ(good.requests().size(), 1U);
}

TEST_F(ImageStoreTest, NamesEverySourceThatFailedWithoutItsSecrets) {
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

TEST_F(ImageStoreTest, NeverTakesTheReserve) {
  open(1ULL << 60);
  SourceServer source(content_);
  fetch({source.url()}, content_.size());
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(refused->detail, HasSubstr("not enough disk space"));
  EXPECT_THAT(refused->detail, HasSubstr(std::to_string(content_.size()) + " more bytes are needed"));
  EXPECT_EQ(refused->why, ImageFailed::Why::no_room);
  EXPECT_GT(refused->missing, content_.size());
  EXPECT_EQ(source.requests().size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(file(".iso")));
}

TEST_F(ImageStoreTest, AsksForNoRoomWhenNoSourceGivesTheImage) {
  open(1ULL << 60);
  SourceServer source(content_);
  source.status = 503;
  fetch({source.url()}, content_.size());
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->why, ImageFailed::Why::unavailable);
}

TEST_F(ImageStoreTest, TellsTheRoomOfAnImageWhoseSizeOnlyItsSourceKnows) {
  wire::ImageLimits limits;
  limits.set_reserve(1 << 20);
  limits.set_maximum(content_.size() / 2);
  store_->limit({limits});
  SourceServer source(content_);
  fetch({source.url()});
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->why, ImageFailed::Why::no_room);
  EXPECT_GE(refused->missing, content_.size() / 2);
  EXPECT_LT(refused->missing, content_.size() / 2 + 65536);
}

TEST_F(ImageStoreTest, APartThatTheDiskDamagedIsNotTheSourcesFault) {
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

TEST_F(ImageStoreTest, ImagesTogetherTakeNoMoreThanTheirMaximum) {
  const std::string other = test::read_file(test::installer_iso()) + std::string(2048, 'x');
  test::write_file(folder_ / "other.iso", other);
  fetch({"file://" + test::installer_iso()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  sink_.clear();
  wire::ImageLimits limits;
  limits.set_reserve(1 << 20);
  limits.set_maximum(content_.size() + other.size() / 2);
  store_->limit({limits});
  const std::string name = to_hex(sha256(other));
  const auto fetch_other = [&] {
    store_->fetch({name, other.size(), {"file://" + (folder_ / "other.iso")}});
  };
  fetch_other();
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->why, ImageFailed::Why::no_room);
  EXPECT_GE(refused->missing, other.size() / 2);
  EXPECT_LT(refused->missing, other.size() + 65536);
  sink_.clear();
  store_->drop({digest_});
  fetch_other();
  EXPECT_TRUE(ready().has_value()) << "a drop makes room before it returns";
}

TEST_F(ImageStoreTest, CutsAreNoFailureAndCostNothing) {
  SourceServer source(content_);
  source.cut_after = content_.size() / 21 + 1;
  fetch({source.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  EXPECT_EQ(source.requests().size(), 21U);
  EXPECT_EQ(source.served(), content_.size());
}

TEST_F(ImageStoreTest, ASlowSourceIsLeftWithWhatItGave) {
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

TEST_F(ImageStoreTest, ASourceThatIgnoresRangesDoesNotLoseWhatIsThere) {
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

TEST_F(ImageStoreTest, ASourceOfAnotherSizeIsRefusedBeforeItTouchesWhatIsThere) {
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

TEST_F(ImageStoreTest, OfSourcesThatContradictEachOtherTheLiarIsNamed) {
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

TEST_F(ImageStoreTest, ACapHoldsForRunningTransfersToo) {
  SourceServer source(content_);
  wire::ImageLimits limits;
  auto& cap = *limits.add_bandwidth();
  cap.set_from("00:00");
  cap.set_to("24:00");
  cap.set_bytes_per_second(2'000'000);
  const auto began = std::chrono::steady_clock::now();
  store_->limit({limits});
  fetch({source.url()}, content_.size());
  const auto progress = sink_.wait<std::uint64_t>([](const Input& input) -> std::optional<std::uint64_t> {
    const auto* told = std::get_if<ImageProgress>(&input);
    return told != nullptr && told->bytes > 500'000 ? std::optional(told->bytes) : std::nullopt;
  });
  ASSERT_TRUE(progress.has_value());
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
  EXPECT_LT(static_cast<double>(*progress), (passed.count() + 0.3) * 2'000'000);
  store_->limit({});
  ASSERT_TRUE(ready().has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(2900))
      << "the cap was lifted";
}

TEST_F(ImageStoreTest, WhatRotsOnTheDiskIsRemovedAndTold) {
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  sink_.clear();
  std::string damaged = content_;
  damaged[content_.size() / 2] ^= 1;
  const auto before = std::filesystem::last_write_time(file(".iso"));
  test::write_file(file(".iso"), damaged);
  std::filesystem::last_write_time(file(".iso"), before);  // as a disk rots: nothing but the content changes
  options_.verify_every = std::chrono::seconds(0);
  reopen();
  const auto rotten = failed();
  ASSERT_TRUE(rotten.has_value());
  EXPECT_EQ(rotten->why, ImageFailed::Why::rotten);
  EXPECT_THAT(rotten->detail, HasSubstr("its SHA-256 has become"));
  EXPECT_FALSE(std::filesystem::exists(file(".iso")));
  sink_.clear();
  fetch({"file://" + test::installer_iso()});
  EXPECT_TRUE(ready().has_value());
}

TEST_F(ImageStoreTest, WhatIsWholeIsVerifiedAgainInItsTurn) {
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1000);
  std::filesystem::last_write_time(file(".ok"), long_ago);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::filesystem::last_write_time(file(".ok")) <= long_ago &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_GT(std::filesystem::last_write_time(file(".ok")), long_ago);
  EXPECT_TRUE(std::filesystem::exists(file(".iso")));
}

TEST_F(ImageStoreTest, AnImportIsFoundBesideTheRunningStore) {
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  const auto go_on = [](std::size_t) { return true; };
  const auto digest = folder->import_file(test::installer_iso(), digest_, {}, go_on);
  ASSERT_TRUE(digest.has_value()) << digest.error().message;
  EXPECT_EQ(*digest, digest_);
  const auto image = ready();
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->sha256, digest_);
  EXPECT_TRUE(image->imported);
  sink_.clear();
  reopen();
  fetch({"http://127.0.0.1:9/none.iso"});
  const auto again = ready();
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->imported) << "also after a restart";
}

TEST_F(ImageStoreTest, AnImportThatComesWhileADownloadIsHashedStaysOne) {
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  test::write_file(file(".part"), content_);
  ASSERT_TRUE(
      folder->import_file(test::installer_iso(), "", {}, [](std::size_t) { return true; }).has_value());
  ASSERT_TRUE(folder->promote(digest_, false).has_value());
  EXPECT_TRUE(folder->imported(digest_));
}

TEST_F(ImageStoreTest, AReleasedImportMayGoLikeOthers) {
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  EXPECT_EQ(folder->release(digest_).error().kind, ErrorKind::not_found);
  ASSERT_TRUE(
      folder->import_file(test::installer_iso(), "", {}, [](std::size_t) { return true; }).has_value());
  ASSERT_TRUE(ready().has_value());
  const auto before = folder->contents();
  ASSERT_EQ(before.size(), 1U);
  EXPECT_TRUE(before[0].whole && before[0].imported && before[0].verified_at);
  EXPECT_EQ(before[0].size, content_.size());
  sink_.clear();
  ASSERT_TRUE(folder->release(digest_).has_value());
  const auto told = ready();
  ASSERT_TRUE(told.has_value()) << "the running store notices";
  EXPECT_FALSE(told->imported);
  const auto after = folder->contents();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_FALSE(after[0].imported);
  EXPECT_EQ(after[0].verified_at, before[0].verified_at) << "it was not verified by that";
  test::write_file(file(".part"), "abc");
  folder->remember_origin(digest_, {"https://mirror/a.iso", "", false});
  const auto part = folder->contents();
  ASSERT_EQ(part.size(), 2U);
  EXPECT_TRUE(!part[0].whole && part[0].size == 3 && part[0].source == "https://mirror/a.iso");
}

TEST_F(ImageStoreTest, AnImportEndsAFetchThatDoesNotComeOn) {
  SourceServer source(content_);
  source.pause_ms = 300;
  fetch({source.url()}, content_.size());
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  ASSERT_TRUE(
      folder->import_file(test::installer_iso(), "", {}, [](std::size_t) { return true; }).has_value());
  ASSERT_TRUE(ready().has_value());
  EXPECT_LT(source.served(), content_.size());
  EXPECT_FALSE(std::filesystem::exists(file(".part")));
}

TEST_F(ImageStoreTest, AnImportThatDoesNotFitOrIsNotWhatItShouldBeLeavesNothing) {
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  const auto go_on = [](std::size_t) { return true; };
  const auto wrong = folder->import_file(test::installer_iso(), std::string(64, 'a'), {}, go_on);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().kind, ErrorKind::corrupt);
  const auto large = folder->import_file(test::installer_iso(), "", {.reserve = 1ULL << 60}, go_on);
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().kind, ErrorKind::exhausted);
  const auto gone = folder->import_file(folder_ / "none.iso", "", {}, go_on);
  ASSERT_FALSE(gone.has_value());
  test::write_file(folder_ / "images/1.import", "of one that was killed");
  ASSERT_TRUE(ImageFolder::open(folder_ / "images").has_value());
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "images"));
}

TEST_F(ImageStoreTest, HashesAgainWhatChangedBehindItsBack) {
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  std::string damaged = content_;
  damaged[100000] ^= 1;
  test::write_file(file(".iso"), damaged);
  sink_.clear();
  open();
  fetch({});
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_FALSE(std::filesystem::exists(file(".iso")));
}

TEST_F(ImageStoreTest, TrustsItsMarkerAfterARestart) {
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  sink_.clear();
  open();
  fetch({});
  EXPECT_TRUE(ready().has_value());
}

TEST_F(ImageStoreTest, StopsQuicklyAndResumes) {
  SourceServer source(content_);
  source.pause_ms = 100;
  fetch({source.url()}, content_.size());
  const auto progress = sink_.wait<bool>([](const Input& input) -> std::optional<bool> {
    return std::holds_alternative<ImageProgress>(input) ? std::optional(true) : std::nullopt;
  });
  ASSERT_TRUE(progress.has_value());
  const auto began = std::chrono::steady_clock::now();
  store_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
  EXPECT_FALSE(ready(std::chrono::milliseconds(1)).has_value());
  source.pause_ms = 0;
  open();
  fetch({source.url()}, content_.size());
  EXPECT_TRUE(ready().has_value());
}

TEST_F(ImageStoreTest, DropRemovesAndALaterFetchWorks) {
  SourceServer source(content_);
  source.pause_ms = 20;
  fetch({source.url()}, content_.size());
  store_->drop({digest_});
  source.pause_ms = 0;
  fetch({source.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  store_->drop({digest_});
  sink_.clear();
  fetch({source.url()}, content_.size());
  EXPECT_TRUE(ready().has_value());
  EXPECT_TRUE(std::filesystem::exists(file(".iso")));
}

TEST_F(ImageStoreTest, RefusesNamesThatAreNoDigests) {
  store_->fetch({"../../etc/passwd", 0, {"file:///etc/passwd"}});
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(refused->detail, HasSubstr("64 lower-case hex"));
}

}  // namespace
}  // namespace metalmesh::media
