// The object routes, through the whole node: API, real core, rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <string>

#include "tests/unit/controller_api/object_kinds.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;

TEST(Objects, SettingsAreHeldShownAndTold) {
  ApiBench bench;
  const std::string path = "/api/v1/settingsprofiles/fast";
  ASSERT_EQ(
      bench.put(path, R"({"spec":{"bios":{"ProcTurbo":"Enabled"},"bmc":{"NTP.1.Enable":"Yes"}}})").status,
      201);
  const auto held = bench.get(path).json();
  EXPECT_EQ(held.at("spec").at("bios").at("ProcTurbo").as_string(), "Enabled");
  bench.restart();
  const auto told = bench.get("/api/v1/changes?after=0&kind=SettingsProfile").json();
  ASSERT_EQ(told.at("items").as_array().size(), 1U);
  EXPECT_EQ(told.at("items").at(0).at("settingsprofile").at("spec"), held.at("spec"));
  const HttpAnswer refused = bench.put(path, R"({"spec":{"bios":{"Proc Turbo":"Enabled"}}})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("field"), "spec.bios");
  EXPECT_EQ(bench.send("DELETE", path).status, 204);
  EXPECT_EQ(bench.get("/api/v1/changes?after=0&kind=SettingsProfile").json().at("items").at(0).at("deleted"),
            true);
}

TEST(Objects, AreCreatedReadChangedAndDeleted) {
  ApiBench bench;
  bench.furnish();
  for (const KindCase& kind : kinds) {
    SCOPED_TRACE(kind.kind);
    const std::string path = path_of(kind);
    const HttpAnswer created = bench.put(path, kind.body);
    ASSERT_EQ(created.status, 201) << created.body;
    EXPECT_EQ(created.headers.at("location"), path);
    EXPECT_EQ(created.headers.at("content-type"), "application/json");
    EXPECT_EQ(created.headers.at("cache-control"), "no-store");
    EXPECT_EQ(created.text("kind"), kind.kind);
    EXPECT_EQ(created.text("apiVersion"), "metalmesh/v1");

    const HttpAnswer read = bench.get(path);
    EXPECT_EQ(read.status, 200);
    EXPECT_EQ(read.headers.at("etag"), created.headers.at("etag"));
    EXPECT_EQ(read.body, created.body);

    const HttpAnswer changed =
        bench.put(path, R"({"metadata":{"labels":{"a":"b"}},)" + std::string(kind.body).substr(1));
    EXPECT_EQ(changed.status, 200) << changed.body;
    EXPECT_FALSE(changed.headers.contains("location"));
    EXPECT_NE(changed.headers.at("etag"), created.headers.at("etag"));
    EXPECT_THAT(changed.body, HasSubstr(R"("labels":{"a":"b"})"));

    EXPECT_EQ(bench.send("DELETE", path).status, 204);
    const HttpAnswer gone = bench.get(path);
    EXPECT_EQ(gone.status, 404);
    EXPECT_EQ(gone.text("type"), "urn:metalmesh:problem:not-found");
    EXPECT_EQ(bench.send("DELETE", path).status, 404);
  }
}

TEST(Objects, WhatIsReadMayBeSentBack) {
  ApiBench bench;
  bench.furnish();
  for (const KindCase& kind : kinds) {
    SCOPED_TRACE(kind.kind);
    bench.put(path_of(kind), kind.body);
    const HttpAnswer read = bench.get(path_of(kind));
    const HttpAnswer back = bench.put(path_of(kind), read.body, {{"if-match", read.headers.at("etag")}});
    EXPECT_EQ(back.status, 200) << back.body;
  }
}

TEST(Objects, StatusAndVersionInABodyChangeNothing) {
  ApiBench bench;
  bench.furnish();
  const HttpAnswer answer = bench.put(
      "/api/v1/servers/s1",
      R"({"metadata":{"version":"99","created":"2001-01-01T00:00:00Z"},"status":{"phase":"ready","nonsense":1},)" +
          std::string(ApiBench::server).substr(1));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(bench.state().servers.at("s1").status().phase(), "registered");
  EXPECT_LT(bench.state().servers.at("s1").metadata().version(), 99U);
}

TEST(Objects, ProfilesKeepTheirVersions) {
  ApiBench bench;
  bench.furnish();
  const std::string changed =
      R"({"spec":{"family":"rhel","template":{"inline":"reboot\n"},"proof":{"minimum":"poweroff"}}})";
  ASSERT_EQ(bench.put("/api/v1/profiles/base", changed).status, 200);
  const HttpAnswer one = bench.get("/api/v1/profiles/base/versions/1");
  const HttpAnswer two = bench.get("/api/v1/profiles/base/versions/2");
  EXPECT_THAT(one.body, HasSubstr("poweroff\\n"));
  EXPECT_THAT(two.body, HasSubstr("reboot\\n"));
  EXPECT_EQ(two.headers.at("etag"), "\"2-" + bench.state().lives.current() + "\"");
  EXPECT_EQ(bench
                .get("/api/v1/profiles/base/versions/1",
                     {{"if-none-match", "\"1-" + bench.state().lives.current() + "\""}})
                .status,
            304);
  EXPECT_EQ(bench.get("/api/v1/profiles/base/versions/3").status, 404);
  EXPECT_EQ(bench.get("/api/v1/profiles/none/versions/1").status, 404);
  EXPECT_EQ(bench.get("/api/v1/profiles/base/versions/x").status, 400);
  EXPECT_EQ(bench.get("/api/v1/profiles/base/versions/-1").status, 400);
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(bench
                  .put("/api/v1/profiles/base", R"({"spec":{"family":"rhel","template":{"inline":"text )" +
                                                    std::to_string(i) + R"("}}})")
                  .status,
              200);
  }
  const HttpAnswer gone = bench.get("/api/v1/profiles/base/versions/1");
  EXPECT_EQ(gone.status, 404);
  EXPECT_THAT(gone.body, HasSubstr("not kept any more"));
  EXPECT_EQ(bench.get("/api/v1/profiles/base/versions/42").status, 200);
}

TEST(Objects, VersionsOfADeletedProfileAreReadWithoutTheirSecretsAndNotRolledOut) {
  ApiBench bench;
  bench.furnish();
  const std::string secretive =
      R"({"spec":{"family":"rhel","template":{"inline":"rootpw --iscrypted $6$saltsalt$0123456789abcdef\n"},)"
      R"("vars":{"joinToken":"K10f3a9c2e4b6d8f0a1c3e5b7d9f1a3c","rack":"r12"}}})";
  ASSERT_EQ(bench.put("/api/v1/profiles/web", secretive).status, 201);
  ASSERT_EQ(bench.send("DELETE", "/api/v1/profiles/web").status, 204);
  bench.restart();
  const HttpAnswer read = bench.get("/api/v1/profiles/web/versions/1");
  EXPECT_EQ(read.status, 200) << read.body;
  EXPECT_THAT(read.body, HasSubstr(R"("rack":"r12")"));
  EXPECT_THAT(read.body, ::testing::Not(HasSubstr("K10f3a9c2e4b6d8f0a1c3e5b7d9f1a3c")));
  EXPECT_THAT(read.body, ::testing::Not(HasSubstr("0123456789abcdef")));
  const HttpAnswer refused = bench.put(
      "/api/v1/rollouts/again",
      R"({"spec":{"action":"install","select":{"servers":["s1"]},"image":"rocky","profile":"web@1"}})");
  EXPECT_EQ(refused.status, 422) << refused.body;
  EXPECT_EQ(refused.text("field"), "spec.profile");
  EXPECT_THAT(refused.body, HasSubstr("was deleted"));
}

TEST(Objects, FamiliesSayWhetherAnybodyBootedThem) {
  ApiBench bench;
  const HttpAnswer all = bench.get("/api/v1/families");
  EXPECT_EQ(all.status, 200);
  EXPECT_THAT(all.body, HasSubstr(R"("name":"appliance")"));
  EXPECT_THAT(all.body, HasSubstr(R"("name":"placeholder")"));
  EXPECT_EQ(bench.get("/api/v1/families/appliance").text("tier"), "documented");
  EXPECT_EQ(bench.get("/api/v1/families/placeholder").text("tier"), "verified");
  const HttpAnswer none = bench.get("/api/v1/families/aplliance");
  EXPECT_EQ(none.status, 404);
  EXPECT_THAT(none.body, HasSubstr("did you mean \\\"appliance\\\"?"));
}

TEST(Objects, SurviveARestart) {
  ApiBench bench;
  bench.furnish();
  const std::string before = bench.get("/api/v1/servers/s1").body;
  bench.restart();
  EXPECT_EQ(bench.get("/api/v1/servers/s1").body, before);
}

TEST(Objects, AReplyLeavesOnlyWithItsRows) {
  ApiBench bench;
  const Outcome out = bench.node().handle(
      ExchangeOpened{77,
                     "PUT",
                     "/api/v1/sites/par1",
                     {{"authorization", "Bearer admin-token"}, {"content-type", "application/json"}},
                     "{}",
                     ""},
      bench.now());
  EXPECT_FALSE(out.rows.empty());
  EXPECT_EQ(std::get<ExchangeReply>(out.effects.back()).id, 77U);
}

}  // namespace
}  // namespace metalmesh::controller
