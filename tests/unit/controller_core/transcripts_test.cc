// Transcripts that sites keep and events only name: asked for, taken in piece by piece, believed by their digest.
#include "controller/core/transcripts.h"

#include "controller/state/tables.h"
#include "tests/unit/controller_core/planned.h"

namespace metalmesh::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Transcript : Planned {
  std::string bytes_of(std::size_t size, char seed) {
    std::string bytes(size, seed);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + (i * 7 + i / 97 + seed) % 26);
    return bytes;
  }
  /// Server n fails, and its site names a transcript of so many bytes.
  std::string fail(int n, std::size_t size, bool keeps = true) {
    const std::string server = "s" + std::to_string(n);
    mesh.add_ready(server, agent, n);
    auto rollout = Mesh::rollout_object("r" + std::to_string(n));
    rollout.mutable_spec()->mutable_select()->add_servers(server);
    mesh.start_rollout(rollout);
    agent.accept(server);
    const std::string bytes = bytes_of(size, static_cast<char>(n));
    const std::string sha = to_hex(sha256(bytes));
    if (keeps) agent.blobs[sha] = bytes;
    wire::Event event = agent.about(server);
    event.mutable_ended()->set_outcome(wire::Ended::FAILED);
    event.mutable_ended()->set_disk(wire::DISK_UNTOUCHED);
    event.mutable_ended()->mutable_transcript()->set_sha256(sha);
    event.mutable_ended()->mutable_transcript()->set_size(size);
    agent.report(event);
    return bytes;
  }
  [[nodiscard]] const rest::Deployment& deployment(int n) const {
    for (const auto& [id, deployment] : mesh.state().deployments)
      if (deployment.server() == "s" + std::to_string(n)) return deployment;
    throw std::out_of_range("no such deployment");
  }
  [[nodiscard]] const rest::Transcript& of(int n) const { return deployment(n).transcript(); }
  [[nodiscard]] std::string stored(int n) const {
    return read_pieces(mesh.store, deployment(n).id(), of(n), pieces_of(of(n))).value_or("unreadable");
  }
  [[nodiscard]] std::size_t rows() const {
    return mesh.store.scan(tables::transcripts, tables::end_of(tables::transcripts), 10'000)->size();
  }
};

TEST_F(Transcript, IsComingUntilItIsHere) {
  agent.answers_wants = false;
  const std::string bytes = fail(0, 20'000);
  EXPECT_EQ(deployment(0).state(), "FAILED");
  EXPECT_EQ(of(0).state(), "coming");
  agent.answers_wants = true;
  mesh.run_for(10s);
  EXPECT_EQ(of(0).state(), "here");
  EXPECT_TRUE(of(0).has_received());
  EXPECT_TRUE(stored(0) == bytes);
  for (const wire::BlobWant& want : agent.wants) {
    EXPECT_EQ(want.most(), transcript_piece);
    EXPECT_EQ(want.journal_id(), agent.journal);
  }
}

TEST_F(Transcript, GoesOnWhereItWasAfterARestart) {
  agent.answers_wants = false;
  const std::string bytes = fail(0, 30'000);
  mesh.run_for(2s);
  ASSERT_THAT(agent.wants, SizeIs(1));
  const auto& blob = agent.blobs.begin()->second;
  agent.publish("blob_chunk", delivery::answer_blob_want(agent.wants.back(), &blob));
  agent.publish("blob_chunk", delivery::answer_blob_want(agent.wants.front(), &blob));  // doubled
  ASSERT_THAT(agent.wants, SizeIs(2));
  EXPECT_EQ(agent.wants.back().offset(), transcript_piece);
  mesh.restart();
  agent.wants.clear();
  agent.answers_wants = true;
  mesh.run_for(10s);
  ASSERT_FALSE(agent.wants.empty());
  EXPECT_EQ(agent.wants.front().offset(), transcript_piece);
  EXPECT_TRUE(stored(0) == bytes);
}

TEST_F(Transcript, IsAskedForAgainWhenNothingComes) {
  agent.answers_wants = false;
  fail(0, 100);
  mesh.run_for(12s);
  EXPECT_THAT(agent.wants, SizeIs(3));
}

TEST_F(Transcript, ThatDoesNotComeKeepsNoOtherWaiting) {
  fail(0, 100);
  mesh.run_for(3s);
  EXPECT_EQ(of(0).state(), "here");
  agent.answers_wants = false;
  fail(1, 20'000);
  mesh.run_for(2s);
  const std::string bytes = fail(2, 100);
  mesh.run_for(20s);
  agent.answers_wants = true;
  agent.wants.clear();
  mesh.run_for(45s);
  ASSERT_FALSE(agent.wants.empty());
  EXPECT_EQ(agent.wants.front().sha256(), of(2).sha256());
  EXPECT_TRUE(stored(2) == bytes);
  EXPECT_EQ(of(1).state(), "here");
}

TEST_F(Transcript, ThatIsGoneAtItsSiteIsToldSo) {
  fail(0, 100, false);
  mesh.run_for(5s);
  EXPECT_EQ(of(0).state(), "coming") << "one answer is not enough: another agent may have it";
  mesh.run_for(90s);
  EXPECT_EQ(of(0).state(), "gone");
  EXPECT_THAT(of(0).note(), HasSubstr("does not have it"));
  EXPECT_TRUE(mesh.logged("the transcript is gone"));
}

TEST_F(Transcript, IsNeverMadeOfOtherBytes) {
  const std::string bytes = fail(0, 20'000, false);
  std::string other = bytes;
  other[12'000] = 'X';
  agent.blobs[of(0).sha256()] = other;
  mesh.run_for(3s);
  EXPECT_EQ(of(0).state(), "coming");
  EXPECT_EQ(rows(), 0U);
  mesh.run_for(3min);
  EXPECT_EQ(of(0).state(), "gone");
  EXPECT_THAT(of(0).note(), HasSubstr("digest"));
  EXPECT_EQ(rows(), 0U);
}

TEST_F(Transcript, TakesNoMoreThanWasTold) {
  const std::string bytes = fail(0, 100, false);
  agent.blobs[of(0).sha256()] = bytes + std::string(100'000, 'x');
  mesh.run_for(3s);
  EXPECT_EQ(of(0).state(), "coming");
  EXPECT_EQ(rows(), 0U);
  fail(1, std::size_t{5} << 20U);
  EXPECT_EQ(of(1).state(), "gone") << "longer than any may be";
}

TEST_F(Transcript, OfASiteIsNotTakenFromAnother) {
  Puppet& other = mesh.bring_up("ber1");
  agent.answers_wants = false;
  const std::string bytes = fail(0, 100);
  mesh.run_for(2s);
  ASSERT_FALSE(agent.wants.empty());
  other.publish("blob_chunk", delivery::answer_blob_want(agent.wants.back(), &agent.blobs.begin()->second));
  EXPECT_EQ(of(0).state(), "coming");
  EXPECT_EQ(rows(), 0U);
}

TEST_F(Transcript, TheOldestOfTheSiteWithMostMakesRoom) {
  mesh.limits.transcripts.bytes = 25'000;
  mesh.restart();
  mesh.run_for(10s);
  std::string bytes[3];
  for (int n = 0; n < 3; ++n) {
    bytes[n] = fail(n, 9'000);
    mesh.run_for(3s);
  }
  EXPECT_EQ(of(0).state(), "gone");
  EXPECT_THAT(of(0).note(), HasSubstr("room"));
  EXPECT_TRUE(stored(1) == bytes[1]);
  EXPECT_TRUE(stored(2) == bytes[2]);
  EXPECT_EQ(rows(), 4U);
}

TEST_F(Transcript, IsKeptForAWhile) {
  mesh.limits.transcripts.age = 1h;
  mesh.restart();
  mesh.run_for(10s);
  fail(0, 9'000);
  mesh.run_for(10s);
  ASSERT_EQ(of(0).state(), "here");
  mesh.pass(2h);
  mesh.run_for(2s);
  EXPECT_EQ(of(0).state(), "gone");
  EXPECT_EQ(rows(), 0U);
}

TEST_F(Transcript, GoesWithItsRollout) {
  fail(0, 9'000);
  mesh.run_for(10s);
  ASSERT_EQ(rows(), 2U);
  mesh.must(Delete{"Rollout", "r0", std::nullopt, {}});
  EXPECT_EQ(rows(), 0U);
}

TEST_F(Transcript, WaitsWhileTheDiskIsLow) {
  fail(0, 100);
  mesh.give(DiskLevel{true, 0});
  mesh.run_for(10s);
  EXPECT_THAT(agent.wants, SizeIs(0));
  mesh.give(DiskLevel{false, 0});
  mesh.run_for(3s);
  EXPECT_EQ(of(0).state(), "here");
}

}  // namespace
}  // namespace metalmesh::testing
