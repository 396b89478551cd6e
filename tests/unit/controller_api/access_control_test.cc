// Who gets in, through the whole node; and that no request, however odd, gets anything but a proper answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/random.h"
#include "controller/api/routes.h"
#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string filled(std::string_view pattern) {
  std::string path(pattern);
  for (std::size_t at; (at = path.find('{')) != std::string::npos;)
    path.replace(at, path.find('}') - at + 1, "1");
  return path;
}

TEST(AccessControl, EveryRouteNeedsATokenButWhatSaysSo) {
  ApiBench bench;
  for (const Route& route : routes()) {
    const std::string path = filled(route.pattern);
    const HttpAnswer without = bench.raw(std::string(route.method), path, "", {}, "");
    if (route.role == Role::nobody) {  // routes_test.cc names them
      EXPECT_EQ(without.status, 200);
      continue;
    }
    EXPECT_EQ(without.status, 401) << path;
    EXPECT_EQ(without.headers.at("www-authenticate"), "Bearer realm=\"metalmesh\"");
    EXPECT_EQ(without.text("type"), "urn:metalmesh:problem:not-authenticated");
    const HttpAnswer wrong = bench.raw(std::string(route.method), path, "", {}, "wrong");
    EXPECT_EQ(wrong.status, 401) << path;
    EXPECT_THAT(wrong.headers.at("www-authenticate"), HasSubstr("invalid_token"));
    EXPECT_EQ(bench.raw(std::string(route.method), path, "", {{"authorization", "Basic YTpi"}}, "").status,
              401);
  }
}

TEST(AccessControl, AQuestionOnlyReadsWhoeverAsks) {
  ApiBench bench;
  bench.furnish();
  for (const Route& route : routes()) {
    ExchangeOpened exchange;
    exchange.id = bench.next_exchange();
    exchange.method = route.method;
    exchange.target = filled(route.pattern);
    EXPECT_EQ(ControllerNode::only_reads(exchange), route.method == "GET") << exchange.target;
    if (route.method != "GET") continue;
    for (const char* token : {"", "wrong", "admin-token"}) {
      exchange.headers = {{"authorization", std::string("Bearer ") + token}, {"accept", "text/event-stream"}};
      const Outcome outcome = bench.node().handle(exchange, bench.now());
      EXPECT_TRUE(outcome.rows.empty()) << exchange.target;
      EXPECT_FALSE(outcome.effects.empty()) << exchange.target;
    }
  }
  EXPECT_FALSE(ControllerNode::only_reads(TimerFired{"x"}));
}

TEST(AccessControl, StrangersDoNotLearnWhichPathsExist) {
  ApiBench bench;
  EXPECT_EQ(bench.raw("GET", "/api/v1/nothing", "", {}, "").status, 401);
  EXPECT_EQ(bench.raw("PATCH", "/api/v1/sites", "", {}, "").status, 401);
  EXPECT_EQ(bench.get("/api/v1/nothing").status, 404);
}

TEST(AccessControl, RolesDoWhatTheyMay) {
  ApiBench bench;
  for (const Route& route : routes()) {
    const std::string method(route.method);
    const std::string path = filled(route.pattern);
    const int viewer = bench.raw(method, path, "", {}, "viewer-token").status;
    const int operator_ = bench.raw(method, path, "", {}, "operator-token").status;
    const int admin = bench.raw(method, path, "", {}, "admin-token").status;
    const bool for_admins = path.ends_with("/clear-quarantine") || path == "/api/v1/support" ||
                            path == "/api/v1/controller/backup" || path.starts_with("/api/v1/users") ||
                            path.ends_with("/revoke");
    const bool for_approvers = path.ends_with("/approve-unprotect") || path.ends_with("/first-contact") ||
                               (method == "POST" && path.starts_with("/api/v1/limits"));
    EXPECT_EQ(viewer == 403, method != "GET" || for_admins) << method << " " << path;
    EXPECT_EQ(operator_ == 403, for_admins || for_approvers) << method << " " << path;
    EXPECT_NE(admin, 403) << method << " " << path;
  }
  EXPECT_THAT(bench.send("PUT", "/api/v1/sites/a", "{}", {}, "viewer-token").text("detail"),
              HasSubstr("vic is viewer; this needs operator"));
}

TEST(AccessControl, WrongMethodsSayWhichAreRight) {
  ApiBench bench;
  for (const Route& route : routes()) {
    for (const char* method : {"PATCH", "OPTIONS", "TRACE", "get", "BREW"}) {
      const HttpAnswer answer = bench.send(method, filled(route.pattern));
      EXPECT_EQ(answer.status, 405) << method << " " << route.pattern;
      EXPECT_THAT(answer.headers.at("allow"), HasSubstr(std::string(route.method)));
    }
  }
  EXPECT_EQ(bench.send("PUT", "/api/v1/sites", "{}").status, 405);
  EXPECT_EQ(bench.send("DELETE", "/api/v1/deployments/d").status, 405);
  EXPECT_EQ(bench.get("/api/v1/rollouts/r/start").status, 405);
}

TEST(AccessControl, TheActorIsInTheAuditLog) {
  ApiBench bench;
  bench.send("PUT", "/api/v1/sites/par1", "{}", {}, "operator-token");
  EXPECT_THAT(bench.get("/api/v1/events").body, HasSubstr(R"("actor":"ops")"));
}

TEST(AccessControl, RefusedCallersAreLoggedWithoutTheirToken) {
  ApiBench bench;
  const Outcome out = bench.node().handle(
      ExchangeOpened{5, "GET", "/api/v1/sites", {{"authorization", "Bearer s3cret"}}, "", "192.0.2.7:1"},
      bench.now());
  ASSERT_EQ(out.logs.size(), 1U);
  std::string all = out.logs[0].message;
  for (const auto& [key, value] : out.logs[0].fields) all += " " + key + "=" + value;
  EXPECT_THAT(all, HasSubstr("peer=192.0.2.7:1"));
  EXPECT_THAT(all, HasSubstr("status=401"));
  EXPECT_THAT(all, Not(HasSubstr("s3cret")));
}

/// Every route is fed thousands of mangled requests; each gets one answer that is no server error, with a
/// body that is what its type says.
TEST(AccessControl, NonsenseGetsAProperAnswer) {
  ApiBench bench;
  bench.furnish();
  const std::string seeds[] = {ApiBench::server,
                               ApiBench::image,
                               ApiBench::profile,
                               "{}",
                               "[]",
                               "null",
                               "{\"spec\":{}}",
                               R"({"plan":"x","confirm":1})",
                               R"({"as":"failed","note":"n"})",
                               R"({"reason":"r","duration":"1h"})",
                               std::string(2000, '['),
                               std::string("\0\xff\x80", 3)};
  const std::string queries[] = {
      "",        "?", "?limit=2", "?after=%00", "?limit=99999999999999999999", "?labelSelector=%F0%9F%92%A9",
      "?a=b=c&&"};
  Random random(20260302);
  for (int round = 0; round < 60; ++round) {
    for (const Route& route : routes()) {
      std::string body = seeds[random.below(std::size(seeds))];
      for (std::uint64_t i = random.below(4); i > 0 && !body.empty(); --i) {
        body[random.below(body.size())] = static_cast<char>(random.below(256));
      }
      const std::string path = filled(route.pattern) + queries[random.below(std::size(queries))];
      const HttpAnswer answer = bench.send(std::string(route.method), path, body);
      ASSERT_NE(answer.status, 0) << path;
      ASSERT_LT(answer.status, 500) << path << " " << body << " " << answer.body;
      if (answer.status >= 400) {
        ASSERT_EQ(answer.headers.at("content-type"), "application/problem+json");
        ASSERT_THAT(answer.text("type"), StartsWith("urn:metalmesh:problem:")) << answer.body;
      }
    }
  }
}

}  // namespace
}  // namespace metalmesh::controller
