// What object routes refuse, and that they name the field, the header or the parameter that it is for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "tests/unit/controller_api/object_kinds.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ObjectRefusals, BadBodiesAreRefusedByField) {
  ApiBench bench;
  bench.furnish();
  for (const KindCase& kind : kinds) {
    const struct {
      std::string body;
      int status;
      const char* field;
    } cases[] = {
        {"{", 400, ""},
        {"[]", 400, "the body"},
        {R"({"spec":{"colour":"red"}})", 400, "spec.colour"},
        {R"({"spec":[]})", 400, "spec"},
        {R"({"metadata":{"labels":{"a":1}}})", 400, "metadata.labels.a"},
        {R"({"kind":"Other"})", 400, "kind"},
        {R"({"apiVersion":"metalmesh/v9"})", 400, "apiVersion"},
        {R"({"metadata":{"name":"other"}})", 400, "metadata.name"},
        {R"({"metadata":{"name":"thing","name":"thing"}})", 400, "name"},
        {R"({"spec":{"password":"hunter2"}})", 400, "spec.password"},
    };
    for (const auto& it : cases) {
      const HttpAnswer answer = bench.put(path_of(kind), it.body);
      EXPECT_EQ(answer.status, it.status) << kind.kind << " " << it.body << " " << answer.body;
      EXPECT_EQ(answer.text("field"), it.field) << kind.kind << " " << it.body;
      EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
      EXPECT_EQ(answer.text("instance"), path_of(kind));
      EXPECT_THAT(answer.text("detail"), Not(IsEmpty()));
      EXPECT_THAT(answer.body, Not(HasSubstr("hunter2")));
    }
    EXPECT_EQ(bench.put(path_of(kind), "").status, 400);
    EXPECT_EQ(bench.get(path_of(kind)).status, 404) << kind.kind;
  }
}

TEST(ObjectRefusals, BodiesMustSayThatTheyAreJson) {
  ApiBench bench;
  const std::string path = "/api/v1/sites/par1";
  EXPECT_EQ(bench.raw("PUT", path, "{}", {}, "admin-token").status, 415);
  EXPECT_EQ(
      bench.raw("PUT", path, "{}", {{"content-type", "application/x-www-form-urlencoded"}}, "admin-token")
          .status,
      415);
  EXPECT_EQ(bench.raw("PUT", path, "{}", {{"content-type", "application/jsonx"}}, "admin-token").status, 415);
  EXPECT_EQ(bench.raw("PUT", path, "{}", {{"content-type", "Application/JSON; charset=utf-8"}}, "admin-token")
                .status,
            201);
  EXPECT_EQ(bench.put(path, "{\"kind\":\"" + std::string(2U << 20, 'x') + "\"}").status, 413);
}

TEST(ObjectRefusals, BadNamesAreRefused) {
  ApiBench bench;
  for (const char* name : {"UPPER", "-a", "a-", "a_b", "a.b", "a%2Fb", "%20", "a%22b"}) {
    const HttpAnswer answer = bench.put("/api/v1/sites/" + std::string(name), "{}");
    EXPECT_EQ(answer.status, 422) << name << answer.body;
    EXPECT_EQ(answer.text("field"), "metadata.name") << name;
  }
  EXPECT_EQ(bench.put("/api/v1/sites/" + std::string(64, 'a'), "{}").status, 422);
  EXPECT_EQ(bench.put("/api/v1/sites/" + std::string(63, 'a'), "{}").status, 201);
}

TEST(ObjectRefusals, BadQueriesAreRefusedByParameter) {
  ApiBench bench;
  const std::pair<const char*, const char*> cases[] = {{"limit=0", "limit"},
                                                       {"limit=1001", "limit"},
                                                       {"limit=x", "limit"},
                                                       {"limit=-1", "limit"},
                                                       {"limit=", "limit"},
                                                       {"labelSelector=a%3E1", "labelSelector"},
                                                       {"labelselector=a", "labelselector"},
                                                       {"page=1", "page"}};
  for (const KindCase& kind : kinds) {
    for (const auto& [query, field] : cases) {
      const HttpAnswer answer = bench.get(std::string("/api/v1/") + kind.plural + "?" + query);
      EXPECT_EQ(answer.status, 400) << query;
      EXPECT_EQ(answer.text("field"), field) << query;
    }
  }
  EXPECT_EQ(bench.get("/api/v1/sites?labelselector=a").text("next"), "did you mean \"labelSelector\"?");
  EXPECT_EQ(bench.get("/api/v1/sites?limit=1&limit=2").status, 400);
  EXPECT_EQ(bench.get("/api/v1/sites/par1?verbose=1").status, 400);
}

TEST(ObjectRefusals, ExceptionsNeedServersAReasonAndATime) {
  ApiBench bench;
  const std::string path = "/api/v1/postureexceptions/lab";
  const std::string select = R"("select":{"sites":["*"]},)";
  const std::string until = R"("until":"2030-01-01T00:00:00Z")";
  const std::map<std::string, std::string> bad = {
      {"spec.findings[0]", R"("findings":["ipmi"],)" + select + R"("reason":"x",)" + until},
      {"spec.findings", select + R"("reason":"x",)" + until},
      {"spec.select", R"("findings":["clockOff"],"reason":"x",)" + until},
      {"spec.reason", R"("findings":["clockOff"],)" + select + until},
      {"spec.until", R"("findings":["clockOff"],)" + select + R"("reason":"x")"}};
  for (const auto& [field, spec] : bad) {
    const HttpAnswer refused = bench.put(path, "{\"spec\":{" + spec + "}}");
    EXPECT_EQ(refused.status, 422) << field;
    EXPECT_EQ(refused.text("field"), field);
  }
}

TEST(ObjectRefusals, MissingReferencesNameTheField) {
  ApiBench bench;
  bench.furnish();
  const struct {
    const char* path;
    const char* body;
    const char* field;
  } cases[] = {
      {"/api/v1/servers/s2", R"({"spec":{"site":"nowhere","bmc":{"address":"10.0.0.1","credential":"bmc"}}})",
       "spec.site"},
      {"/api/v1/servers/s2", R"({"spec":{"site":"par1","bmc":{"address":"10.0.0.1","credential":"none"}}})",
       "spec.bmc.credential"},
      {"/api/v1/credentials/c", R"({"spec":{"site":"nowhere"}})", "spec.site"},
      {"/api/v1/rollouts/r",
       R"({"spec":{"action":"install","select":{"servers":["s1"]},"image":"none","profile":"base"}})",
       "spec.image"},
      {"/api/v1/rollouts/r",
       R"({"spec":{"action":"install","select":{"servers":["s1"]},"image":"rocky","profile":"base@9"}})",
       "spec.profile"},
  };
  for (const auto& it : cases) {
    const HttpAnswer answer = bench.put(it.path, it.body);
    EXPECT_EQ(answer.status, 422) << it.body << answer.body;
    EXPECT_EQ(answer.text("field"), it.field) << it.body;
    EXPECT_THAT(answer.text("next"), Not(IsEmpty())) << it.body;
  }
}

TEST(ObjectRefusals, ADuplicateMachineIsAConflictThatNamesTheOther) {
  ApiBench bench;
  bench.furnish();
  const HttpAnswer answer = bench.put(
      "/api/v1/servers/s2",
      R"({"spec":{"site":"par1","bmc":{"address":"10.20.0.113","credential":"bmc"},"identity":{"serial":"CZ2D4F0A1B"}}})");
  EXPECT_EQ(answer.status, 409) << answer.body;
  EXPECT_THAT(answer.text("detail"), HasSubstr("s1"));
}

TEST(ObjectRefusals, WhatIsInUseIsNotDeleted) {
  ApiBench bench;
  bench.furnish();
  for (const char* path : {"/api/v1/sites/par1", "/api/v1/credentials/bmc"}) {
    EXPECT_EQ(bench.send("DELETE", path).status, 409) << path;
    EXPECT_EQ(bench.get(path).status, 200) << path;
  }
}

}  // namespace
}  // namespace metalmesh::controller
