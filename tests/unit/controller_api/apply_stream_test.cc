// POST /api/v1/apply: lines in pieces, each told; nothing happens before the last one is here.
#include <gmock/gmock.h>

#include "common/ports/exchange_pieces.h"
#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {
namespace {

using testing::HasSubstr;

constexpr char lines_type[] = "application/x-ndjson";

std::string server_line(const std::string& name, int number, const std::string& more = {}) {
  return R"({"kind":"Server","metadata":{"name":")" + name +
         R"("},"spec":{"site":"par1","bmc":{"address":"10.30.0.)" + std::to_string(number) +
         R"("},"identity":{"serial":"SER000)" + std::to_string(number) + R"("})" + more + "}}\n";
}

struct ApplyStream : testing::Test {
  ApplyStream() { bench.furnish(); }

  std::vector<Effect> piece(ExchangeId id, const std::string& body, bool last, const std::string& query = {},
                            const std::string& token = "operator-token") {
    Headers headers{{"content-type", lines_type}, {"authorization", "Bearer " + token}};
    if (!last) headers.emplace_back(body_goes_on, "1");
    return bench.run(ExchangeOpened{id, "POST", "/api/v1/apply" + query, headers, body, "192.0.2.1:40000"});
  }
  static std::optional<ExchangeReply> reply_in(const std::vector<Effect>& effects, ExchangeId id) {
    for (const Effect& effect : effects) {
      const auto* reply = std::get_if<ExchangeReply>(&effect);
      if (reply != nullptr && reply->id == id) return *reply;
    }
    return std::nullopt;
  }
  HttpAnswer apply(const std::string& body, const std::string& query = {},
                   const std::string& token = "operator-token") {
    const ExchangeId id = bench.next_exchange();
    auto reply = reply_in(piece(id, body, true, query, token), id);
    for (int i = 0; !reply && i < 100; ++i) reply = reply_in(bench.pass(std::chrono::milliseconds(1)), id);
    EXPECT_TRUE(reply);
    return reply ? HttpAnswer{reply->status, {}, reply->body} : HttpAnswer();
  }
  static std::string at(const HttpAnswer& answer, const std::string& pointer) {
    boost::system::error_code wrong;
    const auto value = answer.json();
    const auto* found = value.find_pointer(pointer, wrong);
    if (found == nullptr) return {};
    return found->is_string() ? std::string(found->get_string()) : boost::json::serialize(*found);
  }

  ApiBench bench;
};

TEST_F(ApplyStream, TellsOfEachLine) {
  const std::string body = server_line("a1", 1) + "\n" +                                // lines 1 and 2
                           "not json\n" +                                               // 3
                           R"({"kind":"Sever","metadata":{"name":"x"}})" + "\n" +       // 4
                           R"({"metadata":{"name":"x"}})" + "\r\n" +                    // 5
                           R"({"kind":"Server","kind":"Site"})" + "\n" +                // 6
                           server_line("a2", 2, R"(,"hostnme":"h")") +                  // 7
                           server_line("a\xff", 3) +                                    // 8
                           R"({"kind":"Deployment","metadata":{"name":"d"}})" + "\n" +  // 9
                           server_line("a4", 4).substr(0, 60);                          // 10: cut off
  const HttpAnswer answer = apply(body);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(at(answer, "/created"), "1");
  EXPECT_EQ(at(answer, "/refused"), "8");
  EXPECT_EQ(at(answer, "/results/0/result"), "created");
  EXPECT_EQ(at(answer, "/results/1/line"), "3");
  EXPECT_THAT(at(answer, "/results/2/next"), HasSubstr("did you mean \"Server\"?"));
  EXPECT_THAT(at(answer, "/results/3/message"), HasSubstr("`kind` is missing"));
  EXPECT_EQ(at(answer, "/results/4/field"), "kind");
  EXPECT_THAT(at(answer, "/results/5/next"), HasSubstr("hostname"));
  EXPECT_THAT(at(answer, "/results/6/message"), HasSubstr("UTF-8"));
  EXPECT_THAT(at(answer, "/results/7/message"), HasSubstr("no kind of object"));
  EXPECT_EQ(at(answer, "/results/8/line"), "10");
  EXPECT_TRUE(bench.state().servers.contains("a1"));
  EXPECT_FALSE(bench.state().servers.contains("a4"));
}

TEST_F(ApplyStream, NothingHappensBeforeTheLastPiece) {
  const ExchangeId id = bench.next_exchange();
  for (int i = 1; i <= 3; ++i) {
    const auto reply = reply_in(piece(id, server_line("a" + std::to_string(i), i), false), id);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 100) << "more";
  }
  bench.pass(std::chrono::seconds(5));
  EXPECT_FALSE(bench.state().servers.contains("a1"));
  bench.run(ExchangeClosed{id});
  bench.pass(std::chrono::seconds(5));
  EXPECT_FALSE(bench.state().servers.contains("a1")) << "whoever went away in the middle has changed nothing";
  const auto again = reply_in(piece(id, server_line("a4", 4), true), id);
  EXPECT_FALSE(again);
  bench.pass(std::chrono::seconds(1));
  EXPECT_TRUE(bench.state().servers.contains("a4"));
  EXPECT_FALSE(bench.state().servers.contains("a1")) << "and what came before is forgotten";
}

TEST_F(ApplyStream, PiecesAreOneRequest) {
  const ExchangeId id = bench.next_exchange();
  piece(id, server_line("a1", 1), false, "?atomic=true");
  std::optional<ExchangeReply> reply = reply_in(piece(id, server_line("a2", 1), true, "?atomic=true"), id);
  for (int i = 0; !reply && i < 10; ++i) reply = reply_in(bench.pass(std::chrono::milliseconds(1)), id);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 422);
  const HttpAnswer answer{reply->status, {}, reply->body};
  EXPECT_EQ(at(answer, "/results/0/result"), "notTaken");
  EXPECT_EQ(at(answer, "/results/1/result"), "refused");
  EXPECT_EQ(at(answer, "/results/1/line"), "2");
  EXPECT_FALSE(bench.state().servers.contains("a1"));
}

TEST_F(ApplyStream, ListedJsonMayBeAppliedAndAStaleVersionIsRefused) {
  boost::json::value listed = bench.get("/api/v1/servers/s1").json();
  const std::string unchanged = boost::json::serialize(listed) + "\n";
  EXPECT_EQ(at(apply(unchanged), "/unchanged"), "1");
  listed.at_pointer("/spec").as_object()["hostname"] = "other.example";
  const std::string changed = boost::json::serialize(listed) + "\n";
  EXPECT_EQ(at(apply(changed), "/changed"), "1");
  listed.at_pointer("/spec").as_object()["hostname"] = "third.example";
  const HttpAnswer stale = apply(boost::json::serialize(listed) + "\n");
  EXPECT_EQ(at(stale, "/refused"), "1");
  EXPECT_EQ(at(stale, "/results/0/field"), "metadata.version");
}

TEST_F(ApplyStream, ADryRunShowsChangesAndNoSecret) {
  const HttpAnswer answer =
      apply(server_line("a1", 1, R"(,"vars":{"root_password":"hunter2hunter2"})"), "?dryRun=true");
  EXPECT_EQ(at(answer, "/dryRun"), "true");
  EXPECT_EQ(at(answer, "/results/0/result"), "created");
  EXPECT_THAT(answer.body, HasSubstr("spec.vars.root_password"));
  EXPECT_THAT(answer.body, testing::Not(HasSubstr("hunter2")));
  EXPECT_FALSE(bench.state().servers.contains("a1"));
}

TEST_F(ApplyStream, NoConditionFindsOutASecret) {
  apply(server_line("a1", 1, R"(,"vars":{"root_password":"hunter2hunter2","rack":"r7"})"));
  const auto found = [&](const std::string& where) {
    return bench.get("/api/v1/servers?where=" + where).json().at("items").as_array().size();
  };
  EXPECT_EQ(found("spec.vars.rack%20=%20r7"), 1U);
  EXPECT_EQ(found("spec.vars.root_password%20~%20hunter*"), 0U);
  EXPECT_EQ(found("any%20~%20*hunter*"), 0U);
  EXPECT_EQ(bench.get("/api/v1/sites?where=metadata.name%20=%20par1").json().at("items").as_array().size(),
            1U);
  EXPECT_EQ(bench.get("/api/v1/deployments?where=spec.site%20=%20x").status, 400);
}

TEST_F(ApplyStream, EventsByTimeAndTheNewest) {
  const auto numbers = [&](const std::string& query) {
    std::vector<std::string> out;
    for (const auto& item : bench.get("/api/v1/events?" + query).json().at("items").as_array())
      out.emplace_back(item.at("message").as_string());
    return out;
  };
  bench.pass(std::chrono::hours(1));
  bench.put("/api/v1/sites/lyo1", "{}");
  bench.put("/api/v1/sites/lyo2", "{}");
  EXPECT_EQ(numbers("type=audit&since=30m"),
            (std::vector<std::string>{"applied Site lyo1 (created)", "applied Site lyo2 (created)"}));
  EXPECT_EQ(numbers("type=audit&tail=1"), (std::vector<std::string>{"applied Site lyo2 (created)"}));
  EXPECT_GT(numbers("type=audit&since=2h").size(), 2U);
  EXPECT_EQ(numbers("since=2020-01-01T00:00:00Z").size(), numbers("after=0").size());
  bench.pass(std::chrono::seconds(1));
  EXPECT_TRUE(numbers("since=0s").empty());
  EXPECT_EQ(bench.get("/api/v1/events?since=soon").status, 400);
  EXPECT_EQ(bench.get("/api/v1/events?tail=0").status, 400);
}

TEST_F(ApplyStream, IsBoundToWhatTheCallerMayDo) {
  bench.let_in("pia", R"({"role":"operator","sites":["par1"]})");
  bench.put("/api/v1/sites/lyo1", R"({"spec":{"defaults":{"credential":"bmc"}}})");
  std::string elsewhere = server_line("b1", 9);
  elsewhere.replace(elsewhere.find("par1"), 4, "lyo1");
  const HttpAnswer answer =
      apply(server_line("a1", 1) + elsewhere + R"({"kind":"User","metadata":{"name":"u"}})", {}, "pia-token");
  EXPECT_EQ(at(answer, "/results/0/result"), "created");
  EXPECT_EQ(at(answer, "/results/1/result"), "refused");
  EXPECT_EQ(at(answer, "/results/2/result"), "refused");
  EXPECT_THAT(at(answer, "/results/2/message"), HasSubstr("by an admin alone"));
  EXPECT_EQ(apply(server_line("a9", 9), {}, "viewer-token").status, 403);
  EXPECT_EQ(apply(server_line("a9", 9), {}, "wrong-token").status, 401);
}

TEST_F(ApplyStream, RefusesWhatIsNoBodyOfLines) {
  EXPECT_EQ(bench.post("/api/v1/apply", "{}").status, 415);
  EXPECT_EQ(apply("\n \n").status, 400);
  EXPECT_EQ(apply(server_line("a1", 1), "?atomic=yes").status, 400);
  EXPECT_EQ(apply(server_line("a1", 1), "?dryrun=true").status, 400);
  const ExchangeId id = bench.next_exchange();
  Headers headers{{"content-type", lines_type},
                  {"authorization", "Bearer admin-token"},
                  {std::string(body_goes_on), "1"}};
  const auto effects =
      bench.run(ExchangeOpened{id, "POST", "/api/v1/servers/s1/inspect", headers, "{}\n", "192.0.2.1:40000"});
  EXPECT_EQ(reply_in(effects, id)->status, 415) << "no other endpoint takes pieces";
}

TEST_F(ApplyStream, HasLimits) {
  std::string many;
  for (int i = 0; i < 20'001; ++i) many += "1\n";
  EXPECT_EQ(apply(many).status, 413);
  for (ExchangeId id = 9001; id <= 9004; ++id)
    EXPECT_EQ(reply_in(piece(id, server_line("a1", 1), false), id)->status, 100);
  EXPECT_EQ(reply_in(piece(9005, server_line("a1", 1), false), 9005)->status, 503);
  bench.run(ExchangeClosed{9001});
  EXPECT_EQ(reply_in(piece(9006, server_line("a1", 1), false), 9006)->status, 100);
}

TEST_F(ApplyStream, WritesThatHaveToWaitAreAnsweredAsEver) {
  std::string many;
  for (int i = 1; i < 250; ++i) many += server_line("m" + std::to_string(i), i);
  const ExchangeId id = bench.next_exchange();
  EXPECT_FALSE(reply_in(piece(id, many, true), id));
  const ExchangeId put = id + 100;
  const auto first = bench.run(
      ExchangeOpened{put,
                     "PUT",
                     "/api/v1/sites/lyo1",
                     {{"content-type", "application/json"}, {"authorization", "Bearer admin-token"}},
                     "{}",
                     "192.0.2.1:40000"});
  EXPECT_FALSE(reply_in(first, put)) << "in line";
  const ExchangeId bad = put + 1;
  bench.run(ExchangeOpened{bad,
                           "PUT",
                           "/api/v1/servers/z1",
                           {{"content-type", "application/json"}, {"authorization", "Bearer admin-token"}},
                           R"({"spec":{"site":"nowhere","bmc":{"address":"10.1.1.1"}}})",
                           "192.0.2.1:40000"});
  const auto effects = bench.pass(std::chrono::milliseconds(20));
  EXPECT_EQ(reply_in(effects, id)->status, 200);
  ASSERT_TRUE(reply_in(effects, put));
  EXPECT_EQ(reply_in(effects, put)->status, 201);
  EXPECT_EQ(reply_in(effects, bad)->status, 422);
  EXPECT_EQ(bench.state().servers.size(), 250U);
}

}  // namespace
}  // namespace metalmesh::controller
