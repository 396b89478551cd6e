// Requests of tools over the broker, through the whole node: what each is answered, and that nothing is done twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controller/api/tool_request.h"
#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;

constexpr char look[] =
    R"("rollout":{"metadata":{"name":"look"},"spec":{"action":"inspect","select":{"servers":["s1"]}}})";

std::string plan(const std::string& more = {}) { return R"({"do":"plan",)" + std::string(look) + more + "}"; }
std::string start(int servers, const std::string& more = {}) {
  return R"({"do":"start",)" + std::string(look) + R"(,"expect":{"servers":)" + std::to_string(servers) +
         "}" + more + "}";
}

struct Answer {
  std::string what;  // accepted, rejected or result
  boost::json::object body;
  [[nodiscard]] std::string text(std::string_view name) const {
    const auto* member = body.if_contains(name);
    if (member == nullptr) return {};
    return member->is_string() ? std::string(member->get_string()) : boost::json::serialize(*member);
  }
};

class ToolRequests : public ::testing::Test {
 protected:
  ToolRequests() {
    bench.furnish();
    bench.hear_site("par1");
    bench.put("/api/v1/users/tool-ci", R"({"spec":{"role":"operator"}})");
  }
  std::vector<Answer> answers(const std::vector<Effect>& effects, const std::string& user,
                              const std::string& token) {
    std::vector<Answer> out;
    const std::string below = "mm/tools/" + user + "/requests/" + token + "/";
    for (const Effect& effect : effects) {
      const auto* sent = std::get_if<Publish>(&effect);
      if (sent == nullptr || !sent->topic.starts_with(below)) continue;
      out.push_back({sent->topic.substr(below.size()), boost::json::parse(sent->payload).as_object()});
    }
    return out;
  }
  std::vector<Answer> ask(const std::string& token, const std::string& payload,
                          const std::string& user = "tool-ci", const std::string& before = {}) {
    return answers(bench.run(MessageArrived{before + "mm/tools/" + user + "/requests/" + token, payload}),
                   user, token);
  }
  Answer only(const std::string& token, const std::string& payload, const std::string& user = "tool-ci",
              const std::string& before = {}) {
    auto all = ask(token, payload, user, before);
    EXPECT_EQ(all.size(), 1U) << payload;
    return all.empty() ? Answer() : all.front();
  }
  std::string state() const { return bench.state().rollouts.at("look").status().state(); }
  void expect_refused(const Answer& answer, const std::string& code) {
    EXPECT_EQ(answer.what, "rejected");
    EXPECT_EQ(answer.text("code"), code) << boost::json::serialize(answer.body);
    EXPECT_FALSE(answer.text("message").empty());
    EXPECT_FALSE(answer.text("next").empty()) << answer.text("message");
  }

  ApiBench bench;
};

TEST_F(ToolRequests, APlanIsMadeAndAStartStartsIt) {
  const Answer planned = only("t1", plan());
  ASSERT_EQ(planned.what, "accepted") << boost::json::serialize(planned.body);
  EXPECT_EQ(planned.text("servers"), "1");
  EXPECT_EQ(planned.text("state"), "planned");
  EXPECT_THAT(planned.text("waitsFor"), HasSubstr("expect 1 servers"));
  const Answer started = only("t2", start(1));
  ASSERT_EQ(started.what, "accepted") << boost::json::serialize(started.body);
  EXPECT_EQ(started.text("digest"), planned.text("digest"));
  EXPECT_EQ(started.text("duplicate"), "");
  EXPECT_EQ(state(), "running");
  EXPECT_EQ(bench.state().rollouts.at("look").status().started_by(), "tool-ci");
}

TEST_F(ToolRequests, WithoutAnExpectationAStartOnlyPlans) {
  EXPECT_EQ(only("t1", R"({"do":"start",)" + std::string(look) + "}").text("state"), "planned");
  EXPECT_EQ(state(), "planned");
}

TEST_F(ToolRequests, OneThatIsThereIsNamed) {
  only("t1", plan());
  EXPECT_EQ(
      only("t2", R"({"do":"start","rollout":{"metadata":{"name":"look"}},"expect":{"servers":1}})").what,
      "accepted");
  EXPECT_EQ(state(), "running");
  expect_refused(only("t3", R"({"do":"plan","rollout":{"metadata":{"name":"other"}}})"), "not-found");
}

TEST_F(ToolRequests, AnotherNumberOfServersStartsNothingAlsoWhenItIsRepeatedLater) {
  bench.put(
      "/api/v1/servers/s2",
      R"({"spec":{"site":"par1","bmc":{"address":"10.20.0.113","credential":"bmc"},"hostname":"s2.example",)"
      R"("state":"new","identity":{"uuid":"30373237-3132-4d32-3235-303930344e58","serial":"CZ2D4F0A1C"}}})");
  const std::string both =
      R"({"do":"start","rollout":{"metadata":{"name":"look"},"spec":{"action":"inspect",)"
      R"("select":{"sites":["par1"]}}},"expect":{"servers":1}})";
  const Answer no = only("t1", both);
  expect_refused(no, "expect-differs");
  EXPECT_EQ(no.text("field"), "expect.servers");
  EXPECT_EQ(state(), "planned");
  ASSERT_EQ(bench.send("DELETE", "/api/v1/servers/s2").status, 204);
  const Answer again = only("t1", both);
  expect_refused(again, "expect-differs");
  EXPECT_EQ(again.text("duplicate"), "true");
  EXPECT_EQ(state(), "planned")
      << "now it would be one server, and its tool believes that nothing was started";
  EXPECT_EQ(only("t2", both).what, "accepted");
}

TEST_F(ToolRequests, APlanThatWasAgreedToIsNamed) {
  const std::string digest = only("t1", plan()).text("digest");
  const auto with = [](const std::string& agreed) {
    return R"({"do":"start","rollout":{"metadata":{"name":"look"}},"expect":{"servers":1,"digest":")" +
           agreed + "\"}}";
  };
  const Answer no = only("t2", with("abc"));
  expect_refused(no, "conflict");
  EXPECT_EQ(no.text("field"), "expect.digest");
  EXPECT_EQ(only("t3", with(digest)).what, "accepted");
}

TEST_F(ToolRequests, TheSameTwiceActsOnceAlsoAfterARestart) {
  ASSERT_EQ(only("t1", start(1)).what, "accepted");
  const std::uint64_t events = bench.state().last_event;
  const Answer again = only("t1", start(1));
  EXPECT_EQ(again.what, "accepted");
  EXPECT_EQ(again.text("duplicate"), "true");
  EXPECT_EQ(bench.state().last_event, events);
  bench.restart();
  const Answer later = only("t1", start(1, R"(,"deadline":"2020-01-01T00:00:00Z")"));
  EXPECT_EQ(later.text("duplicate"), "true") << "a later deadline makes it no other request";
  EXPECT_EQ(later.text("digest"), again.text("digest"));
  expect_refused(only("t1", plan()), "token-used");
}

TEST_F(ToolRequests, WhoMayNotIsRefusedByTheRightsOfRest) {
  bench.put("/api/v1/sites/lyon", R"({"spec":{}})");
  for (const char* spec :
       {R"({"role":"viewer"})", R"({"role":"operator","sites":["lyon"]})",
        R"({"role":"operator","actions":["power"]})", R"({"role":"operator","disabled":true})"}) {
    ASSERT_EQ(bench.put("/api/v1/users/tool-ci", R"({"spec":)" + std::string(spec) + "}").status, 200)
        << spec;
    const Answer no = only("t1" + std::to_string(std::string(spec).size()), start(1));
    EXPECT_EQ(no.what, "rejected") << spec;
    EXPECT_THAT(no.text("code"), ::testing::AnyOf("forbidden", "not-found")) << spec;
    EXPECT_FALSE(no.text("next").empty());
  }
  EXPECT_TRUE(bench.state().rollouts.empty());
  bench.put("/api/v1/users/ada", R"({"spec":{"role":"admin"}})");
  for (const char* nobody : {"ada", "par1", "tool-who"})
    expect_refused(only("t1", start(1), nobody), "forbidden");
  bench.put("/api/v1/users/tool-ci", R"({"spec":{"role":"operator"}})");
  EXPECT_EQ(only("t9", start(1)).what, "accepted") << "without a word to the broker";
}

TEST_F(ToolRequests, WhatIsLateOrKeptIsRefused) {
  expect_refused(only("t1", start(1, R"(,"deadline":"2020-01-01T00:00:00Z")")), "expired");
  expect_refused(only("t2", start(1), "tool-ci", "$kept/"), "retained");
  EXPECT_TRUE(bench.state().rollouts.empty());
  EXPECT_EQ(only("t1", start(1, R"(,"deadline":"2099-01-01T00:00:00Z")")).what, "accepted")
      << "what was late on arrival was not looked at";
}

TEST_F(ToolRequests, WhatCannotBeReadIsRefusedByItsField) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"{", ""},
      {"[]", ""},
      {"{}", "do"},
      {R"({"do":"wipe","rollout":{"metadata":{"name":"look"}}})", "do"},
      {R"({"do":"plan"})", "rollout.metadata.name"},
      {R"({"do":"plan","rollout":{"metadata":{"name":"Not A Name"}}})", "rollout.metadata.name"},
      {R"({"do":"plan","rollout":{"metadata":{"name":"look"},"kind":"Server"}})", "rollout.kind"},
      {R"({"do":"plan","rollout":{"metadata":{"name":"look"},"apiVersion":"v2"}})", "rollout.apiVersion"},
      {R"({"do":"plan","rollout":{"metadata":{"name":"look"},"spec":{"acton":"install"}}})",
       "rollout.spec.acton"},
      {R"({"do":"start","rollout":{"metadata":{"name":"look"}},"expect":{}})", "expect.servers"},
      {R"({"do":"start","rollout":{"metadata":{"name":"look"}},"expect":{"servers":"1"}})", "expect.servers"},
      {R"({"do":"start","rollout":{"metadata":{"name":"look"}},"deadline":"tomorrow"})", "deadline"},
  };
  for (const auto& [payload, field] : cases) {
    const Answer no = only("t1", payload);
    expect_refused(no, "malformed-request");
    if (*field != '\0') EXPECT_EQ(no.text("field"), field) << payload;
  }
  expect_refused(only("a b", plan()), "malformed-request");
  expect_refused(only(std::string(65, 'x'), plan()), "malformed-request");
  for (const char* topic :
       {"mm/tools/tool-ci/requests/", "mm/tools/tool-ci/requests/a/b", "mm/tools//requests/t",
        "mm/tools/tool-ci/events/x", "mm/tools/", "$kept/mm/tools/"})
    EXPECT_TRUE(bench.run(MessageArrived{topic, plan()}).empty()) << topic;
  EXPECT_EQ(only("t1", plan()).what, "accepted") << "what could not be read used no token";
}

TEST_F(ToolRequests, WhoFloodsIsToldOnceAndNobodyElseWaits) {
  int malformed = 0;
  int told = 0;
  for (int i = 0; i < 1000; ++i) {
    for (const Answer& answer : ask("t" + std::to_string(i), "garbage")) {
      malformed += answer.text("code") == "malformed-request" ? 1 : 0;
      told += answer.text("code") == "too-many" ? 1 : 0;
    }
  }
  EXPECT_EQ(malformed, 50);
  EXPECT_EQ(told, 1);
  bench.put("/api/v1/users/tool-other", R"({"spec":{"role":"operator"}})");
  EXPECT_EQ(only("t1", plan(), "tool-other").what, "accepted");
  bench.pass(std::chrono::seconds(60));
  EXPECT_EQ(only("x", plan()).what, "accepted");
}

TEST_F(ToolRequests, WhatHasBeenDeletedIsNotMadeAgain) {
  ASSERT_EQ(only("t1", plan()).what, "accepted");
  ASSERT_EQ(bench.send("DELETE", "/api/v1/rollouts/look").status, 204);
  const Answer gone = only("t1", plan());
  expect_refused(gone, "not-found");
  EXPECT_EQ(gone.text("duplicate"), "true");
  EXPECT_FALSE(bench.state().rollouts.contains("look"));
}

TEST(ToolResults, SayHowManyEndedHowAndWhyTheOthers) {
  MeshState mesh;
  rest::Rollout& rollout = mesh.rollouts["web"];
  rollout.mutable_metadata()->set_name("web");
  rollout.mutable_status()->set_state("done");
  (*rollout.mutable_status()->mutable_counts())["FAILED"] = 3;
  const auto add = [&](const std::string& id, const std::string& state, wire::FaultCode code) {
    rest::Deployment& deployment = mesh.deployments[id];
    deployment.set_rollout(id == "d9" ? "other" : "web");
    deployment.set_server("s" + id);
    deployment.set_state(state);
    if (code != wire::FAULT_CODE_UNSPECIFIED) deployment.mutable_fault()->set_code(code);
  };
  add("d1", "SUCCEEDED", wire::FAULT_CODE_UNSPECIFIED);
  add("d2", "FAILED", wire::BMC_UNREACHABLE);
  add("d3", "FAILED", wire::INSERT_REFUSED);
  add("d4", "FAILED", wire::INSERT_REFUSED);
  add("d5", "CANCELLED", wire::FAULT_CODE_UNSPECIFIED);
  add("d9", "FAILED", wire::DISK_LOW);
  const rest::ToolResult result = tool_result(mesh, rollout);
  EXPECT_EQ(result.counts().at("FAILED"), 3U);
  ASSERT_EQ(result.causes_size(), 3);
  EXPECT_EQ(result.causes(0).cause(), "INSERT_REFUSED");
  EXPECT_EQ(result.causes(0).servers(), 2U);
  EXPECT_EQ(result.causes(0).example(), "sd3");
  EXPECT_EQ(result.causes(1).cause(), "BMC_UNREACHABLE");
  EXPECT_EQ(result.causes(2).cause(), "CANCELLED");
}

TEST_F(ToolRequests, WhatTakesSeveralTurnsIsAnsweredOnceItIsDone) {
  boost::json::array names = {"s1"};
  for (int i = 0; i < 1000; ++i) names.emplace_back("gone" + std::to_string(i));
  const std::string body =
      R"({"do":"start","rollout":{"metadata":{"name":"look"},"spec":{"action":"inspect",)"
      R"("select":{"servers":)" +
      boost::json::serialize(names) + R"(}}},"expect":{"servers":1}})";
  EXPECT_TRUE(ask("t1", body).empty());
  EXPECT_TRUE(ask("t1", body).empty()) << "it is under way";
  expect_refused(only("t1", plan()), "token-used");
  const auto all = answers(bench.pass(std::chrono::milliseconds(1)), "tool-ci", "t1");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].what, "accepted");
  EXPECT_EQ(all[0].text("duplicate"), "");
  EXPECT_EQ(all[1].text("duplicate"), "true");
  EXPECT_EQ(state(), "running");
}

TEST_F(ToolRequests, NothingIsBegunBehindTheDeadlineThatNobodyNamed) {
  boost::json::array names = {"s1"};
  for (int i = 0; i < 1000; ++i) names.emplace_back("gone" + std::to_string(i));
  const std::string body =
      R"({"do":"start","rollout":{"metadata":{"name":"look"},"spec":{"action":"inspect",)"
      R"("select":{"servers":)" +
      boost::json::serialize(names) + R"(}}},"expect":{"servers":1}})";
  EXPECT_TRUE(ask("t1", body).empty());
  bench.sleep(std::chrono::minutes(6));
  const auto all = answers(bench.pass(std::chrono::milliseconds(1)), "tool-ci", "t1");
  ASSERT_EQ(all.size(), 1U);
  expect_refused(all[0], "expired");
  EXPECT_EQ(state(), "planned");
}

}  // namespace
}  // namespace metalmesh::controller
