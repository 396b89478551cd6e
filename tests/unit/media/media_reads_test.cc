// What of the media is read, as it is told and as it is remembered.
#include <gmock/gmock.h>

#include "tests/unit/media/media_core_bench.h"

namespace metalmesh::media {
namespace {

using std::chrono::seconds;
using test::guarded_range;
using test::plain_range;
using test::size;

class MediaReadsTest : public test::MediaCoreTest {};

TEST_F(MediaReadsTest, ReadsAreToldAtOnceThenOnceASecond) {
  order(wire::LAUNCHED);
  ask(1, "bytes=0-199999", 0);
  const auto first = told(core_.on_sent(1, 1000, at(5)));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].reads().bytes_served(), 1000U);
  EXPECT_EQ(first[0].reads().peer(), "10.0.0.9");
  EXPECT_EQ(first[0].reads().size(), size);
  EXPECT_TRUE(told(core_.on_sent(1, 199000, at(5))).empty());
  const auto put_down = core_.on_tick(at(5));
  EXPECT_EQ(kept(put_down).size(), 1U);
  EXPECT_TRUE(told(put_down).empty());
  EXPECT_EQ(core_.next_due(), MonoTime(seconds(6)));
  const auto second = told(core_.on_tick(at(6)));
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].reads().bytes_served(), 200000U);
  EXPECT_EQ(core_.next_due(), std::nullopt);
  EXPECT_TRUE(told(core_.on_tick(at(60))).empty()) << "nothing changed";
}

TEST_F(MediaReadsTest, ReadsAreToldAgainToTheNextLifeOfTheAgent) {
  order(wire::LAUNCHED);
  ask(1, "bytes=0-199999", 0);
  ASSERT_EQ(told(core_.on_sent(1, 200000, at(5))).size(), 1U);
  agent_gone();
  order(wire::LAUNCHED);
  const auto again = told(all_mounts({"tok"}, 9));
  ASSERT_EQ(again.size(), 1U) << "what was told may have died with the life before";
  EXPECT_EQ(again[0].reads().bytes_served(), 200000U);
}

TEST_F(MediaReadsTest, SeveralRangesAreServedAsParts) {
  order(wire::LAUNCHED);
  const auto out = responses(ask(1, "bytes=0-9,204800-204801"));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].status, 206);
  EXPECT_THAT(header(out[0], "Content-Type"), testing::StartsWith("multipart/byteranges; boundary="));
  std::uint64_t length = 0;
  std::string text;
  for (const Segment& segment : out[0].segments) {
    length += length_of(segment);
    if (const auto* between = std::get_if<SharedText>(&segment)) text += between->view();
  }
  EXPECT_EQ(out[0].content_length, length);
  EXPECT_THAT(text, testing::HasSubstr("Content-Range: bytes 0-9/1000000\r\n\r\n"));
  EXPECT_THAT(text, testing::HasSubstr("Content-Range: bytes 204800-204801/1000000\r\n\r\n"));
  const auto reads = told(core_.on_sent(1, length, at(0)));
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_EQ(reads[0].reads().bytes_served(), 12U) << "headings are not of the image";
}

TEST_F(MediaReadsTest, CoverageCountsDistinctBytes) {
  order(wire::LAUNCHED);
  ask(1, "", 0);
  core_.on_sent(1, size, at(0));
  ask(1, "", 2);
  const auto out = told(core_.on_sent(1, size, at(2)));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].reads().bytes_served(), 2 * size);
  EXPECT_EQ(out[0].reads().bytes_covered(), size);
}

TEST_F(MediaReadsTest, RefusedReadsAreCounted) {
  order(wire::CLOSED);
  const auto first = told(ask(1, guarded_range, 0));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].reads().refused_closed(), 1U);
  ask(1, guarded_range, 0);
  EXPECT_EQ(told(core_.on_tick(at(1))).at(0).reads().refused_closed(), 2U);
}

TEST_F(MediaReadsTest, ReadersOutliveTheAgent) {
  order(wire::LAUNCHED);
  const auto before = responses(ask(1, guarded_range)).at(0);
  agent_gone();
  EXPECT_TRUE(core_.may_continue(1));
  EXPECT_EQ(header(responses(ask(2, guarded_range)).at(0), "ETag"), header(before, "ETag"));
  order(wire::LAUNCHED);
  all_mounts({"tok"});
  EXPECT_TRUE(core_.may_continue(1));
}

TEST_F(MediaReadsTest, ReadsAreKeptForTheNextAgent) {
  order(wire::LAUNCHED);
  agent_gone();
  ask(1, "bytes=0-199999", 0);
  EXPECT_TRUE(told(core_.on_sent(1, 200000, at(0))).empty());
  EXPECT_EQ(kept(core_.on_tick(at(0))).size(), 1U);
  EXPECT_EQ(core_.next_due(), std::nullopt);
  order(wire::LAUNCHED);
  const auto reads = told(all_mounts({"tok"}, 5));
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_EQ(reads[0].reads().bytes_served(), 200000U);
  EXPECT_EQ(told(all_mounts({"tok"}, 50)).size(), 1U) << "whoever says hello may know nothing";
}

/// A media server that dies takes its counters with it; the next one goes on from what was put down.
TEST_F(MediaReadsTest, WhatWasReadOutlivesTheMediaServer) {
  order(wire::OPEN);
  ask(1, "bytes=0-131071");
  core_.on_sent(1, 131072, at(0));
  EXPECT_TRUE(kept(core_.on_tick(at(0))).empty()) << "nothing is launched yet";
  ask(2, guarded_range);
  verdict(true);
  const auto first = kept(core_.on_tick(at(0)));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].token, "tok");
  EXPECT_EQ(first[0].at, 0U);
  EXPECT_EQ(first[0].blocks, std::string("\x03\0", 2))
      << "also what was read before the launch: 2 of 16 blocks";
  agent_gone();
  ask(1, "bytes=655360-720895");
  core_.on_sent(1, 65536, at(1));
  const auto second = kept(core_.on_tick(at(1)));
  ASSERT_EQ(second.size(), 1U) << "above all without an agent";
  EXPECT_EQ(second[0].at, 1U);
  EXPECT_EQ(second[0].blocks, "\x04");
  EXPECT_TRUE(kept(core_.on_tick(at(2))).empty()) << "nothing new";

  core_ = MediaCore();
  order(wire::LAUNCHED);
  core_.recall("tok", first[0].etag, std::string("\x03\x04", 2));
  const auto reads = told(all_mounts({"tok"}, 3));
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_EQ(reads[0].reads().bytes_covered(), 196608U);
  ask(1, "");
  EXPECT_EQ(told(core_.on_sent(1, 999'999, at(5))).at(0).reads().bytes_covered(), size)
      << "each byte counts once";
}

/// Who reads now and then must not lose a block with each media server that dies: no later read is waited for.
TEST_F(MediaReadsTest, OneReadIsPutDownWithoutAnother) {
  order(wire::LAUNCHED);
  all_mounts({"tok"}, 0);
  (void)core_.on_tick(at(0));
  for (const int second : {3, 10}) {
    ask(1, "bytes=" + std::to_string(second * 65536) + "-" + std::to_string(second * 65536 + 65535));
    core_.on_sent(1, 65536, at(second));
    const auto due = core_.next_due();
    ASSERT_TRUE(due) << second;
    EXPECT_LE(*due, MonoTime(seconds(second + 1)));
    EXPECT_EQ(kept(core_.on_tick(at(second + 1))).size(), 1U) << second;
  }
}

TEST_F(MediaReadsTest, TheReadsOfAnotherMediumAreNotRecalled) {
  order(wire::LAUNCHED, "one answer");
  const std::string etag = header(responses(ask(1, plain_range)).at(0), "ETag");
  core_ = MediaCore();
  order(wire::LAUNCHED, "another");
  core_.recall("tok", etag, "\xff");
  core_.recall("nobody", etag, "\xff");
  EXPECT_TRUE(told(all_mounts({"tok"})).empty());
}

TEST_F(MediaReadsTest, TheEndForgetsWhatWasRead) {
  order(wire::LAUNCHED);
  const auto dead = kept(order(wire::DEAD));
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].token, "tok");
  EXPECT_TRUE(dead[0].etag.empty());
  EXPECT_TRUE(kept(order(wire::DEAD)).empty());
  const auto gone = kept(all_mounts({}));
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_TRUE(gone[0].etag.empty());
}

TEST_F(MediaReadsTest, AnUnreadableImageIsToldOnceAMinute) {
  order(wire::LAUNCHED);
  const auto fail = [&](ConnId conn, const std::string& path, int second) {
    ask(conn, plain_range, second);
    return told(core_.on_unreadable(conn, path, 4096, "Input/output error", at(second)));
  };
  const auto first = fail(1, "/images/base.iso", 0);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].unreadable().path(), "/images/base.iso");
  EXPECT_EQ(first[0].unreadable().sha256(), "aa");
  EXPECT_EQ(first[0].unreadable().offset(), 4096U);
  EXPECT_EQ(first[0].unreadable().detail(), "Input/output error");
  EXPECT_EQ(first[0].unreadable().peer(), "10.0.0.9");
  EXPECT_FALSE(core_.may_continue(1));
  EXPECT_TRUE(fail(2, "/images/base.iso", 59).empty());
  EXPECT_EQ(fail(3, "/images/other.iso", 59).size(), 1U);
  EXPECT_EQ(fail(4, "/images/base.iso", 61).size(), 1U);
  agent_gone();
  EXPECT_TRUE(fail(5, "/images/base.iso", 200).empty());
  EXPECT_TRUE(told(all_mounts({"tok"}, 201)).empty());
  EXPECT_EQ(fail(6, "/images/base.iso", 202).size(), 1U) << "nobody has heard of it";
}

}  // namespace
}  // namespace metalmesh::media
