// Requests that hang on what was read before: ETags, If-Match and If-None-Match, and keys that repeat an answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <string>

#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;

TEST(ConditionalRequests, ConditionalWritesCatchTheLostUpdate) {
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

TEST(ConditionalRequests, AnOldTagNeverMatchesWhatWasMadeAnew) {
  ApiBench bench;
  const std::string path = "/api/v1/sites/par1";
  const std::string old = bench.put(path, "{}").headers.at("etag");
  ASSERT_EQ(bench.send("DELETE", path).status, 204);
  ASSERT_EQ(bench.put(path, R"({"spec":{"timeZone":"UTC"}})").status, 201);
  EXPECT_EQ(bench.put(path, "{}", {{"if-match", old}}).status, 412);
  EXPECT_EQ(bench.get(path, {{"if-none-match", old}}).status, 200);
  EXPECT_EQ(bench.send("DELETE", path, {}, {{"if-match", old}}).status, 412);
}

TEST(ConditionalRequests, AnOldTagNeverMatchesWhatARestoredControllerGaveTheSameVersion) {
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

TEST(ConditionalRequests, ASiteThatFallsSilentIsNo304) {
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

TEST(ConditionalRequests, UnchangedIs304) {
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

TEST(ConditionalRequests, RepeatingAKeyRepeatsTheAnswerAndNotTheAct) {
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

}  // namespace
}  // namespace metalmesh::controller
