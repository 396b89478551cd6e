#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "common/text/filler/filler.h"
#include "common/text/filler/json_document.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh {
namespace {

using testing::HasSubstr;

struct Rejected {
  const char* json;
  const char* field;
  const char* says;
};

TEST(JsonDecode, ReadsEveryKindOfField) {
  rest::Profile profile;
  const auto done = read_json_into(R"({"apiVersion":"metalmesh/v1","kind":"Profile",
      "metadata":{"name":"base","labels":{"a":"1","b":"2"}},
      "spec":{"family":"rhel","template":{"inline":"x\ny"},"vars":{"k":"v"},
              "proof":{"minimum":"booted","within":"20m","port":22},"maxRun":"1h30m","stallAfter":"1800s"}})",
                                   profile);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(profile.metadata().labels().at("b"), "2");
  EXPECT_EQ(profile.spec().template_().inline_(), "x\ny");
  EXPECT_EQ(profile.spec().proof().within().seconds(), 1200);
  EXPECT_EQ(profile.spec().proof().port(), 22U);
  EXPECT_EQ(profile.spec().max_run().seconds(), 5400);
  EXPECT_EQ(profile.spec().stall_after().seconds(), 1800);

  rest::Image image;
  ASSERT_TRUE(read_json_into(R"({"spec":{"iso":{"urls":["a","b"],"size":"18446744073709551615"}}})", image));
  EXPECT_EQ(image.spec().iso().urls_size(), 2);
  EXPECT_EQ(image.spec().iso().size(), 18446744073709551615ULL);
  ASSERT_TRUE(read_json_into(R"({"spec":{"iso":{"size":42}}})", image));

  rest::Deployment deployment;
  ASSERT_TRUE(read_json_into(R"({"stage":"WATCH","created":"2026-03-02T22:00:00Z"})", deployment));
  EXPECT_EQ(deployment.stage(), wire::WATCH);
}

TEST(JsonDecode, NullMeansAbsent) {
  rest::Server server;
  ASSERT_TRUE(read_json_into(R"({"spec":{"hostname":null,"bmc":null}})", server));
  EXPECT_FALSE(server.spec().has_bmc());
}

TEST(JsonDecode, NamesTheFieldThatIsWrong) {
  const Rejected cases[] = {
      {R"({"spce":{}})", "spce", "unknown field"},
      {R"({"spec":{"bmc":{"adress":"x"}}})", "spec.bmc.adress", "unknown field"},
      {R"({"spec":{"hostname":4}})", "spec.hostname", "expected text, got a number"},
      {R"({"spec":{"hostname":["a"]}})", "spec.hostname", "expected text, got a list"},
      {R"({"spec":{"protected":"true"}})", "spec.protected", "expected true or false, got text"},
      {R"({"spec":{"identity":{"macs":"a"}}})", "spec.identity.macs", "expected a list, got text"},
      {R"({"spec":{"identity":{"macs":["a",2]}}})", "spec.identity.macs[1]", "got a number"},
      {R"({"spec":{"identity":{"macs":[null]}}})", "spec.identity.macs[0]", "got null"},
      {R"({"spec":{"vars":{"a":1}}})", "spec.vars.a", "expected text"},
      {R"({"spec":{"vars":[]}})", "spec.vars", "expected fields (key: value), got a list"},
      {R"({"spec":"x"})", "spec", "expected fields (key: value), got text"},
      {R"({"spec":{"bmc":[]}})", "spec.bmc", "expected fields (key: value), got a list"},
      {R"([])", "document", "document: expected fields (key: value), got a list"},
      {R"("x")", "document", "document: expected fields"},
      {R"({"kind":"A","kind":"B"})", "kind", "twice"},
      {R"({"spec":{"vars":{"a":"1","b":"}{,","a":"2"}}})", "a", "twice"},
  };
  for (const Rejected& it : cases) {
    rest::Server server;
    const auto done = read_json_into(it.json, server);
    ASSERT_FALSE(done) << it.json;
    EXPECT_EQ(done.error().field, it.field) << it.json;
    EXPECT_THAT(done.error().message, HasSubstr(it.says)) << it.json;
  }
}

TEST(JsonDecode, BoundsNumbersDurationsAndNames) {
  const Rejected cases[] = {
      {R"({"spec":{"parallel":{"total":-1}}})", "spec.parallel.total", "whole number from 0 to 4294967295"},
      {R"({"spec":{"parallel":{"total":4294967296}}})", "spec.parallel.total", "4294967295"},
      {R"({"spec":{"parallel":{"total":1.5}}})", "spec.parallel.total", "whole number"},
      {R"({"spec":{"parallel":{"total":"5"}}})", "spec.parallel.total", "got text"},
      {R"({"spec":{"startWithin":"30"}})", "spec.startWithin", "expected a duration such as 90s"},
      {R"({"spec":{"startWithin":30}})", "spec.startWithin", "got a number"},
      {R"({"metadata":{"version":"x"}})", "metadata.version", "got text"},
      {R"({"metadata":{"version":99999999999999999999}})", "metadata.version", "18446744073709551615"},
      {R"({"metadata":{"created":"yesterday"}})", "metadata.created", "a time such as"},
  };
  for (const Rejected& it : cases) {
    rest::Rollout rollout;
    const auto done = read_json_into(it.json, rollout);
    ASSERT_FALSE(done) << it.json;
    EXPECT_EQ(done.error().field, it.field) << it.json;
    EXPECT_THAT(done.error().message, HasSubstr(it.says)) << it.json;
  }
  rest::Deployment deployment;
  const auto done = read_json_into(R"({"stage":"WACTH"})", deployment);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, "did you mean \"WATCH\"?");
}

TEST(JsonDecode, SaysWhatWasMeant) {
  rest::Server server;
  auto done = read_json_into(R"({"spec":{"hostnme":"x"}})", server);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, "did you mean \"hostname\"?");
  done = read_json_into(R"({"spec":{"password":"x"}})", server);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().next, HasSubstr("known here: site, bmc, identity"));
}

TEST(JsonDecode, SnakeCaseIsNotTheMapping) {
  rest::Site site;
  const auto done = read_json_into(R"({"spec":{"time_zone":"UTC"}})", site);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, "did you mean \"timeZone\"?");
}

TEST(JsonDecode, ReadsWordsAsYamlDoes) {
  constexpr std::string_view text = R"({"metadata":{"version":"7"},"spec":{"iso":{"size":"400GB"}}})";
  rest::Image from_json;
  const auto read = read_json_into(text, from_json);
  ASSERT_TRUE(read) << read.error().message;
  const auto from_yaml = read_yaml<rest::Image>(text, "f");
  ASSERT_TRUE(from_yaml) << from_yaml.error().message;
  EXPECT_EQ(from_json.spec().iso().size(), 400'000'000'000U);
  EXPECT_EQ(from_json.SerializeAsString(), from_yaml->SerializeAsString());
  rest::Deployment deployment;
  ASSERT_TRUE(read_json_into(R"({"stage":"watch"})", deployment));
  EXPECT_EQ(deployment.stage(), wire::WATCH);
}

TEST(JsonDecode, DoesNotRepeatTextThatCouldBeASecret) {
  rest::Rollout rollout;
  const auto done = read_json_into(R"({"spec":{"parallel":{"total":"hunter2"}}})", rollout);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message.find("hunter2"), std::string::npos) << done.error().message;
}

TEST(JsonDecode, RefusesWhatIsNotJson) {
  for (const char* text :
       {"", " ", "{", "}", "{]", "nul", "{'a':1}", "{\"a\":1,}", "{\"kind\":\"A\"}x", "{\"kind\":\"\xff\"}",
        "{\"kind\":\"\\ud800\"}", "// x\n{}", "{\"a\":NaN}", "\xef\xbb\xbf{}"}) {
    rest::Site site;
    const auto done = read_json_into(text, site);
    ASSERT_FALSE(done) << text;
    EXPECT_TRUE(done.error().field.empty()) << text;
  }
}

TEST(JsonDecode, BoundsDepthAndSize) {
  rest::Site site;
  const auto deep = read_json_into(std::string(100'000, '[') + std::string(100'000, ']'), site);
  ASSERT_FALSE(deep);
  EXPECT_THAT(deep.error().message, HasSubstr("24 levels"));
  const auto large = read_json_into("{\"kind\":\"" + std::string(json_bytes_most, 'a') + "\"}", site);
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message, HasSubstr("1 MiB"));
  std::string many = "[0";
  for (int i = 0; i < 200'000; ++i) many += ",0";
  const auto crowded = read_json_into(many + "]", site);
  ASSERT_FALSE(crowded);
  EXPECT_THAT(crowded.error().message, HasSubstr("200000 values"));
}

TEST(JsonDecode, IgnoredPartsMayHoldAnything) {
  constexpr std::array<std::string_view, 2> ignored = {"status", "metadata.version"};
  rest::Site site;
  ASSERT_TRUE(read_json_into(R"({"status":{"fromTheFuture":[1]},"metadata":{"name":"a","version":true}})",
                             site, {.ignored = ignored}));
  EXPECT_FALSE(site.has_status());
  EXPECT_EQ(site.metadata().version(), 0U);
  EXPECT_FALSE(read_json_into(R"({"spec":{"status":{}}})", site, {.ignored = ignored}));
}

}  // namespace
}  // namespace metalmesh
