// Composed ranges are compared with a patched copy, for every kind of overlap.
#include "agents/media/virtual_image.h"

#include <gmock/gmock.h>

#include "common/base/random.h"

namespace metalmesh::media {
namespace {

std::string materialise(const VirtualImage& image, const std::string& base, const ByteRange& range) {
  std::string out;
  for (const Segment& segment : image.segments(range)) {
    if (const auto* part = std::get_if<ByteRange>(&segment)) {
      out += base.substr(part->offset, part->length);
    } else {
      out += std::get<std::string>(segment);
    }
  }
  return out;
}

TEST(VirtualImage, EqualsThePatchedBytesForAnyRange) {
  Random random(7);
  std::string base(5000, '\0');
  for (char& c : base) c = static_cast<char>(random.next());
  const std::vector<Patch> patches = {{3000, std::string(700, 'B')}, {0, "start"}, {5, "next"}, {4999, "e"}};
  std::string patched = base;
  for (const Patch& patch : patches) patched.replace(patch.offset, patch.bytes.size(), patch.bytes);
  const auto image = VirtualImage::create(base.size(), "base", patches);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(materialise(*image, base, {0, 5000}), patched);
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t offset = random.below(5001);
    const ByteRange range{offset, random.below(5001 - offset)};
    ASSERT_EQ(materialise(*image, base, range), patched.substr(range.offset, range.length)) << range.offset;
  }
}

TEST(VirtualImage, RefusesPatchesThatOverlapOrLeave) {
  EXPECT_FALSE(VirtualImage::create(100, "b", {{10, "aaaa"}, {13, "b"}}).has_value());
  EXPECT_FALSE(VirtualImage::create(100, "b", {{98, "aaa"}}).has_value());
  EXPECT_FALSE(VirtualImage::create(100, "b", {{UINT64_MAX, "a"}}).has_value());
}

TEST(VirtualImage, HasOneETagPerContent) {
  wire::ImageFacts facts;
  facts.set_size(10000);
  facts.set_sha256("aa");
  facts.mutable_placeholder()->set_offset(2048);
  facts.mutable_placeholder()->set_length(100);
  const auto one = compose(facts, "answer one");
  const auto two = compose(facts, "answer two");
  const auto again = compose(facts, "answer one");
  ASSERT_TRUE(one && two && again);
  EXPECT_EQ(one->etag(), again->etag());
  EXPECT_NE(one->etag(), two->etag());
  facts.set_sha256("bb");
  EXPECT_NE(compose(facts, "answer one")->etag(), one->etag());
}

TEST(VirtualImage, PadsTheAnswerWithNewlines) {
  wire::ImageFacts facts;
  facts.set_size(100);
  facts.mutable_placeholder()->set_offset(10);
  facts.mutable_placeholder()->set_length(8);
  const auto image = compose(facts, "abc");
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(materialise(*image, std::string(100, '.'), {9, 10}), ".abc\n\n\n\n\n.");
  const auto too_long = compose(facts, "123456789");
  ASSERT_FALSE(too_long.has_value());
  EXPECT_THAT(too_long.error().message,
              testing::AllOf(testing::HasSubstr("9 bytes"), testing::HasSubstr("room for 8")));
}

}  // namespace
}  // namespace metalmesh::media
