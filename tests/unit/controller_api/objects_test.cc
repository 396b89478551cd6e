// The object routes, through the whole node: API, real core, rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <string>

#include "controller/state/row_codec.h"
#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A valid body for every kind, with what it refers to in place.
struct KindCase {
  const char* plural;
  const char* kind;
  const char* body;
};
constexpr KindCase kinds[] = {
    {"sites", "Site", R"({"spec":{"timeZone":"Europe/Paris"}})"},
    {"credentials", "Credential", R"({"spec":{"site":"par1","note":"iLO"}})"},
    {"settingsprofiles", "SettingsProfile", R"({"spec":{"bios":{"ProcVirtualization":"Enabled"}}})"},
    {"postureexceptions", "PostureException",
     R"({"spec":{"findings":["ipmiOverLan"],"select":{"sites":["par*"]},"reason":"old tools","until":"2030-01-01T00:00:00Z"}})"},
    {"hardwaretypes", "HardwareType",
     R"({"spec":{"manufacturer":"Dell Inc.","model":"PowerEdge R650","expect":{"memory":{"size":"512GB"}},"disks":{"root":{"media":"SSD"}}}})"},
    {"servers", "Server",
     R"({"spec":{"site":"par1","bmc":{"address":"10.20.0.9","credential":"bmc"},"state":"new"}})"},
    {"images", "Image", ApiBench::image},
    {"profiles", "Profile", ApiBench::profile},
    {"rollouts", "Rollout",
     R"({"spec":{"action":"install","select":{"servers":["s1"]},"image":"rocky","profile":"base"}})"},
};

std::string path_of(const KindCase& kind, const std::string& name = "thing") {
  return std::string("/api/v1/") + kind.plural + "/" + name;
}

std::vector<std::string> names_in(const HttpAnswer& page) {
  std::vector<std::string> names;
  const auto body = page.json();
  for (const auto& item : body.at("items").as_array()) {
    names.emplace_back(item.at("metadata").at("name").as_string());
  }
  return names;
}

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

TEST(Objects, ExceptionsNeedServersAReasonAndATime) {
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

TEST(Objects, ServersAreSearched) {
  ApiBench bench;
  bench.furnish();
  const std::string all = "/api/v1/servers?where=";
  const auto servers = names_in(bench.get("/api/v1/servers"));
  ASSERT_FALSE(servers.empty());
  EXPECT_EQ(names_in(bench.get(all + "site%20%3D%20par1")), servers);
  EXPECT_TRUE(names_in(bench.get(all + "site%20%3D%20par1%20and%20cores%20%3E%201")).empty());
  EXPECT_EQ(names_in(bench.get(all + "cores%20%3D%20unknown")), servers);
  const HttpAnswer refused = bench.get(all + "bios%20%3D%201");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.text("field"), "where");
  EXPECT_NE(refused.text("next").find("firmware.bios"), std::string::npos);
  EXPECT_EQ(bench.get("/api/v1/images?where=name%20%3D%201").status, 400) << "only servers are searched";
}

TEST(Objects, AnInventoryThatWasNotReadIsNotThere) {
  ApiBench bench;
  bench.furnish();
  EXPECT_TRUE(bench.get("/api/v1/inventories").json().at("items").as_array().empty());
  const std::string name = names_in(bench.get("/api/v1/servers")).front();
  const HttpAnswer none = bench.get("/api/v1/inventories/" + name);
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.text("next"), "metalmesh inspect " + name + " --wait");
  EXPECT_EQ(bench.get("/api/v1/inventories/nobody").status, 404);
}

TEST(Objects, ServersAreShownBesideTheirHardwareTypes) {
  ApiBench bench;
  bench.furnish();
  const auto listed = [&](const std::string& query) {
    return bench.get("/api/v1/hardware" + query).json().at("items").as_array();
  };
  bench.put(
      "/api/v1/hardwaretypes/r650",
      R"({"spec":{"manufacturer":"dell*","model":"*R650","expect":{"memory":{"size":"512GB","must":true}},"disks":{"root":{"media":"SSD"}}}})");
  EXPECT_TRUE(listed("").empty()) << "nobody knows what s1 is";
  EXPECT_EQ(bench.get("/api/v1/hardware/s1").body, R"({"server":"s1","site":"par1"})");
  EXPECT_EQ(bench.get("/api/v1/hardware/nobody").status, 404);

  MemoryRows::Rows rows = bench.rows();
  rest::Server server;
  ASSERT_TRUE(decode_row(rows["o/server/s1"], server));
  server.mutable_status()->set_manufacturer("Dell Inc.");
  server.mutable_status()->set_model("PowerEdge R650");
  server.mutable_status()->mutable_facts()->set_number(1);
  rows["o/server/s1"] = encode_row(server);
  rest::ServerInventory inventory;
  inventory.set_server("s1");
  inventory.set_number(1);
  inventory.mutable_inventory()->set_memory_bytes(std::uint64_t{480} << 30U);
  inventory.mutable_inventory()->add_drives()->set_name("Bay 0");
  inventory.mutable_inventory()->mutable_drives(0)->set_media("SSD");
  inventory.mutable_inventory()->mutable_drives(0)->set_serial("S1");
  rows["n/s1"] = encode_row(inventory);
  bench.restore(std::move(rows));
  EXPECT_EQ(listed("").size(), 1U);
  EXPECT_EQ(listed("?type=r650").size(), 1U);
  EXPECT_TRUE(listed("?type=other").empty());
  EXPECT_TRUE(listed("?where=memory%20%3D%201GiB").empty());
  const auto one = bench.get("/api/v1/hardware/s1").json();
  EXPECT_EQ(one.at("type").as_string(), "r650");
  EXPECT_EQ(one.at("deviations").at(0).at("message").as_string(), "480 of 512 GB memory");
  EXPECT_TRUE(one.at("deviations").at(0).at("must").as_bool());
  EXPECT_EQ(one.at("roles").at(0).at("serial").as_string(), "S1");
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

TEST(Objects, BadBodiesAreRefusedByField) {
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

TEST(Objects, BodiesMustSayThatTheyAreJson) {
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

TEST(Objects, BadNamesAreRefused) {
  ApiBench bench;
  for (const char* name : {"UPPER", "-a", "a-", "a_b", "a.b", "a%2Fb", "%20", "a%22b"}) {
    const HttpAnswer answer = bench.put("/api/v1/sites/" + std::string(name), "{}");
    EXPECT_EQ(answer.status, 422) << name << answer.body;
    EXPECT_EQ(answer.text("field"), "metadata.name") << name;
  }
  EXPECT_EQ(bench.put("/api/v1/sites/" + std::string(64, 'a'), "{}").status, 422);
  EXPECT_EQ(bench.put("/api/v1/sites/" + std::string(63, 'a'), "{}").status, 201);
}

TEST(Objects, MissingReferencesNameTheField) {
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

TEST(Objects, ADuplicateMachineIsAConflictThatNamesTheOther) {
  ApiBench bench;
  bench.furnish();
  const HttpAnswer answer = bench.put(
      "/api/v1/servers/s2",
      R"({"spec":{"site":"par1","bmc":{"address":"10.20.0.113","credential":"bmc"},"identity":{"serial":"CZ2D4F0A1B"}}})");
  EXPECT_EQ(answer.status, 409) << answer.body;
  EXPECT_THAT(answer.text("detail"), HasSubstr("s1"));
}

TEST(Objects, WhatIsInUseIsNotDeleted) {
  ApiBench bench;
  bench.furnish();
  for (const char* path : {"/api/v1/sites/par1", "/api/v1/credentials/bmc"}) {
    EXPECT_EQ(bench.send("DELETE", path).status, 409) << path;
    EXPECT_EQ(bench.get(path).status, 200) << path;
  }
}

TEST(Objects, ConditionalWritesCatchTheLostUpdate) {
  ApiBench bench;
  const std::string path = "/api/v1/sites/par1";
  EXPECT_EQ(bench.put(path, "{}", {{"if-match", "*"}}).status, 412);
  const std::string first = bench.put(path, "{}", {{"if-none-match", "*"}}).headers.at("etag");
  EXPECT_EQ(bench.put(path, "{}", {{"if-none-match", "*"}}).status, 412);
  const HttpAnswer second = bench.put(path, R"({"spec":{"timeZone":"UTC"}})", {{"if-match", first}});
  ASSERT_EQ(second.status, 200) << second.body;
  const HttpAnswer late = bench.put(path, "{}", {{"if-match", first}});
  EXPECT_EQ(late.status, 412);
  EXPECT_EQ(late.text("field"), "If-Match");
  EXPECT_THAT(late.text("detail"), HasSubstr("version " + first.substr(1, first.find('-') - 1)));
  EXPECT_EQ(bench.put(path, "{}", {{"if-match", "7"}}).status, 400);
  EXPECT_EQ(bench.put(path, "{}", {{"if-match", "*"}}).status, 200);
  EXPECT_EQ(bench.send("DELETE", path, {}, {{"if-match", first}}).status, 412);
  EXPECT_EQ(bench.send("DELETE", path, {}, {{"if-match", bench.get(path).headers.at("etag")}}).status, 204);
}

TEST(Objects, AnOldTagNeverMatchesWhatWasMadeAnew) {
  ApiBench bench;
  const std::string path = "/api/v1/sites/par1";
  const std::string old = bench.put(path, "{}").headers.at("etag");
  ASSERT_EQ(bench.send("DELETE", path).status, 204);
  ASSERT_EQ(bench.put(path, R"({"spec":{"timeZone":"UTC"}})").status, 201);
  EXPECT_EQ(bench.put(path, "{}", {{"if-match", old}}).status, 412);
  EXPECT_EQ(bench.get(path, {{"if-none-match", old}}).status, 200);
  EXPECT_EQ(bench.send("DELETE", path, {}, {{"if-match", old}}).status, 412);
}

TEST(Objects, AnOldTagNeverMatchesWhatARestoredControllerGaveTheSameVersion) {
  ApiBench bench;
  const std::string path = "/api/v1/images/rocky";
  bench.furnish();
  const auto backup = bench.rows();
  const HttpAnswer read = bench.get(path);
  const auto change = [&](const std::string& label) {
    auto object = read.json().as_object();
    object["metadata"].as_object()["labels"] = {{"who", label}};
    return bench.put(path, boost::json::serialize(object)).headers.at("etag");
  };
  const std::string lost = change("one");
  bench.restore(backup);
  EXPECT_EQ(bench.get(path).headers.at("etag"), read.headers.at("etag")) << "what is as it was keeps its tag";
  const std::string now = change("other");
  EXPECT_EQ(lost.substr(0, lost.find('-')), now.substr(0, now.find('-')));
  EXPECT_EQ(bench.get(path, {{"if-none-match", lost}}).status, 200);
  const HttpAnswer refused = bench.put(path, read.body, {{"if-match", lost}});
  EXPECT_EQ(refused.status, 412);
  EXPECT_NE(refused.text("detail").find("restored from a backup"), std::string::npos) << refused.body;
  EXPECT_EQ(bench.put(path, read.body, {{"if-match", now}}).status, 200);
}

TEST(Objects, ASiteThatFallsSilentIsNo304) {
  ApiBench bench;
  const std::string path = "/api/v1/sites/par1";
  bench.put(path, "{}");
  const std::string silent = bench.get(path).headers.at("etag");
  EXPECT_EQ(bench.get(path, {{"if-none-match", silent}}).status, 304);
  bench.hear_site("par1");
  const HttpAnswer heard = bench.get(path, {{"if-none-match", silent}});
  ASSERT_EQ(heard.status, 200);
  EXPECT_EQ(heard.json().at("status").at("connected").as_bool(), true) << heard.body;
  const std::string connected = heard.headers.at("etag");
  bench.pass(std::chrono::minutes(2));
  EXPECT_EQ(bench.get(path, {{"if-none-match", connected}}).status, 200);
  EXPECT_EQ(bench.put(path, "{}", {{"if-match", connected}}).status, 200)
      << "a writer need not know who is heard";
}

TEST(Objects, UnchangedIs304) {
  ApiBench bench;
  bench.furnish();
  const HttpAnswer read = bench.get("/api/v1/images/rocky");
  const HttpAnswer again = bench.get("/api/v1/images/rocky", {{"if-none-match", read.headers.at("etag")}});
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
  EXPECT_EQ(again.headers.at("etag"), read.headers.at("etag"));
  EXPECT_EQ(bench.get("/api/v1/images/rocky", {{"if-none-match", "\"999\""}}).status, 200);
  EXPECT_EQ(bench.get("/api/v1/images/rocky", {{"if-none-match", "1"}}).status, 400);
}

TEST(Objects, RepeatingAKeyRepeatsTheAnswerAndNotTheAct) {
  ApiBench bench;
  const Headers key = {{"idempotency-key", "4711"}, {"if-none-match", "*"}};
  const HttpAnswer first = bench.put("/api/v1/sites/par1", "{}", key);
  ASSERT_EQ(first.status, 201) << first.body;
  const std::uint64_t events = bench.state().last_event;
  const HttpAnswer second = bench.put("/api/v1/sites/par1", "{}", key);
  EXPECT_LT(second.status, 300) << second.body;
  EXPECT_EQ(second.headers.at("etag"), first.headers.at("etag"));
  EXPECT_EQ(bench.state().last_event, events);
  EXPECT_EQ(bench.put("/api/v1/sites/par2", "{}", {{"idempotency-key", ""}}).status, 400);
  EXPECT_EQ(bench.put("/api/v1/sites/par2", "{}", {{"idempotency-key", "a b"}}).status, 400);
  EXPECT_EQ(bench.put("/api/v1/sites/par2", "{}", {{"idempotency-key", std::string(129, 'k')}}).status, 400);
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

TEST(Objects, ListsComeInPagesThatNeitherRepeatNorSkip) {
  ApiBench bench;
  for (const char* name : {"e", "b", "d", "a", "c"}) bench.put(std::string("/api/v1/sites/") + name, "{}");
  const HttpAnswer all = bench.get("/api/v1/sites");
  EXPECT_THAT(names_in(all), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(all.text("next"), "");

  const HttpAnswer first = bench.get("/api/v1/sites?limit=2");
  EXPECT_THAT(names_in(first), ElementsAre("a", "b"));
  EXPECT_EQ(first.text("next"), "b");
  bench.send("DELETE", "/api/v1/sites/b");
  bench.put("/api/v1/sites/aa", "{}");
  const HttpAnswer second = bench.get("/api/v1/sites?limit=2&after=b");
  EXPECT_THAT(names_in(second), ElementsAre("c", "d"));
  const HttpAnswer third = bench.get("/api/v1/sites?limit=2&after=d");
  EXPECT_THAT(names_in(third), ElementsAre("e"));
  EXPECT_EQ(third.text("next"), "");
  EXPECT_EQ(bench.get("/api/v1/sites?after=zzz").body, R"({"items":[]})");
}

TEST(Objects, ListsAreFilteredByLabels) {
  ApiBench bench;
  bench.put("/api/v1/sites/a", R"({"metadata":{"labels":{"region":"eu","tier":"edge"}}})");
  bench.put("/api/v1/sites/b", R"({"metadata":{"labels":{"region":"us"}}})");
  bench.put("/api/v1/sites/c", R"({"metadata":{"labels":{"region":"eu"}}})");
  EXPECT_THAT(names_in(bench.get("/api/v1/sites?labelSelector=region%3Deu")), ElementsAre("a", "c"));
  EXPECT_THAT(names_in(bench.get("/api/v1/sites?labelSelector=region=eu,tier!=edge")), ElementsAre("c"));
  EXPECT_THAT(names_in(bench.get("/api/v1/sites?labelSelector=tier")), ElementsAre("a"));
  EXPECT_THAT(names_in(bench.get("/api/v1/sites?labelSelector=")), ElementsAre("a", "b", "c"));
  const HttpAnswer page = bench.get("/api/v1/sites?labelSelector=region=eu&limit=1");
  EXPECT_THAT(names_in(page), ElementsAre("a"));
  EXPECT_EQ(page.text("next"), "a");
}

TEST(Objects, BadQueriesAreRefusedByParameter) {
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
