#include "agents/core/usual_reads.h"

#include <gtest/gtest.h>

#include "common/ports/memory_rows.h"
#include "tests/unit/agent_core/stand_ins.h"

namespace metalmesh::agent {
namespace {

record::Job installed(std::uint64_t bytes, wire::ProofGrade proof) {
  record::Job job;
  job.mutable_agreed()->mutable_install()->mutable_image()->set_sha256("image");
  job.mutable_agreed()->mutable_install()->mutable_profile()->set_sha256("profile");
  job.set_ending(wire::Ended::SUCCEEDED);
  job.set_proof(proof);
  job.set_bytes_covered(bytes);
  return job;
}

class UsualReadsTest : public ::testing::Test {
 protected:
  std::uint64_t learn(const record::Job& job) {
    UsualReads reads(store_);  // as after a restart
    Outcome out;
    reads.learn(job, out);
    store_.commit(out.rows);
    return UsualReads(store_).of(job.agreed().install());
  }
  MemoryRows store_;
};

TEST_F(UsualReadsTest, AreTheLeastThatAProvenInstallRead) {
  EXPECT_EQ(UsualReads(store_).of(installed(0, wire::PROOF_NONE).agreed().install()), 0U);
  EXPECT_EQ(learn(installed(50, wire::PROOF_BOOTED)), 50U);
  EXPECT_EQ(learn(installed(60, wire::PROOF_CALLBACK)), 50U);
  EXPECT_EQ(learn(installed(40, wire::PROOF_BOOTED)), 40U);
}

TEST_F(UsualReadsTest, AreNotLearnedFromWhatProvedNothing) {
  learn(installed(50, wire::PROOF_BOOTED));
  EXPECT_EQ(learn(installed(20, wire::PROOF_POWEROFF)), 50U);
  record::Job unproven = installed(20, wire::PROOF_BOOTED);
  unproven.set_ending(wire::Ended::UNPROVEN);
  EXPECT_EQ(learn(unproven), 50U);
}

TEST_F(UsualReadsTest, AreOfOneImageWithOneProfile) {
  learn(installed(50, wire::PROOF_BOOTED));
  record::Job other = installed(0, wire::PROOF_NONE);
  other.mutable_agreed()->mutable_install()->mutable_profile()->set_sha256("another");
  EXPECT_EQ(UsualReads(store_).of(other.agreed().install()), 0U);
}

}  // namespace
}  // namespace metalmesh::agent
