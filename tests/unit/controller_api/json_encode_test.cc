// JSON in and out, on the REST messages themselves. Faults are compared by path, because the path is what
// people and programs act on.
#include "controller/api/json_encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "common/text/filler/filler.h"
#include "common/text/near_miss.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;

TEST(JsonEncode, WritesTheMappingOnOneLineWithSortedKeys) {
  rest::LogEvent event;
  event.set_number(18446744073709551615ULL);
  event.mutable_at()->set_seconds(1'772'488'800);
  event.set_message("a \"quoted\"\nline");
  event.mutable_event()->mutable_ended()->set_outcome(wire::Ended::UNPROVEN);
  event.mutable_event()->mutable_ended()->set_proof(wire::PROOF_POWEROFF);
  EXPECT_EQ(
      encode_json(event),
      R"({"number":18446744073709551615,"at":"2026-03-02T22:00:00Z","event":{"ended":{"outcome":"UNPROVEN",)"
      R"("proof":"PROOF_POWEROFF"}},"message":"a \"quoted\"\nline"})");

  rest::Rollout rollout;
  for (const char* key : {"zeta", "alpha", "mid", "beta"})
    (*rollout.mutable_status()->mutable_counts())[key] = 1;
  rollout.mutable_spec()->mutable_start_within()->set_seconds(14400);
  EXPECT_EQ(encode_json(rollout),
            R"({"spec":{"startWithin":"14400s"},"status":{"counts":{"alpha":1,"beta":1,"mid":1,"zeta":1}}})");
}

TEST(JsonEncode, WhatItWritesItReads) {
  rest::Deployment deployment;
  deployment.set_id("d-1");
  deployment.set_generation(7);
  deployment.set_stage(wire::VERIFY);
  deployment.set_launched(true);
  deployment.add_evidence("media read");
  deployment.mutable_fault()->set_code(wire::BOOT_IGNORED);
  deployment.mutable_created()->set_nanos(5);
  rest::Deployment back;
  const auto done = read_json_into(encode_json(deployment), back);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(back.SerializeAsString(), deployment.SerializeAsString());
}

}  // namespace
}  // namespace metalmesh::controller
