// A transcript over REST: its bytes when it is here, where it is when it is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/ports/memory_rows.h"
#include "controller/api/mesh_api.h"
#include "controller/state/transcript_rows.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;

struct TranscriptApi : ::testing::Test {
  TranscriptApi() {
    rest::Deployment& deployment = state.deployments["d"];
    deployment.set_id("d");
    deployment.set_site("par1");
    request.captures = {"d"};
  }
  rest::Transcript& transcript() { return *state.deployments["d"].mutable_transcript(); }
  [[nodiscard]] ApiResult get() const { return get_transcript(request, state, rows); }
  [[nodiscard]] Problem refusal() const {
    const ApiResult result = get();
    return result ? Problem{} : result.error();
  }
  MeshState state;
  MemoryRows rows;
  ApiRequest request;
};

TEST_F(TranscriptApi, ComesAsItIs) {
  const std::string bytes(transcript_piece + 100, 'x');
  transcript().set_sha256("aa");
  transcript().set_size(bytes.size());
  transcript().set_state(transcripts::here);
  rows.commit({{piece_key("d", transcript(), 0), bytes.substr(0, transcript_piece)},
               {piece_key("d", transcript(), 1), bytes.substr(transcript_piece)}});
  const ApiResult result = get();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(result->body, bytes);
  EXPECT_EQ(result->content_type, "application/x-ndjson");
  rows.commit({{piece_key("d", transcript(), 1), std::nullopt}});
  EXPECT_EQ(refusal().status, 500);
}

TEST_F(TranscriptApi, SaysWhereItIs) {
  EXPECT_EQ(refusal().status, 404);
  EXPECT_THAT(refusal().detail, HasSubstr("has no transcript"));
  transcript().set_state(transcripts::coming);
  EXPECT_EQ(refusal().status, 503);
  EXPECT_THAT(refusal().detail, HasSubstr("at site par1"));
  transcript().set_state(transcripts::gone);
  transcript().set_note("it made room");
  EXPECT_EQ(refusal().status, 404);
  EXPECT_THAT(refusal().detail, HasSubstr("gone: it made room"));
  request.captures = {"other"};
  EXPECT_THAT(refusal().detail, HasSubstr("there is no deployment"));
}

}  // namespace
}  // namespace metalmesh::controller
