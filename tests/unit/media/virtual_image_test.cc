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
      out += std::get<SharedText>(segment).view();
    }
  }
  return out;
}

TEST(VirtualImage, EqualsThePatchedBytesForAnyRange) {
  Random random(7);
  std::string base(5000, '\0');
  for (char& c : base) c = static_cast<char>(random.next());
  Overlay overlay;
  overlay.size = 6000;
  overlay.patches = {{3000, std::string(700, 'B')},
                     {0, "start"},
                     {5, "next"},
                     {4999, "e"},
                     {5000, ByteRange{100, 600}},
                     {5600, "a new tail"},
                     {5610, ByteRange{0, 390}}};
  std::string patched = base + base.substr(100, 600) + "a new tail" + base.substr(0, 390);
  for (const Patch& patch : overlay.patches) {
    if (const auto* bytes = std::get_if<SharedText>(&patch.content)) {
      patched.replace(patch.offset, bytes->size(), bytes->view());
    }
  }
  const auto image = VirtualImage::create(base.size(), "base", overlay);
  ASSERT_TRUE(image.has_value());
  ASSERT_EQ(image->size(), 6000U);
  EXPECT_EQ(materialise(*image, base, {0, 6000}), patched);
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t offset = random.below(6001);
    const ByteRange range{offset, random.below(6001 - offset)};
    ASSERT_EQ(materialise(*image, base, range), patched.substr(range.offset, range.length)) << range.offset;
  }
}

TEST(VirtualImage, RefusesPatchesThatOverlapOrLeave) {
  const auto made = [](std::uint64_t size, std::vector<Patch> patches) {
    return VirtualImage::create(100, "b", Overlay{size, std::move(patches), {}}).has_value();
  };
  EXPECT_TRUE(made(100, {{10, "aaaa"}, {14, "b"}}));
  EXPECT_FALSE(made(100, {{10, "aaaa"}, {13, "b"}}));
  EXPECT_FALSE(made(100, {{98, "aaa"}}));
  EXPECT_FALSE(made(100, {{UINT64_MAX, "a"}}));
  EXPECT_TRUE(made(104, {{100, ByteRange{96, 4}}}));
  EXPECT_FALSE(made(104, {{100, ByteRange{97, 4}}})) << "leaves the base";
  EXPECT_FALSE(made(104, {{100, "abc"}})) << "nothing fills the last byte";
  EXPECT_FALSE(made(104, {{101, "abc"}})) << "nothing fills the first byte";
}

TEST(VirtualImage, HasOneETagPerContent) {
  wire::ImageFacts facts;
  facts.set_size(10000);
  facts.set_sha256("aa");
  facts.mutable_placeholder()->set_offset(2048);
  facts.mutable_placeholder()->set_length(100);
  const auto compose = [&](const std::string& answer) {
    return VirtualImage::create(facts.size(), facts.sha256(), *fill_placeholder(facts, answer));
  };
  const auto one = compose("answer one");
  const auto two = compose("answer two");
  const auto again = compose("answer one");
  ASSERT_TRUE(one && two && again);
  EXPECT_EQ(one->etag(), again->etag());
  EXPECT_NE(one->etag(), two->etag());
  facts.set_sha256("bb");
  EXPECT_NE(compose("answer one")->etag(), one->etag());
}

TEST(VirtualImage, PadsTheAnswerWithNewlines) {
  wire::ImageFacts facts;
  facts.set_size(100);
  facts.mutable_placeholder()->set_offset(10);
  facts.mutable_placeholder()->set_length(8);
  auto overlay = fill_placeholder(facts, "abc");
  ASSERT_TRUE(overlay.has_value());
  const auto image = VirtualImage::create(100, "b", std::move(*overlay));
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(materialise(*image, std::string(100, '.'), {9, 10}), ".abc\n\n\n\n\n.");
  const auto too_long = fill_placeholder(facts, "123456789");
  ASSERT_FALSE(too_long.has_value());
  EXPECT_THAT(too_long.error().message,
              testing::AllOf(testing::HasSubstr("9 bytes"), testing::HasSubstr("room for 8")));
}

TEST(VirtualImage, AllShareWhatFillsTheirPlaceholders) {
  wire::ImageFacts facts;
  facts.set_size(60'000);
  facts.mutable_placeholder()->set_offset(10);
  facts.mutable_placeholder()->set_length(40'000);
  const auto one = fill_placeholder(facts, "abc");
  const auto two = fill_placeholder(facts, "abcd");
  ASSERT_TRUE(one && two);
  const auto last = [](const Overlay& o) { return std::get<SharedText>(o.patches.back().content).view(); };
  EXPECT_EQ(last(*one).data(), last(*two).data());
  const auto image = VirtualImage::create(60'000, "b", *one);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(materialise(*image, std::string(60'000, '.'), {9, 40'002}),
            ".abc" + std::string(39'997, '\n') + ".");
}

/// Two hundred readers that stand still in the middle of a placeholder share its bytes.
TEST(VirtualImage, RangesShareThePatch) {
  Overlay overlay;
  overlay.size = 4 << 20;
  overlay.patches = {{0, std::string(4 << 20, 'x')}};
  const auto image = VirtualImage::create(4 << 20, "base", std::move(overlay));
  ASSERT_TRUE(image.has_value());
  const char* bytes = nullptr;
  for (const std::uint64_t from : {0, 1, 100'000}) {
    const auto segments = image->segments({from, image->size() - from});
    ASSERT_EQ(segments.size(), 1U);
    const std::string_view seen = std::get<SharedText>(segments[0]).view();
    ASSERT_EQ(seen.size(), image->size() - from);
    if (bytes == nullptr) bytes = seen.data();
    EXPECT_EQ(seen.data(), bytes + from) << "the same bytes, not a copy";
  }
}

}  // namespace
}  // namespace metalmesh::media
