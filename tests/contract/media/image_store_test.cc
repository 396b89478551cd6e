// The image store: what it is asked for, gives and forgets.
#include <gmock/gmock.h>

#include "tests/contract/media/source_server.h"
#include "tests/contract/media/store_fixture.h"

namespace metalmesh::media {
namespace {

using test::SourceServer;
using ::testing::HasSubstr;

class ImageStoreTest : public test::StoreFixture {};

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
