// Whose request it is, what it may do under siege, and what guessing costs.
#include "controller/api/admission.h"

#include <gmock/gmock.h>

#include "common/base/digest.h"

namespace metalmesh::controller {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class AdmissionTest : public testing::Test {
 protected:
  ExchangeGate::Verdict ask(std::string_view token, std::string_view peer = "10.0.0.1:5",
                            std::string_view target = "/api/v1/servers", std::string_view method = "GET") {
    const std::string authorization = token.empty() ? "" : "Bearer " + std::string(token);
    return admission_.judge({method, target, authorization, peer}, now_);
  }
  void guess(int times, std::string_view peer = "10.0.0.1:5") {
    for (int i = 0; i < times; ++i) ask("wrong" + std::to_string(i), peer);
  }

  TokenTable tokens_ = *TokenTable::parse("ann operator " + to_hex(sha256("t1")) + "\nbob viewer " +
                                          to_hex(sha256("t2")) + "\n");
  Admission admission_{tokens_, {.forgiven_after = 1h}};
  MonoTime now_{1h};
};

TEST_F(AdmissionTest, ATokenSaysWhoseConnectionItIs) {
  EXPECT_EQ(ask("t1").caller, "ann");
  EXPECT_EQ(ask("t3").caller, "");
  EXPECT_EQ(ask("").caller, "");
  EXPECT_FALSE(ask("t3").refusal) << "the core says no in its own words";
}

TEST_F(AdmissionTest, WhatStopsSomethingIsUrgentFromWhoIsKnown) {
  for (const char* target : {"/api/v1/rollouts/r/stop", "/api/v1/rollouts/r/pause",
                             "/api/v1/deployments/d/cancel", "/api/v1/servers/s/protect"}) {
    EXPECT_TRUE(ask("t1", "10.0.0.1:5", target, "POST").urgent) << target;
    EXPECT_FALSE(ask("t3", "10.0.0.1:5", target, "POST").urgent) << target;
    EXPECT_FALSE(ask("t1", "10.0.0.1:5", target, "GET").urgent) << target;
  }
  EXPECT_FALSE(ask("t1", "10.0.0.1:5", "/api/v1/rollouts/r/start", "POST").urgent);
  EXPECT_FALSE(ask("t1", "10.0.0.1:5", "/api/v1/servers/s/unprotect", "POST").urgent);
}

TEST_F(AdmissionTest, GuessesHaveToWaitLongerAndLonger) {
  guess(10);
  EXPECT_FALSE(ask("").refusal) << "who shows no token guesses none";
  EXPECT_FALSE(ask("wrong").refusal);
  const auto refused = ask("t2").refusal;
  ASSERT_TRUE(refused) << "not even a right one is looked at";
  EXPECT_EQ(refused->status, 429);
  EXPECT_THAT(refused->body, HasSubstr("try again in 1 s"));
  now_ += 1s;
  EXPECT_FALSE(ask("wrong").refusal);
  EXPECT_THAT(ask("wrong").refusal->body, HasSubstr("try again in 2 s"));
  for (int i = 0; i < 12; ++i) {
    now_ += 60s;
    ask("wrong");
  }
  EXPECT_THAT(ask("wrong").refusal->body, HasSubstr("try again in 60 s"));
  now_ += 100h;
  ask("wrong");
  EXPECT_FALSE(ask("wrong").refusal) << "it was quiet for long enough";
}

TEST_F(AdmissionTest, NeitherOthersNorWhoWasKnownNorWhatStopsSomethingWaitsForAGuesser) {
  EXPECT_EQ(ask("t1").caller, "ann");
  guess(30);
  EXPECT_TRUE(ask("t2").refusal);
  EXPECT_EQ(ask("t1").caller, "ann");
  EXPECT_EQ(ask("t2", "10.0.0.2:5").caller, "bob");
  EXPECT_TRUE(ask("t2", "10.0.0.1:5", "/api/v1/rollouts/r/stop", "POST").urgent);
}

TEST_F(AdmissionTest, ItRemembersABoundedNumberOfAddresses) {
  guess(11, "10.9.9.9:1");
  for (int i = 0; i < 5000; ++i) {
    now_ += 1ms;
    ask("wrong", "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":1");
  }
  EXPECT_FALSE(ask("wrong", "10.9.9.9:1").refusal) << "forgotten for newer ones";
}

}  // namespace
}  // namespace metalmesh::controller
