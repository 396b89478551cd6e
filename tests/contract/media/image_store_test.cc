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
    store_.reset();
    ImageStoreOptions options;
    options.folder = folder_ / "images";
    options.reserve_bytes = reserve;
    auto store = ImageStore::open(options, sink_, log_);
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
  source.cut_after = 1'000'000;
  fetch({source.url()}, content_.size());
  const auto cut = failed();
  ASSERT_TRUE(cut.has_value());
  EXPECT_FALSE(cut->corrupt);
  EXPECT_EQ(test::read_file(file(".part")).size(), 1'000'000U);
  sink_.clear();
  open();
  source.cut_after = 0;
  fetch({source.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  const std::string second = source.requests().back();
  EXPECT_THAT(second, HasSubstr("Range: bytes=1000000-"));
  EXPECT_THAT(second, HasSubstr("If-Range: \"one\""));
}

TEST_F(ImageStoreTest, StartsOverWhenTheSourceChangedOrIgnoresRanges) {
  SourceServer source(std::string(content_.size(), 'o'));
  source.cut_after = 500'000;
  fetch({source.url()}, content_.size());
  ASSERT_TRUE(failed().has_value());
  sink_.clear();
  source.cut_after = 0;
  source.replace(content_, "\"two\"");
  fetch({source.url()}, content_.size());
  ASSERT_TRUE(ready().has_value());
}

TEST_F(ImageStoreTest, KeepsThePartWhileTheSourceIsAway) {
  std::string gone;
  {
    SourceServer source(content_);
    gone = source.url();
    source.cut_after = 700'000;
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
  EXPECT_TRUE(refused->corrupt);
  EXPECT_THAT(refused->detail, HasSubstr(digest_));
  EXPECT_FALSE(std::filesystem::exists(file(".part")));
  EXPECT_FALSE(std::filesystem::exists(file(".iso")));
}

TEST_F(ImageStoreTest, RefusesASourceOfAnotherSize) {
  SourceServer source(content_ + "more");
  fetch({source.url()}, content_.size());
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_TRUE(refused->corrupt);
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
  EXPECT_TRUE(source.requests().empty());
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
