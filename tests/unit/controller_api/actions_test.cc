// POST routes and the reads that are no objects, through the whole node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <set>
#include <sstream>
#include <string>

#include "controller/core/row_care.h"
#include "tests/support/rotten_rows.h"
#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char rollout[] =
    R"({"spec":{"action":"install","select":{"servers":["s1"]},"image":"rocky","profile":"base"}})";

TEST(Actions, APlanSaysWhoIsLeftOutAndWhy) {
  ApiBench bench;
  bench.furnish();
  ASSERT_EQ(bench.put("/api/v1/rollouts/web", rollout).status, 201);
  const HttpAnswer planned = bench.post("/api/v1/rollouts/web/plan");
  ASSERT_EQ(planned.status, 200) << planned.body;
  const auto body = planned.json();
  const auto& plan = body.at("status").at("plan").as_object();
  EXPECT_FALSE(plan.at("digest").as_string().empty());
  ASSERT_EQ(plan.at("excluded").as_array().size(), 1U);
  EXPECT_EQ(plan.at("excluded").as_array()[0].at("name").as_string(), "s1");
  EXPECT_EQ(bench.post("/api/v1/rollouts/web/plan", "{}").status, 200);
}

TEST(Actions, ALongPlanIsAnsweredLaterAndReadInPages) {
  ApiBench bench;
  bench.furnish();
  boost::json::array names = {"s1"};
  for (int i = 0; i < 1000; ++i) names.emplace_back("gone" + std::to_string(i));
  auto wish = boost::json::parse(rollout);
  wish.at("spec").at("select").at("servers") = names;
  ASSERT_EQ(bench.put("/api/v1/rollouts/web", boost::json::serialize(wish)).status, 201);
  EXPECT_EQ(bench.get("/api/v1/rollouts/web/plan").status, 409) << "there is none yet";
  EXPECT_EQ(bench.post("/api/v1/rollouts/web/plan").status, 0) << "not answered yet";
  EXPECT_EQ(bench.post("/api/v1/rollouts/web/plan").status, 0) << "nor who asks the same";
  EXPECT_EQ(bench.get("/api/v1/servers/s1").status, 200) << "others are";
  std::vector<ExchangeReply> replies;
  for (const Effect& effect : bench.pass(Duration::zero())) {
    if (const auto* reply = std::get_if<ExchangeReply>(&effect)) replies.push_back(*reply);
  }
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_NE(replies[0].id, replies[1].id);
  EXPECT_EQ(replies[0].status, 200);
  EXPECT_EQ(replies[0].body, replies[1].body);
  const auto plan = boost::json::parse(replies[0].body).at("status").at("plan").as_object();
  EXPECT_EQ(plan.at("excludedCount"), 1001);
  EXPECT_FALSE(plan.contains("excluded"));

  std::set<std::string> told;
  int pages = 0;
  for (std::string after; pages < 10; ++pages) {
    const HttpAnswer page = bench.get("/api/v1/rollouts/web/plan" + after);
    ASSERT_EQ(page.status, 200) << page.body;
    EXPECT_EQ(page.text("digest"), plan.at("digest").as_string());
    const auto json = page.json();
    for (const auto& one : json.at("excluded").as_array())
      told.insert(std::string(one.at("name").as_string()));
    if (page.text("next").empty()) break;
    after = "?after=" + page.text("next");
  }
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(told.size(), 1001U);
  EXPECT_EQ(bench.get("/api/v1/rollouts/web/plan?after=2").status, 404);
  EXPECT_EQ(bench.get("/api/v1/rollouts/other/plan").status, 404);
}

TEST(Actions, StartNeedsTheDigestAndTheCount) {
  ApiBench bench;
  bench.furnish();
  bench.put("/api/v1/rollouts/web", rollout);
  bench.post("/api/v1/rollouts/web/plan");
  EXPECT_EQ(bench.post("/api/v1/rollouts/web/start").text("field"), "plan");
  EXPECT_EQ(bench.post("/api/v1/rollouts/web/start", R"({"plan":"abc"})").text("field"), "confirm");
  const HttpAnswer stale = bench.post("/api/v1/rollouts/web/start", R"({"plan":"abc","confirm":1})");
  EXPECT_GE(stale.status, 409) << stale.body;
  EXPECT_LT(stale.status, 500) << stale.body;
  EXPECT_EQ(bench.state().deployments.size(), 0U);
}

TEST(Actions, UnknownTargetsAre404) {
  ApiBench bench;
  bench.furnish();
  const std::pair<const char*, const char*> cases[] = {
      {"/api/v1/rollouts/none/plan", ""},
      {"/api/v1/rollouts/none/start", R"({"plan":"abc","confirm":1})"},
      {"/api/v1/rollouts/none/stop", R"({"reason":"r"})"},
      {"/api/v1/rollouts/none/pause", ""},
      {"/api/v1/rollouts/none/continue", R"({"wave":1})"},
      {"/api/v1/rollouts/none/skip", R"({"servers":["s1"],"reason":"r"})"},
      {"/api/v1/rollouts/none/set", R"({"parallel":{"perSite":3}})"},
      {"/api/v1/deployments/none/resolve", R"({"as":"failed","note":"n"})"},
      {"/api/v1/deployments/none/cancel", R"({"reason":"r"})"},
      {"/api/v1/servers/none/inspect", ""},
      {"/api/v1/servers/none/accept", ""},
      {"/api/v1/servers/none/protect", ""},
      {"/api/v1/servers/none/unprotect", R"({"reason":"r"})"},
      {"/api/v1/servers/none/retire", ""},
      {"/api/v1/servers/none/adopt", ""},
      {"/api/v1/servers/none/release-for-install", R"({"reason":"r"})"},
      {"/api/v1/servers/none/clean", R"({"reason":"r"})"},
      {"/api/v1/servers/none/reidentify", R"({"confirm":"c","reason":"r"})"},
      {"/api/v1/servers/none/replace", R"({"confirm":"c","reason":"r"})"},
      {"/api/v1/servers/none/move", R"({"address":"10.0.0.1"})"},
      {"/api/v1/sites/none/clear-quarantine", R"({"note":"n"})"},
      {"/api/v1/images/none/prefetch", R"({"sites":["par1"]})"},
  };
  for (const auto& [path, body] : cases) {
    const HttpAnswer answer = bench.post(path, body);
    EXPECT_EQ(answer.status, 404) << path << answer.body;
  }
  EXPECT_EQ(bench.get("/api/v1/deployments/none").status, 404);
}

TEST(Actions, BodiesAreCheckedByField) {
  ApiBench bench;
  bench.furnish();
  bench.put("/api/v1/rollouts/web", rollout);
  const struct {
    const char* path;
    const char* body;
    const char* field;
  } cases[] = {
      {"/api/v1/rollouts/web/plan", R"({"force":true})", "force"},
      {"/api/v1/rollouts/web/start", R"({"plan":1,"confirm":1})", "plan"},
      {"/api/v1/rollouts/web/start", R"({"plan":"a","confirm":"1"})", "confirm"},
      {"/api/v1/rollouts/web/start", R"({"plan":"a","confirm":-1})", "confirm"},
      {"/api/v1/rollouts/web/stop", R"({"why":"x"})", "why"},
      {"/api/v1/rollouts/web/pause", R"({"why":"x"})", "why"},
      {"/api/v1/rollouts/web/continue", "{}", "wave"},
      {"/api/v1/rollouts/web/continue", R"({"wave":"two"})", "wave"},
      {"/api/v1/rollouts/web/skip", R"({"reason":"r"})", "servers"},
      {"/api/v1/rollouts/web/skip", R"({"sites":["par1"]})", "reason"},
      {"/api/v1/rollouts/web/set", "{}", "until"},
      {"/api/v1/rollouts/web/set", R"({"until":"soon"})", "until"},
      {"/api/v1/deployments/d/resolve", R"({"as":"maybe","note":"n"})", "as"},
      {"/api/v1/deployments/d/resolve", R"({"as":"failed"})", "note"},
      {"/api/v1/deployments/d/resolve", "", "as"},
      {"/api/v1/deployments/d/cancel", "{}", "reason"},
      {"/api/v1/controller/continue", "{}", "reason"},
      {"/api/v1/controller/continue", R"({"note":"x"})", "note"},
      {"/api/v1/servers/s1/inspect", R"({"deep":true})", "deep"},
      {"/api/v1/servers/s1/accept", "[]", "the body"},
      {"/api/v1/servers/s1/protect", R"({"duration":"1h"})", "duration"},
      {"/api/v1/servers/s1/unprotect", R"({"duration":"1h"})", "reason"},
      {"/api/v1/servers/s1/unprotect", R"({"reason":"r","duration":"1"})", "duration"},
      {"/api/v1/servers/s1/unprotect", R"({"reason":"r","duration":"10ms"})", "duration"},
      {"/api/v1/servers/s1/retire", R"({"wipe":true})", "wipe"},
      {"/api/v1/servers/s1/adopt", R"({"why":"x"})", "why"},
      {"/api/v1/servers/s1/release-for-install", "{}", "reason"},
      {"/api/v1/servers/s1/reidentify", R"({"reason":"r"})", "confirm"},
      {"/api/v1/servers/s1/reidentify", R"({"confirm":"c"})", "reason"},
      {"/api/v1/servers/s1/replace", R"({"reason":"r"})", "confirm"},
      {"/api/v1/servers/s1/move", R"({"site":"par1"})", "address"},
      {"/api/v1/sites/par1/clear-quarantine", "{}", "note"},
  };
  for (const auto& it : cases) {
    const HttpAnswer answer = bench.post(it.path, it.body);
    EXPECT_EQ(answer.status, 400) << it.path << it.body << answer.body;
    EXPECT_EQ(answer.text("field"), it.field) << it.path << it.body << answer.body;
  }
}

TEST(Actions, AControllerThatWasNotRestoredHoldsNothing) {
  ApiBench bench;
  const HttpAnswer shown = bench.get("/api/v1/controller");
  ASSERT_EQ(shown.status, 200) << shown.body;
  EXPECT_EQ(shown.text("epoch"), "1");
  EXPECT_EQ(shown.text("instance"), bench.state().lives.current());
  EXPECT_EQ(shown.text("hold"), "");
  EXPECT_EQ(bench.post("/api/v1/controller/continue", R"({"reason":"looked"})").status, 409);
}

TEST(Actions, ProtectAndUnprotectShowInTheServer) {
  ApiBench bench;
  bench.furnish();
  const HttpAnswer locked = bench.post("/api/v1/servers/s1/protect", R"({"reason":"in service"})");
  ASSERT_EQ(locked.status, 200) << locked.body;
  EXPECT_TRUE(bench.state().servers.at("s1").status().protected_());
  const HttpAnswer open =
      bench.post("/api/v1/servers/s1/unprotect", R"({"reason":"CHG-1234","duration":"30m"})");
  ASSERT_EQ(open.status, 200) << open.body;
  EXPECT_THAT(open.body, HasSubstr("unprotectedUntil"));
}

TEST(Actions, AServerInUseIsDeletedByItsSerialOnly) {
  ApiBench bench;
  bench.furnish();
  ASSERT_EQ(bench.post("/api/v1/servers/s1/adopt", R"({"reason":"live"})").status, 200);
  const HttpAnswer refused = bench.send("DELETE", "/api/v1/servers/s1");
  EXPECT_EQ(refused.status, 409) << refused.body;
  EXPECT_EQ(refused.text("field"), "confirm");
  EXPECT_EQ(bench.send("DELETE", "/api/v1/images/rocky?confirm=x").status, 400);
  const std::string word = bench.state().servers.at("s1").spec().identity().serial();
  EXPECT_EQ(bench.send("DELETE", "/api/v1/servers/s1?confirm=" + (word.empty() ? "s1" : word)).status, 204);
}

TEST(Actions, InspectIsAcceptedAndAnswersLater) {
  ApiBench bench;
  bench.furnish();
  EXPECT_EQ(bench.post("/api/v1/servers/s1/inspect").status, 202);
  // Nothing was inspected yet, so there is nothing to pin.
  EXPECT_EQ(bench.post("/api/v1/servers/s1/accept").status, 409);
}

TEST(Reads, DeploymentsAreFilteredAndBadFiltersRefused) {
  ApiBench bench;
  EXPECT_EQ(bench.get("/api/v1/deployments").body, R"({"items":[]})");
  EXPECT_EQ(bench.get("/api/v1/deployments?state=running&rollout=a&server=b&limit=5&after=x").status, 200);
  const HttpAnswer bad = bench.get("/api/v1/deployments?state=runing");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.text("next"), "did you mean \"RUNNING\"?");
  EXPECT_EQ(bench.get("/api/v1/deployments?labelSelector=a").text("field"), "labelSelector");
}

TEST(Reads, HealthNamesItsReasons) {
  ApiBench bench;
  EXPECT_EQ(bench.get("/healthz").body, R"({"status":"ok","broker":"away"})");
  bench.run(BusUp{});
  EXPECT_EQ(bench.get("/healthz").body, R"({"status":"ok","broker":"connected"})");
  bench.run(DiskLevel{true, 1000});
  const HttpAnswer sick = bench.get("/healthz");
  EXPECT_EQ(sick.status, 503);
  EXPECT_THAT(sick.body, HasSubstr("disk low"));
  bench.run(DiskLevel{false, 1'000'000'000});
  EXPECT_EQ(bench.get("/healthz").status, 200);
}

TEST(Reads, HealthNamesWhatIsDamagedToThoseWhoSeeAllSites) {
  ApiBench bench;
  bench.furnish();
  RottenRows rotten(bench.rows());
  rotten.flip("o/server/s1", 20);
  bench.restore(rotten.after(care_for_rows(rotten, {}).value().batch));
  const auto told = [&](const std::string& token) {
    return bench.send("GET", "/healthz", {}, {}, token).body;
  };
  EXPECT_THAT(told("viewer-token"), HasSubstr("row o/server/s1 of the store"));
  for (const std::string nobody : {"", "guess"}) {
    EXPECT_THAT(told(nobody), HasSubstr("damaged rows of the store: 1"));
    EXPECT_THAT(told(nobody), Not(HasSubstr("s1")));
  }
  bench.let_in("eve", R"({"role":"viewer","sites":["par1"]})");
  EXPECT_THAT(told("eve-token"), Not(HasSubstr("s1"))) << "bound to a site";
}

TEST(Reads, EveryMetricIsDescribedOnce) {
  ApiBench bench;
  bench.furnish();
  const std::string page = bench.get("/metrics").body;
  std::istringstream in(page);
  std::set<std::string> described;
  std::string current;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("# HELP ")) {
      current = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(described.insert(current).second) << current;
    } else if (!line.starts_with("# TYPE ")) {
      EXPECT_EQ(line.substr(0, line.find_first_of("{ ")), current);
    }
  }
  EXPECT_GT(described.size(), 20U);
}

TEST(Reads, SupportTellsConfigurationSizesAndClocks) {
  ApiBench bench;
  const auto facts = bench.get("/api/v1/support");
  EXPECT_EQ(facts.status, 200);
  EXPECT_EQ(facts.text("version"), "1.2.3");
  EXPECT_TRUE(facts.body.contains(R"("configuration":{"dataDir":"/var/lib/mm"})")) << facts.body;
  EXPECT_TRUE(facts.body.contains(R"("rows":{"sites":)")) << facts.body;
  EXPECT_TRUE(facts.body.contains(R"("monotonicNs":)")) << facts.body;
}

TEST(Reads, VersionAndMetrics) {
  ApiBench bench;
  bench.furnish();
  EXPECT_EQ(bench.get("/api/v1/version").text("version"), "1.2.3");
  bench.get("/api/v1/sites/none");
  const HttpAnswer page = bench.get("/metrics");
  EXPECT_EQ(page.headers.at("content-type"), "text/plain; version=0.0.4");
  EXPECT_THAT(page.body,
              AllOf(HasSubstr("metalmesh_build_info{version=\"1.2.3\"} 1\n"),
                    HasSubstr("metalmesh_objects{kind=\"Server\"} 1\n"),
                    HasSubstr("metalmesh_servers{phase=\"registered\"} 1\n"),
                    HasSubstr("metalmesh_sites{state=\"silent\"} 1\n"),
                    HasSubstr("metalmesh_operator_refusals_total 0\n"),
                    HasSubstr("metalmesh_site_connected{site=\"par1\"} 0\n"),
                    HasSubstr("metalmesh_api_replies_total{status=\"404\"} 1\n"),
                    HasSubstr("metalmesh_events_total " + std::to_string(bench.state().last_event) + "\n")));
}

}  // namespace
}  // namespace metalmesh::controller
