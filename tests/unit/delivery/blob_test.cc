#include <gtest/gtest.h>

#include "common/base/digest.h"
#include "common/delivery/blob_transfer.h"
#include "common/ports/memory_rows.h"
#include "tests/unit/delivery/virtual_time.h"

namespace metalmesh::delivery {
namespace {

using namespace std::chrono_literals;
using Verdict = BlobFetcher::Verdict;

std::string blob_of(std::size_t size) {
  std::string blob(size, '\0');
  for (std::size_t i = 0; i < size; ++i) blob[i] = static_cast<char>(i * 7 + i / 251);
  return blob;
}

TEST(Blob, crosses_in_chunks) {
  const std::string blob = blob_of(100'000);
  const std::string name = to_hex(sha256(blob));
  BlobFetcher fetcher;
  ASSERT_TRUE(fetcher.want(name));
  BlobFetcher::Taken taken;
  int chunks = 0;
  while (taken.verdict != Verdict::complete) {
    const auto wants = fetcher.pump(at(1s));
    ASSERT_EQ(wants.size(), 1U);
    const auto chunk = answer_blob_want(wants[0], &blob);
    EXPECT_LE(chunk.bytes().size(), blob_chunk_limit);
    taken = fetcher.on_chunk(chunk, at(1s));
    ++chunks;
    EXPECT_NE(fetcher.on_chunk(chunk, at(1s)).verdict, Verdict::corrupt);  // repeated
  }
  EXPECT_EQ(chunks, 3);
  EXPECT_EQ(taken.bytes, blob);
  EXPECT_FALSE(fetcher.wants(name));
}

TEST(Blob, chunks_are_no_longer_than_is_wanted) {
  const std::string blob = blob_of(100'000);
  wire::BlobWant want;
  want.set_offset(99'000);
  want.set_most(600);
  EXPECT_EQ(answer_blob_want(want, &blob).bytes(), blob.substr(99'000, 600));
  want.set_offset(0);
  want.set_most(1'000'000);
  EXPECT_EQ(answer_blob_want(want, &blob).bytes().size(), blob_chunk_limit);
}

TEST(Blob, an_empty_one_is_a_blob_too) {
  const std::string blob;
  BlobFetcher fetcher;
  ASSERT_TRUE(fetcher.want(to_hex(sha256(blob))));
  EXPECT_EQ(fetcher.on_chunk(answer_blob_want(fetcher.pump(at(1s)).at(0), &blob), at(1s)).verdict,
            Verdict::complete);
}

TEST(Blob, is_asked_for_again_when_nothing_came) {
  BlobFetcher fetcher;
  ASSERT_TRUE(fetcher.want("aa"));
  EXPECT_EQ(fetcher.pump(at(1s)).size(), 1U);
  EXPECT_TRUE(fetcher.pump(at(2s)).empty());
  EXPECT_EQ(fetcher.next_due(), at(4s).mono);
  EXPECT_EQ(fetcher.pump(at(4s)).size(), 1U);
  fetcher.rewind();
  EXPECT_EQ(fetcher.pump(at(4s)).size(), 1U);
}

TEST(Blob, is_never_given_out_with_a_wrong_digest) {
  const std::string blob = blob_of(50'000);
  std::string other = blob;
  other.back() ^= 1;
  const std::string name = to_hex(sha256(blob));
  BlobFetcher fetcher;
  ASSERT_TRUE(fetcher.want(name));
  EXPECT_EQ(fetcher.on_chunk(answer_blob_want(fetcher.pump(at(1s)).at(0), &other), at(1s)).verdict,
            Verdict::progress);
  const auto last = fetcher.on_chunk(answer_blob_want(fetcher.pump(at(1s)).at(0), &other), at(1s));
  EXPECT_EQ(last.verdict, Verdict::corrupt);
  EXPECT_TRUE(last.bytes.empty());
  EXPECT_TRUE(fetcher.wants(name));
  EXPECT_TRUE(fetcher.pump(at(20s)).empty());  // slowly now
  const auto again = fetcher.pump(at(31s));
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].offset(), 0U);
}

TEST(Blob, unknown_and_oversize_ones_are_reported) {
  BlobFetcher fetcher;
  ASSERT_TRUE(fetcher.want("aa"));
  const auto want = fetcher.pump(at(1s)).at(0);
  EXPECT_EQ(fetcher.on_chunk(answer_blob_want(want, nullptr), at(1s)).verdict, Verdict::unknown);
  ASSERT_EQ(fetcher.pump(at(40s)).size(), 1U);
  wire::BlobChunk huge;
  huge.set_sha256("aa");
  huge.set_size(blob_limit + 1);
  huge.set_bytes("x");
  EXPECT_EQ(fetcher.on_chunk(huge, at(40s)).verdict, Verdict::too_long);
  wire::BlobChunk unasked;
  unasked.set_sha256("bb");
  EXPECT_EQ(fetcher.on_chunk(unasked, at(40s)).verdict, Verdict::ignored);
}

TEST(Blob, a_peer_that_changes_its_mind_or_overruns_is_refused) {
  const std::string blob = blob_of(50'000);
  BlobFetcher fetcher;
  ASSERT_TRUE(fetcher.want("aa"));
  auto first = answer_blob_want(fetcher.pump(at(1s)).at(0), &blob);
  first.set_sha256("aa");
  ASSERT_EQ(fetcher.on_chunk(first, at(1s)).verdict, Verdict::progress);
  wire::BlobChunk second;
  second.set_sha256("aa");
  second.set_offset(first.bytes().size());
  second.set_size(60'000);
  second.set_bytes("x");
  EXPECT_EQ(fetcher.on_chunk(second, at(1s)).verdict, Verdict::corrupt);
  ASSERT_EQ(fetcher.pump(at(60s)).size(), 1U);
  wire::BlobChunk overrun;
  overrun.set_sha256("aa");
  overrun.set_size(2);
  overrun.set_bytes("xyz");
  EXPECT_EQ(fetcher.on_chunk(overrun, at(60s)).verdict, Verdict::corrupt);
}

TEST(Blob, only_a_few_hold_memory_at_a_time_and_the_rest_queue) {
  BlobFetcher fetcher(BlobLimits{.side_by_side = 2, .wanted = 3});
  for (const char* name : {"aa", "bb", "cc"}) ASSERT_TRUE(fetcher.want(name));
  EXPECT_FALSE(fetcher.want("dd"));
  EXPECT_TRUE(fetcher.want("aa"));
  auto wants = fetcher.pump(at(1s));
  ASSERT_EQ(wants.size(), 2U);
  EXPECT_EQ(fetcher.on_chunk(answer_blob_want(wants[0], nullptr), at(1s)).verdict, Verdict::unknown);
  wants = fetcher.pump(at(1s));  // the place went to the next one
  ASSERT_EQ(wants.size(), 1U);
  EXPECT_EQ(wants[0].sha256(), "cc");
  fetcher.forget("bb");
  EXPECT_FALSE(fetcher.wants("bb"));
}

}  // namespace
}  // namespace metalmesh::delivery
