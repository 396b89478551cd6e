// Who is bound to one site: over every route that openapi.yaml lists, nothing of another site is seen or done. Beside that
// users, their tokens, and what ends with those.
#include "controller/api/rights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "tests/unit/controller_api/api_bench.h"
#include "tests/unit/controller_api/openapi_operations.h"
#include "tests/unit/controller_api/stream_client.h"

namespace metalmesh::controller {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

/// Whatever is of the other site has this in its name, and nothing else has.
constexpr char other[] = "lyon";

/// The same path, of what stands at the other site; of what all share, that.
std::string of_other_site(std::string path) {
  const auto fill = [&](const std::string& placeholder, const std::string& value) {
    if (const auto at = path.find(placeholder); at != std::string::npos)
      path.replace(at, placeholder.size(), value);
  };
  const auto is = [&](const char* prefix) { return path.starts_with(std::string("/api/v1/") + prefix); };
  fill("{kind}", "site");
  fill("{server}", "lyon-s1");
  fill("{number}", "1");
  if (is("deployments")) fill("{id}", "d-lyon");
  fill("{id}", "0123456789ab");
  if (is("sites") || is("limits")) fill("{name}", "lyon");
  if (is("credentials")) fill("{name}", "lyon-bmc");
  if (is("servers")) fill("{name}", "lyon-s1");
  if (is("rollouts")) fill("{name}", "lyon-r");
  if (is("images")) fill("{name}", "rocky");
  if (is("profiles")) fill("{name}", "base");
  fill("{name}", "appliance");
  if (path.ends_with("/render")) path += "?server=lyon-s1";
  return path;
}

/// A body that is refused for nothing but who sends it.
std::string body_for(const Operation& operation) {
  const std::string& path = operation.path;
  const auto is = [&](const char* ending) { return path.ends_with(ending); };
  if (operation.method == "PUT") {
    if (path.starts_with("/api/v1/credentials")) return R"({"spec":{"site":"lyon"}})";
    if (path.starts_with("/api/v1/servers"))
      return R"({"spec":{"site":"lyon","bmc":{"address":"10.30.0.112","credential":"lyon-bmc"}}})";
    if (path.starts_with("/api/v1/rollouts"))
      return R"({"spec":{"action":"inspect","select":{"sites":["lyon"]}}})";
    if (path.starts_with("/api/v1/images")) return ApiBench::image;
    if (path.starts_with("/api/v1/profiles")) return ApiBench::profile;
    return "{}";
  }
  if (operation.method != "POST") return {};
  if (is("/start")) return R"({"plan":"aa","confirm":1})";
  if (is("{name}/continue")) return R"({"wave":1})";
  if (is("/skip")) return R"({"sites":["lyon"],"reason":"r"})";
  if (is("/set")) return R"({"parallel":{"perSite":3}})";
  if (is("/resolve")) return R"({"as":"failed","note":"n"})";
  if (is("/reidentify") || is("/replace")) return R"({"confirm":"X1","reason":"r"})";
  if (is("/move")) return R"({"site":"lyon","address":"10.30.0.113"})";
  if (is("/prefetch")) return R"({"sites":["lyon"]})";
  if (is("/discovery")) return R"({"ranges":["10.30.0.0/30"]})";
  if (is("/settle")) return R"({"row":"x","reason":"r"})";
  if (is("/approve-unprotect") || is("/clear-quarantine")) return R"({"note":"n"})";
  if (is("/tokens")) return ApiBench::token_body("x");
  if (is("/backup")) return R"({"folder":"/x"})";
  if (is("/plan") || is("/inspect") || is("/accept") || is("/retire") || is("/doctor")) return "{}";
  return R"({"reason":"r"})";
}

struct Rights : ::testing::Test {
  Rights() {
    bench.furnish();
    bench.put("/api/v1/sites/lyon", R"({"spec":{"defaults":{"credential":"lyon-bmc"}}})");
    bench.put("/api/v1/credentials/lyon-bmc", R"({"spec":{"site":"lyon"}})");
    bench.put(
        "/api/v1/servers/lyon-s1",
        R"({"spec":{"site":"lyon","state":"new","identity":{"serial":"LY0N77"},"bmc":{"address":"10.30.0.112","credential":"lyon-bmc"}}})");
    bench.put("/api/v1/rollouts/lyon-r", R"({"spec":{"action":"inspect","select":{"sites":["lyon"]}}})");
    bench.put("/api/v1/rollouts/anywhere-lyon", R"({"spec":{"action":"inspect","select":{"sites":["*"]}}})");
    bench.put("/api/v1/rollouts/r", R"({"spec":{"action":"inspect","select":{"servers":["s1"]}}})");
    auto rows = bench.rows();
    for (const auto& [id, site] : {std::pair{"d-lyon", "lyon"}, {"d-par", "par1"}}) {
      rest::Deployment deployment;
      deployment.set_id(id);
      deployment.set_site(site);
      deployment.set_server(site == std::string("lyon") ? "lyon-s1" : "s1");
      deployment.set_rollout(site == std::string("lyon") ? "lyon-r" : "r");
      deployment.set_action("inspect");
      deployment.set_state("RUNNING");
      rows[tables::row(tables::deployments, id)] = encode_row(deployment);
    }
    bench.restore(std::move(rows));
    bench.let_in("bo", R"({"role":"approver","sites":["par1"]})");
  }
  HttpAnswer as(const std::string& token, const std::string& method, const std::string& path,
                const std::string& body = {}) {
    return bench.send(method, path, body, {}, token);
  }
  ApiBench bench;
};

TEST_F(Rights, OfAnotherSiteNothingIsSeenOrDoneOverAnyRoute) {
  const std::string site = bench.get("/api/v1/sites/lyon").body;
  int reads = 0;
  int writes = 0;
  for (const Operation& operation : documented_operations()) {
    const std::string target = of_other_site(operation.path);
    const std::string what = operation.method + " " + target;
    const HttpAnswer answer = as("bo-token", operation.method, target, body_for(operation));
    if (operation.method == "GET") {
      ++reads;
      EXPECT_THAT(answer.status, AnyOf(200, 403, 404)) << what << " " << answer.body;
      if (answer.status == 200) {
        EXPECT_THAT(answer.body, Not(HasSubstr(other))) << what;
      }
      continue;
    }
    if (operation.path == "/api/v1/apply") continue;  // line by line: apply_stream_test
    ++writes;
    EXPECT_THAT(answer.status, AnyOf(403, 404, 422)) << what << " " << answer.body;
  }
  EXPECT_GT(reads, 25);
  EXPECT_GT(writes, 40);
  EXPECT_EQ(bench.get("/api/v1/sites/lyon").body, site);
  EXPECT_TRUE(bench.state().servers.contains("lyon-s1"));
  for (const char* list : {"/api/v1/changes?after=0", "/api/v1/events?after=0", "/api/v1/servers"}) {
    const HttpAnswer answer = as("bo-token", "GET", list);
    EXPECT_EQ(answer.status, 200) << list;
    EXPECT_THAT(answer.body, Not(HasSubstr(other))) << list;
    EXPECT_THAT(answer.body, HasSubstr("s1")) << list;
  }
}

TEST_F(Rights, StreamsTellNothingOfAnotherSite) {
  Client events(bench, "/api/v1/events?after=0", {}, "bo-token");
  Client changes(bench, "/api/v1/changes?after=0", {}, "bo-token");
  bench.put("/api/v1/sites/lyon", R"({"spec":{"defaults":{"credential":"lyon-bmc"},"vars":{"a":"b"}}})");
  bench.send("DELETE", "/api/v1/rollouts/anywhere-lyon");
  bench.put("/api/v1/sites/par1", R"({"spec":{"defaults":{"credential":"bmc"},"vars":{"told":"yes"}}})");
  bench.send("DELETE", "/api/v1/rollouts/r");
  for (Client* client : {&events, &changes}) {
    client->drain();
    EXPECT_THAT(client->text, Not(HasSubstr(other)));
    EXPECT_THAT(client->text, HasSubstr("par1"));
  }
  EXPECT_THAT(changes.text, HasSubstr(R"("name":"r","deleted":true)"));
}

TEST_F(Rights, WhatBelongsToAServerOfAnotherSiteIsRefusedWithoutItsName) {
  const HttpAnswer twin = as(
      "bo-token", "PUT", "/api/v1/servers/twin",
      R"({"spec":{"site":"par1","identity":{"serial":"LY0N77"},"bmc":{"address":"10.30.0.112","credential":"bmc"}}})");
  EXPECT_EQ(twin.status, 409) << twin.body;
  EXPECT_THAT(twin.body, AllOf(HasSubstr("a server of another site"), Not(HasSubstr(other))));
  const HttpAnswer own = as("bo-token", "PUT", "/api/v1/servers/twin",
                            R"({"spec":{"site":"par1","bmc":{"address":"10.20.0.112","credential":"bmc"}}})");
  EXPECT_EQ(own.status, 409) << own.body;
  EXPECT_THAT(own.body, HasSubstr("server s1"));
}

TEST_F(Rights, WhatIsAcceptedOfServersIsTheirSites) {
  const auto accept = [&](const std::string& token, const std::string& name, const std::string& select) {
    return as(token, "PUT", "/api/v1/postureexceptions/" + name,
              R"({"spec":{"findings":["legacyBoot"],"reason":"r","until":"2099-01-01T00:00:00Z","select":)" +
                  select + "}}")
        .status;
  };
  EXPECT_EQ(accept("admin-token", "lyon-e", R"({"servers":["lyon-s1"]})"), 201);
  EXPECT_EQ(accept("bo-token", "theirs", R"({"sites":["lyon"]})"), 403);
  EXPECT_EQ(accept("bo-token", "anybodys", R"({"labels":{"a":"b"}})"), 403);
  EXPECT_EQ(accept("bo-token", "hers", R"({"servers":["s1"]})"), 201);
  EXPECT_EQ(as("bo-token", "GET", "/api/v1/postureexceptions/lyon-e").status, 404);
  const HttpAnswer list = as("bo-token", "GET", "/api/v1/postureexceptions");
  EXPECT_THAT(list.body, AllOf(HasSubstr("hers"), Not(HasSubstr(other))));
}

TEST_F(Rights, AtOnesOwnSiteOneActsAsTheRoleSays) {
  EXPECT_EQ(as("bo-token", "PUT", "/api/v1/servers/s2",
               R"({"spec":{"site":"par1","bmc":{"address":"10.20.0.113","credential":"bmc"}}})")
                .status,
            201);
  EXPECT_EQ(as("bo-token", "POST", "/api/v1/servers/s1/inspect").status, 202);
  EXPECT_EQ(as("bo-token", "POST", "/api/v1/rollouts/r/plan").status, 200);
  EXPECT_EQ(as("bo-token", "GET", "/api/v1/images/rocky").status, 200);
  // A name that may be anybody's, or that is another's, is neither planned nor confirmed to be there.
  EXPECT_EQ(
      as("bo-token", "PUT", "/api/v1/rollouts/w", R"({"spec":{"action":"inspect","select":{"sites":["*"]}}})")
          .status,
      403);
  EXPECT_EQ(as("bo-token", "PUT", "/api/v1/rollouts/w",
               R"({"spec":{"action":"inspect","select":{"sites":["par1"],"servers":["lyon-s1"]}}})")
                .status,
            422);
  EXPECT_EQ(as("bo-token", "PUT", "/api/v1/servers/s2",
               R"({"spec":{"site":"lyon","bmc":{"address":"10.20.0.113","credential":"bmc"}}})")
                .status,
            403);
}

TEST_F(Rights, WhoIsBoundToActionsOrdersThoseAndStopsThings) {
  bench.let_in("ci", R"({"role":"operator","actions":["inspect"]})");
  EXPECT_EQ(as("ci-token", "POST", "/api/v1/rollouts/r/plan").status, 200);
  EXPECT_EQ(
      as("ci-token", "PUT", "/api/v1/rollouts/i", R"({"spec":{"action":"install","select":{"sites":["*"]}}})")
          .status,
      403);
  EXPECT_EQ(as("ci-token", "PUT", "/api/v1/sites/par1", "{}").status, 403);
  EXPECT_EQ(as("ci-token", "POST", "/api/v1/servers/s1/protect", R"({"reason":"r"})").status, 200);
}

TEST_F(Rights, WhatLetsDataBeWipedNeedsAnApproverOrBrokenGlass) {
  bench.let_in("op", R"({"role":"operator"})");
  const std::string unprotect = "/api/v1/servers/s1/unprotect";
  const HttpAnswer no = as("op-token", "POST", unprotect, R"({"reason":"r"})");
  EXPECT_EQ(no.status, 403);
  EXPECT_THAT(no.text("next"), HasSubstr("--break-glass"));
  EXPECT_EQ(as("op-token", "POST", "/api/v1/servers/s1/release-for-install", R"({"reason":"r"})").status,
            403);
  EXPECT_EQ(as("bo-token", "POST", unprotect, R"({"reason":"r"})").status, 200);
  EXPECT_EQ(as("op-token", "POST", unprotect, R"({"reason":"it is 2 a.m.","breakGlass":true})").status, 200);
  EXPECT_THAT(bench.get("/api/v1/events?type=break-glass").body, HasSubstr("it is 2 a.m."));
  const HttpAnswer again =
      as("op-token", "POST", "/api/v1/servers/lyon-s1/unprotect", R"({"reason":"r","breakGlass":true})");
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(again.text("detail"), HasSubstr("one server in 15 minutes"));
  bench.restart();  // is remembered
  EXPECT_EQ(as("op-token", "POST", unprotect, R"({"reason":"r","breakGlass":true})").status, 409);
  EXPECT_THAT(as("bo-token", "GET", "/api/v1/limits").body, HasSubstr(R"("by":"op")"));
  EXPECT_EQ(as("bo-token", "POST", "/api/v1/servers/s1/approve-unprotect", R"({"note":"seen"})").status, 200);
  EXPECT_THAT(as("bo-token", "GET", "/api/v1/limits").body, Not(HasSubstr(R"("by":"op")")));
  bench.sleep(17min);
  EXPECT_EQ(as("op-token", "POST", unprotect, R"({"reason":"r","breakGlass":true})").status, 200);
}

TEST_F(Rights, AnOperatorLeadsNoBmcAndNoPasswordElsewhere) {
  bench.let_in("op", R"({"role":"operator"})");
  const auto put = [&](const std::string& who, const std::string& spec, const std::string& site = "lyon") {
    return as(who + "-token", "PUT", "/api/v1/sites/" + site, R"({"spec":)" + spec + "}").status;
  };
  EXPECT_EQ(put("op", R"({"media":{"address":"evil.example:443"}})"), 403);
  EXPECT_EQ(put("op", R"({"media":{"address":"evil.example:443"}})", "new1"), 403);
  EXPECT_EQ(put("op", R"({"bmcNetworks":[{"cidr":"10.20.0.0/16","mediaAddress":"10.9.9.9"}]})"), 403);
  EXPECT_EQ(put("op", R"({"bmcNetworks":[{"cidr":"10.20.0.0/16"}]})"), 200) << "that narrows";
  EXPECT_EQ(put("op", R"({"bmcNetworks":[{"cidr":"10.0.0.0/8"}]})"), 403);
  EXPECT_EQ(put("op", "{}"), 403);
  const std::string led =
      R"({"bmcNetworks":[{"cidr":"10.0.0.0/8","mediaAddress":"10.9.9.9"}],"media":{"address":"m"}})";
  EXPECT_EQ(put("admin", led), 200);
  EXPECT_EQ(put("op", led.substr(0, led.size() - 1) + R"(,"vars":{"a":"b"}})"), 200) << "all else is hers";
  EXPECT_EQ(put("op", R"({"bmcNetworks":[{"cidr":"10.0.0.0/8","mediaAddress":"10.9.9.9"}]})"), 200)
      << "the site's own file says where";
}

TEST_F(Rights, NobodyApprovesWhatHeBroke) {
  EXPECT_EQ(
      as("bo-token", "POST", "/api/v1/servers/s1/unprotect", R"({"reason":"r","breakGlass":true})").status,
      200);
  EXPECT_EQ(as("bo-token", "POST", "/api/v1/servers/s1/approve-unprotect", R"({"note":"n"})").status, 403);
  EXPECT_EQ(as("admin-token", "POST", "/api/v1/servers/s1/approve-unprotect", R"({"note":"n"})").status, 200);
}

TEST_F(Rights, AnOperatorTakesNoCanaryOut) {
  Principal who{.name = "op", .role = Role::operator_};
  MeshState mesh;
  rest::Rollout& rollout = mesh.rollouts["big"];
  rollout.mutable_spec()->set_action("install");
  rollout.mutable_spec()->mutable_stop_after()->set_no_canary(true);
  rollout.mutable_status()->mutable_plan()->set_server_count(11);
  const OperatorRequest start{"op", "", StartRollout{"big", "aa", 11}};
  ASSERT_TRUE(request_refused(who, start, mesh));
  EXPECT_EQ(request_refused(who, start, mesh)->kind, ErrorKind::denied);
  rollout.mutable_status()->mutable_plan()->set_server_count(10);
  EXPECT_FALSE(request_refused(who, start, mesh));
  rollout.mutable_status()->mutable_plan()->set_server_count(11);
  who.role = Role::approver;
  EXPECT_FALSE(request_refused(who, start, mesh));
}

TEST_F(Rights, WavesAreNoWayAroundTheCanary) {
  Principal who{.name = "op", .role = Role::operator_};
  MeshState mesh;
  rest::Rollout& rollout = mesh.rollouts["big"];
  rollout.mutable_spec()->set_action("install");
  rollout.mutable_spec()->add_waves()->set_servers(11);
  rest::Plan& plan = *rollout.mutable_status()->mutable_plan();
  plan.set_server_count(40);
  plan.add_waves()->set_servers(11);
  plan.add_waves()->set_servers(29);
  const OperatorRequest start{"op", "", StartRollout{"big", "aa", 40}};
  ASSERT_TRUE(request_refused(who, start, mesh));
  EXPECT_THAT(request_refused(who, start, mesh)->next, HasSubstr("spec.waves"));
  plan.mutable_waves(0)->set_servers(10);
  EXPECT_FALSE(request_refused(who, start, mesh));
  plan.mutable_waves(0)->set_servers(0);
  EXPECT_TRUE(request_refused(who, start, mesh)) << "nobody is in the first one";
  who.role = Role::approver;
  EXPECT_FALSE(request_refused(who, start, mesh));
}

TEST_F(Rights, ToGoOnPastACanaryThatFailedIsToGoWithout) {
  Principal who{.name = "op", .role = Role::operator_};
  MeshState mesh;
  rest::Rollout& rollout = mesh.rollouts["big"];
  rollout.mutable_spec()->set_action("install");
  rollout.mutable_status()->mutable_plan()->set_server_count(11);
  rest::RolloutWaveStatus& canary = *rollout.mutable_status()->add_waves();
  rollout.mutable_status()->add_waves();
  canary.set_missed(1);
  const OperatorRequest go_on{"op", "", ContinueRollout{"big", 2, 10, 1}};
  ASSERT_TRUE(request_refused(who, go_on, mesh));
  EXPECT_EQ(request_refused(who, go_on, mesh)->kind, ErrorKind::denied);
  canary.set_succeeded(1);
  EXPECT_FALSE(request_refused(who, go_on, mesh));
  canary.set_succeeded(0);
  who.role = Role::approver;
  EXPECT_FALSE(request_refused(who, go_on, mesh));
}

TEST_F(Rights, TokensAreHashedAndEndByRevocationDisablingAndTime) {
  bench.let_in("eve", R"({"role":"viewer"})");
  for (const auto& [key, value] : bench.rows())
    EXPECT_EQ((key + value).find("eve-token"), std::string::npos) << key;
  EXPECT_EQ(as("eve-token", "GET", "/api/v1/sites").status, 200);
  EXPECT_EQ(as("eve-token", "GET", "/api/v1/users").status, 403);
  EXPECT_THAT(as("eve-token", "GET", "/api/v1/changes?after=0").body, Not(HasSubstr(R"("kind":"User")")));
  bench.restart();
  EXPECT_EQ(as("eve-token", "GET", "/api/v1/sites").status, 200);
  const std::string id = to_hex(sha256("eve-token")).substr(0, 12);
  EXPECT_THAT(bench.get("/api/v1/users/eve").body, HasSubstr(id));
  EXPECT_EQ(bench.send("DELETE", "/api/v1/users/eve/tokens/" + id).status, 200);
  EXPECT_EQ(as("eve-token", "GET", "/api/v1/sites").status, 401);

  bench.post("/api/v1/users/eve/tokens",
             R"({"duration":"60s","sha256":")" + to_hex(sha256("short")) + R"("})");
  EXPECT_EQ(as("short", "GET", "/api/v1/sites").status, 200);
  bench.sleep(61s);
  EXPECT_EQ(as("short", "GET", "/api/v1/sites").status, 401);
  EXPECT_THAT(as("short", "GET", "/api/v1/sites").text("detail"), HasSubstr("a time that has passed"));

  bench.post("/api/v1/users/eve/tokens", ApiBench::token_body("more"));
  EXPECT_EQ(bench.put("/api/v1/users/eve", R"({"spec":{"role":"viewer","disabled":true}})").status, 200);
  EXPECT_EQ(as("more", "GET", "/api/v1/sites").status, 401);
  EXPECT_EQ(bench.put("/api/v1/users/eve", R"({"spec":{"role":"viewer"}})").status, 200);
  EXPECT_EQ(as("more", "GET", "/api/v1/sites").status, 200);
  EXPECT_EQ(bench.send("DELETE", "/api/v1/users/eve").status, 204);
  EXPECT_EQ(as("more", "GET", "/api/v1/sites").status, 401);
}

TEST_F(Rights, StreamsEndWithTheirToken) {
  bench.let_in("eve", R"({"role":"viewer"})");
  Client events(bench, "/api/v1/events", {}, "eve-token");
  Client changes(bench, "/api/v1/changes", {}, "eve-token");
  Client others(bench, "/api/v1/events");
  const auto two_seconds = [&] {
    const auto effects = bench.pass(2s);
    for (Client* client : {&events, &changes, &others}) client->take(effects);
  };
  two_seconds();
  EXPECT_FALSE(events.ended || changes.ended);
  bench.send("DELETE", "/api/v1/users/eve/tokens/" + to_hex(sha256("eve-token")).substr(0, 12));
  two_seconds();
  EXPECT_TRUE(events.ended && changes.ended);
  EXPECT_FALSE(others.ended);
}

TEST_F(Rights, UsersAreWhatTheyMayBe) {
  const auto refused = [&](const std::string& spec) {
    return bench.put("/api/v1/users/u", R"({"spec":)" + spec + "}").status;
  };
  EXPECT_EQ(refused(R"({"role":"root"})"), 422);
  EXPECT_EQ(refused(R"({"role":"operator","sites":["nowhere"]})"), 422);
  EXPECT_EQ(refused(R"({"role":"operator","actions":["explode"]})"), 422);
  EXPECT_EQ(refused(R"({"role":"admin","sites":["par1"]})"), 422);
  EXPECT_EQ(bench.post("/api/v1/users/bo/tokens", R"({"sha256":"ab"})").status, 422);
  bench.let_in("eve", R"({"role":"viewer"})");
  EXPECT_EQ(bench.post("/api/v1/users/eve/tokens", ApiBench::token_body("bo-token")).status, 409)
      << "bo has it";
  EXPECT_EQ(bench.send("DELETE", "/api/v1/sites/par1").status, 409) << "bo is bound to it";
}

}  // namespace
}  // namespace metalmesh::controller
