// A launched medium that was booted starts nothing a second time, and everything else of it is served as before.
#include <gmock/gmock.h>

#include "tests/unit/media/media_core_bench.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t kernel_at = 262144;
constexpr std::uint64_t kernel_size = 131072;
constexpr std::uint64_t starter_at = 36864;
constexpr std::uint64_t starter_size = 4096;
constexpr char kernel[] = "bytes=262144-393215";
constexpr char starter[] = "bytes=36864-40959";
constexpr char behind[] = "bytes=458752-462847";

class MediumSealTest : public test::MediaCoreTest {
 protected:
  bool late_starter_ = false;
  MediaOutcome mount(wire::MountState state, bool sealed = false) {
    wire::MediaCommand command;
    wire::Mount& mount = *command.mutable_mount();
    mount.set_token("tok");
    mount.set_deployment_id("dep");
    mount.set_state(state);
    mount.set_sealed(sealed);
    wire::ImageFacts& image = *mount.mutable_image();
    image.set_size(test::size);
    image.set_path("/images/base.iso");
    image.set_sha256("aa");
    set(*image.add_kernels(), kernel_at, kernel_size);
    set(*image.add_guarded(), kernel_at, kernel_size);
    set(*image.add_starters(), starter_at, starter_size);
    if (late_starter_) set(*image.add_starters(), 458752, 4096);
    return core_.on_command(command, at(0));
  }
  static void set(wire::ByteRange& range, std::uint64_t offset, std::uint64_t length) {
    range.set_offset(offset);
    range.set_length(length);
  }
  MediaOutcome read(const std::string& range, std::uint64_t bytes, int second) {
    ask(1, range, second);
    return core_.on_sent(1, bytes, at(second));
  }
  std::vector<Segment> segments(const std::string& range) { return responses(ask(2, range)).at(0).segments; }
  /// Of what is served in `range`, the bytes that are not the image's own.
  std::uint64_t zeros(const std::string& range) {
    std::uint64_t count = 0;
    for (const Segment& segment : segments(range)) {
      const auto* text = std::get_if<SharedText>(&segment);
      if (text == nullptr) continue;
      EXPECT_EQ(text->view().find_first_not_of('\0'), std::string_view::npos);
      count += text->size();
    }
    return count;
  }
  static std::optional<wire::Reads> reads(const MediaOutcome& out) {
    for (const wire::MediaEvent& event : told(out)) {
      if (event.has_reads()) return event.reads();
    }
    return std::nullopt;
  }
};

TEST_F(MediumSealTest, WhoCopiesFromTheFrontGetsALoaderBehindTheKernelFirst) {
  late_starter_ = true;
  mount(wire::LAUNCHED);
  read("bytes=0-393215", 393216, 1);
  EXPECT_EQ(zeros(behind), 0U);
  read(behind, 4096, 2);
  EXPECT_EQ(zeros(behind), 4096U);
}

TEST_F(MediumSealTest, ItIsSealedWhenItsKernelWasReadToItsEnd) {
  mount(wire::LAUNCHED);
  read("bytes=262144-327679", 65536, 1);
  EXPECT_EQ(zeros(starter), 0U) << "its loader may still be at work";
  const auto out = read("bytes=327680-393215", 65536, 5);
  ASSERT_TRUE(reads(out));
  EXPECT_TRUE(reads(out)->sealed());
  ASSERT_EQ(kept(out).size(), 1U) << "also the next life of the media server is to know";
  EXPECT_EQ(zeros(starter), starter_size);
  EXPECT_EQ(zeros("bytes=32768-65535"), starter_size) << "and nothing around it";
  EXPECT_EQ(zeros(kernel), 0U) << "an installer may want it again";
}

TEST_F(MediumSealTest, WhatIsServedHasItsLengthWherePartsOfItAreZeros) {
  mount(wire::LAUNCHED, true);
  for (const auto& [range, length] :
       std::vector<std::pair<std::string, std::uint64_t>>{{"bytes=0-999999", 1'000'000},
                                                          {"bytes=40958-40961", 4},
                                                          {"bytes=36863-36864", 2},
                                                          {"bytes=38000-38001", 2}}) {
    std::uint64_t all = 0;
    for (const Segment& segment : segments(range)) all += length_of(segment);
    EXPECT_EQ(all, length) << range;
  }
}

TEST_F(MediumSealTest, AFirmwareThatLooksForAStartIsTold) {
  mount(wire::LAUNCHED);
  read(starter, starter_size, 1);
  EXPECT_EQ(reads(read(kernel, kernel_size, 3))->starts_refused(), 0U) << "that was the first one";
  EXPECT_EQ(reads(read("bytes=0-2047", 2048, 6))->starts_refused(), 0U)
      << "whoever mounts it reads that, too";
  EXPECT_EQ(reads(read(starter, starter_size, 9))->starts_refused(), 1U);
}

TEST_F(MediumSealTest, AnotherLifeOfTheMediaServerKnowsItByTheOrderOrByWhatWasPutDown) {
  mount(wire::LAUNCHED);
  const auto blocks = kept(read(kernel, kernel_size, 1)).at(0);
  for (const bool by_order : {true, false}) {
    core_ = MediaCore();
    mount(wire::LAUNCHED, by_order);
    if (!by_order) {
      EXPECT_EQ(zeros(starter), 0U);
      core_.recall("tok", blocks.etag, std::string(blocks.at, '\0') + blocks.blocks);
    }
    EXPECT_EQ(zeros(starter), starter_size);
  }
}

TEST_F(MediumSealTest, AnImageWhoseKernelIsNotKnownIsServedAsItIs) {
  order(wire::LAUNCHED);
  read("bytes=0-999999", test::size, 1);
  EXPECT_EQ(zeros(starter), 0U);
}

}  // namespace
}  // namespace metalmesh::media
