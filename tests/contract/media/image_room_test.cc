// What images may take of the disk.
#include <gmock/gmock.h>

#include "tests/contract/media/source_server.h"
#include "tests/contract/media/store_fixture.h"

namespace metalmesh::media {
namespace {

using test::SourceServer;
using ::testing::HasSubstr;

class ImageRoom : public test::StoreFixture {};

TEST_F(ImageRoom, NeverTakesTheReserve) {
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

TEST_F(ImageRoom, AsksForNoRoomWhenNoSourceGivesTheImage) {
  open(1ULL << 60);
  SourceServer source(content_);
  source.status = 503;
  fetch({source.url()}, content_.size());
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->why, ImageFailed::Why::unavailable);
}

TEST_F(ImageRoom, TellsTheRoomOfAnImageWhoseSizeOnlyItsSourceKnows) {
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

TEST_F(ImageRoom, ImagesTogetherTakeNoMoreThanTheirMaximum) {
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

}  // namespace
}  // namespace metalmesh::media
