// JSON in and out, on the REST messages themselves. Faults are compared by path, because the path is what
// people and programs act on.
#include "controller/api/json_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "common/text/near_miss.h"
#include "controller/api/duration_text.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;

struct Rejected {
  const char* json;
  const char* field;
  const char* says;
};

TEST(JsonDecode, ReadsEveryKindOfField) {
  rest::Profile profile;
  const auto done = decode_json(R"({"apiVersion":"metalmesh/v1","kind":"Profile",
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
  ASSERT_TRUE(decode_json(R"({"spec":{"iso":{"urls":["a","b"],"size":"18446744073709551615"}}})", image));
  EXPECT_EQ(image.spec().iso().urls_size(), 2);
  EXPECT_EQ(image.spec().iso().size(), 18446744073709551615ULL);
  ASSERT_TRUE(decode_json(R"({"spec":{"iso":{"size":42}}})", image));

  rest::Deployment deployment;
  ASSERT_TRUE(decode_json(R"({"stage":"WATCH","created":"2026-03-02T22:00:00Z"})", deployment));
  EXPECT_EQ(deployment.stage(), wire::WATCH);
}

TEST(JsonDecode, NullMeansAbsent) {
  rest::Server server;
  ASSERT_TRUE(decode_json(R"({"spec":{"hostname":null,"bmc":null}})", server));
  EXPECT_FALSE(server.spec().has_bmc());
}

TEST(JsonDecode, NamesTheFieldThatIsWrong) {
  const Rejected cases[] = {
      {R"({"spce":{}})", "spce", "unknown field"},
      {R"({"spec":{"bmc":{"adress":"x"}}})", "spec.bmc.adress", "in spec.bmc"},
      {R"({"spec":{"hostname":4}})", "spec.hostname", "expected a string, got a number"},
      {R"({"spec":{"hostname":["a"]}})", "spec.hostname", "expected a string, got a list"},
      {R"({"spec":{"protected":"true"}})", "spec.protected", "expected true or false, got a string"},
      {R"({"spec":{"identity":{"macs":"a"}}})", "spec.identity.macs", "expected a list, got a string"},
      {R"({"spec":{"identity":{"macs":["a",2]}}})", "spec.identity.macs[1]", "got a number"},
      {R"({"spec":{"identity":{"macs":[null]}}})", "spec.identity.macs[0]", "got null"},
      {R"({"spec":{"vars":{"a":1}}})", "spec.vars.a", "expected a string"},
      {R"({"spec":{"vars":[]}})", "spec.vars", "expected an object, got a list"},
      {R"({"spec":"x"})", "spec", "expected an object, got a string"},
      {R"({"spec":{"bmc":[]}})", "spec.bmc", "expected an object, got a list"},
      {R"([])", "the body", "expected an object"},
      {R"("x")", "the body", "expected an object"},
      {R"({"kind":"A","kind":"B"})", "kind", "twice"},
      {R"({"spec":{"vars":{"a":"1","b":"}{,","a":"2"}}})", "a", "twice"},
  };
  for (const Rejected& it : cases) {
    rest::Server server;
    const auto done = decode_json(it.json, server);
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
      {R"({"spec":{"parallel":{"total":"5"}}})", "spec.parallel.total", "got a string"},
      {R"({"spec":{"startWithin":"30"}})", "spec.startWithin", "not a duration"},
      {R"({"spec":{"startWithin":30}})", "spec.startWithin", "got a number"},
      {R"({"metadata":{"version":"x"}})", "metadata.version", "got a string"},
      {R"({"metadata":{"version":99999999999999999999}})", "metadata.version", "18446744073709551615"},
      {R"({"metadata":{"created":"yesterday"}})", "metadata.created", "a time such as"},
  };
  for (const Rejected& it : cases) {
    rest::Rollout rollout;
    const auto done = decode_json(it.json, rollout);
    ASSERT_FALSE(done) << it.json;
    EXPECT_EQ(done.error().field, it.field) << it.json;
    EXPECT_THAT(done.error().message, HasSubstr(it.says)) << it.json;
  }
  rest::Deployment deployment;
  const auto done = decode_json(R"({"stage":"WACTH"})", deployment);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, "did you mean \"WATCH\"?");
}

TEST(JsonDecode, SaysWhatWasMeant) {
  rest::Server server;
  auto done = decode_json(R"({"spec":{"hostnme":"x"}})", server);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, "did you mean \"hostname\"?");
  done = decode_json(R"({"spec":{"password":"x"}})", server);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().next, HasSubstr("known here: site bmc identity"));
}

TEST(JsonDecode, SnakeCaseIsNotTheMapping) {
  rest::Site site;
  const auto done = decode_json(R"({"spec":{"time_zone":"UTC"}})", site);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().next, "did you mean \"timeZone\"?");
}

TEST(JsonDecode, RefusesWhatIsNotJson) {
  for (const char* text :
       {"", " ", "{", "}", "{]", "nul", "{'a':1}", "{\"a\":1,}", "{\"kind\":\"A\"}x", "{\"kind\":\"\xff\"}",
        "{\"kind\":\"\\ud800\"}", "// x\n{}", "{\"a\":NaN}", "\xef\xbb\xbf{}"}) {
    rest::Site site;
    const auto done = decode_json(text, site);
    ASSERT_FALSE(done) << text;
    EXPECT_TRUE(done.error().field.empty()) << text;
  }
}

TEST(JsonDecode, BoundsDepthAndSize) {
  rest::Site site;
  const auto deep = decode_json(std::string(100'000, '[') + std::string(100'000, ']'), site);
  ASSERT_FALSE(deep);
  EXPECT_THAT(deep.error().message, HasSubstr("24 levels"));
  const auto large = decode_json("{\"kind\":\"" + std::string(json_bytes_most, 'a') + "\"}", site);
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message, HasSubstr("1 MiB"));
}

TEST(JsonDecode, IgnoredPartsMayHoldAnything) {
  constexpr std::array<std::string_view, 2> ignored = {"status", "metadata.version"};
  rest::Site site;
  ASSERT_TRUE(decode_json(R"({"status":{"fromTheFuture":[1]},"metadata":{"name":"a","version":true}})", site,
                          ignored));
  EXPECT_FALSE(site.has_status());
  EXPECT_EQ(site.metadata().version(), 0U);
  EXPECT_FALSE(decode_json(R"({"spec":{"status":{}}})", site, ignored));
}

TEST(JsonEncode, WritesTheMappingOnOneLineWithSortedKeys) {
  rest::LogEvent event;
  event.set_id(18446744073709551615ULL);
  event.mutable_at()->set_seconds(1'772'488'800);
  event.set_message("a \"quoted\"\nline");
  event.mutable_event()->mutable_ended()->set_outcome(wire::Ended::UNPROVEN);
  event.mutable_event()->mutable_ended()->set_proof(wire::PROOF_POWEROFF);
  EXPECT_EQ(
      encode_json(event),
      R"({"id":"18446744073709551615","at":"2026-03-02T22:00:00Z","event":{"ended":{"outcome":"UNPROVEN",)"
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
  const auto done = decode_json(encode_json(deployment), back);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(back.SerializeAsString(), deployment.SerializeAsString());
}

TEST(DurationText, ReadsUnitsAndRefusesGuesses) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("90s").value(), 90s);
  EXPECT_EQ(parse_duration("1.5s").value(), 1500ms);
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_EQ(parse_duration("1h30m").value(), 90min);
  EXPECT_EQ(parse_duration("2d").value(), 48h);
  EXPECT_EQ(parse_duration("0.000000001s").value(), 1ns);
  for (const char* text : {"", "30", "m", "-5s", "1 h", "1x", "1.s", ".5s", "1h30", "99999999999999999999s",
                           "4000d", "1.0000000001s", "+1s", "1e3s", "1h 30m"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

}  // namespace
}  // namespace metalmesh::controller
