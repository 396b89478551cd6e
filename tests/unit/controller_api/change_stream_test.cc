// The change feed, through the whole node: as a stream, as pages, and as the lists see it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <random>
#include <sstream>
#include <string>

#include "tests/unit/controller_api/api_bench.h"
#include "tests/unit/controller_api/stream_client.h"

namespace metalmesh::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr char changes[] = "/api/v1/changes";

/// "Server a", "Server b gone", "current": what a reader was sent, in order.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  std::string event;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("event: ")) event = line.substr(7);
    if (!line.starts_with("data: ")) continue;
    if (event == "current") {
      lines.push_back(event);
      continue;
    }
    const auto change = boost::json::parse(line.substr(6)).as_object();
    lines.push_back(std::string(change.at("kind").as_string()) + " " +
                    std::string(change.at("name").as_string()) + (change.contains("deleted") ? " gone" : ""));
  }
  return lines;
}

std::vector<std::string> sent(Client& client) {
  client.drain();
  return lines_of(std::exchange(client.text, {}));
}

void site(ApiBench& bench, const std::string& name, const std::string& labels = "{}") {
  static int round = 0;
  const HttpAnswer answer = bench.put("/api/v1/sites/" + name, R"({"metadata":{"labels":)" + labels +
                                                                   R"(},"spec":{"vars":{"round":")" +
                                                                   std::to_string(++round) + R"("}}})");
  ASSERT_LT(answer.status, 300) << answer.body;
}
void remove(ApiBench& bench, const std::string& path) {
  const HttpAnswer answer = bench.send("DELETE", path);
  ASSERT_EQ(answer.status, 204) << answer.body;
}
std::string feed_header(ApiBench& bench, const std::string& list) {
  return bench.get(list).headers["metalmesh-feed"];
}

TEST(ChangeStream, SaysFromNowOnWhatEveryObjectIsByNow) {
  ApiBench bench;
  site(bench, "par1");
  Client client(bench, changes);
  EXPECT_EQ(client.status, 200);
  EXPECT_TRUE(client.streaming);
  EXPECT_THAT(sent(client), ElementsAre("current"));
  site(bench, "lyo1", R"({"tier":"edge"})");
  client.drain();
  EXPECT_THAT(client.text,
              HasSubstr("id: " + feed_header(bench, "/api/v1/sites") +
                        "\nevent: change\ndata: {\"position\":\"" + feed_header(bench, "/api/v1/sites") +
                        R"(","kind":"Site","name":"lyo1","site":{"apiVersion":"metalmesh/v1",)"));
  EXPECT_THAT(client.text, HasSubstr(R"("labels":{"tier":"edge"})"));
  remove(bench, "/api/v1/sites/lyo1");
  EXPECT_THAT(sent(client), ElementsAre("Site lyo1", "Site lyo1 gone"));
}

TEST(ChangeStream, FromTheBeginningEverythingAndThenChanges) {
  ApiBench bench;
  bench.furnish();
  Client client(bench, std::string(changes) + "?after=0");
  EXPECT_THAT(sent(client), UnorderedElementsAre("Site par1", "Credential bmc", "Image rocky", "Profile base",
                                                 "Server s1", "current"));
  site(bench, "par1");
  EXPECT_THAT(sent(client), ElementsAre("Site par1"));
}

TEST(ChangeStream, ASleepingReaderIsSentTheLastStateOnce) {
  ApiBench bench;
  Client client(bench, changes);
  EXPECT_EQ(client.chunks, 1) << "that it is current";
  for (int i = 0; i < 5; ++i) {
    site(bench, "par1");
    site(bench, "lyo" + std::to_string(i));
  }
  remove(bench, "/api/v1/sites/lyo3");
  EXPECT_EQ(client.chunks, 1);
  client.text.clear();
  EXPECT_THAT(sent(client),
              ElementsAre("Site lyo0", "Site lyo1", "Site lyo2", "Site par1", "Site lyo4", "Site lyo3 gone"));
}

TEST(ChangeStream, ChunksAreBoundedWhateverTheReaderMissed) {
  ApiBench bench;
  for (int i = 0; i < 400; ++i)
    site(bench, "s" + std::to_string(i), R"({"pad":")" + std::string(60, 'x') + "\"}");
  Client client(bench, std::string(changes) + "?after=0");
  EXPECT_EQ(client.chunks, 1);
  EXPECT_EQ(sent(client).size(), 401U);
  EXPECT_GT(client.chunks, 2);
  EXPECT_LT(client.longest_chunk, 64U << 10);
}

TEST(ChangeStream, ManyWhoCatchUpDoNotHoldTheTurn) {
  ApiBench bench;
  for (int i = 0; i < 200; ++i) site(bench, "s" + std::to_string(i));
  std::vector<Client> clients;
  for (std::size_t i = 0; i < ApiBench::change_streams_most; ++i) clients.emplace_back(bench, changes);
  for (Client& client : clients) client.drain();
  for (int i = 0; i < 200; ++i)
    site(bench, "s" + std::to_string(i), R"({"pad":")" + std::string(60, 'x') + "\"}");
  for (int turn = 0; turn < 40; ++turn) {
    const auto effects = turn == 0 ? bench.run(Committed{}) : bench.pass(Duration::zero());
    std::size_t bytes = 0;
    for (const Effect& effect : effects) {
      if (const auto* chunk = std::get_if<ExchangeChunk>(&effect)) bytes += chunk->bytes.size();
    }
    EXPECT_LT(bytes, 700U << 10);
    for (Client& client : clients) client.take(effects);
  }
  for (Client& client : clients) {
    client.drain();
    EXPECT_THAT(client.text, HasSubstr("\"name\":\"s199\""));
  }
}

TEST(ChangeStream, AnywhereItIsCutItGoesOnWithoutLoss) {
  ApiBench bench;
  for (int i = 0; i < 60; ++i) site(bench, "s" + std::to_string(i));
  std::map<std::string, int> seen;
  std::string last = "0";
  for (int cut = 0; cut < 50; ++cut) {
    Client client(bench, std::string(changes) + "?after=0", {{"last-event-id", last}});
    for (const std::string& line : lines_of(client.text)) ++seen[line];
    last = client.raw_ids().empty() ? last : client.raw_ids().back();
    bench.run(ExchangeClosed{client.id()});
    if (cut == 3) bench.restart();
  }
  for (int i = 0; i < 60; ++i) EXPECT_GE(seen["Site s" + std::to_string(i)], 1) << i;
}

TEST(ChangeStream, FiltersAreThoseOfTheLists) {
  ApiBench bench;
  bench.furnish();
  const auto told = [&](const std::string& query) {
    Client client(bench, std::string(changes) + "?after=0&" + query);
    auto lines = sent(client);
    bench.run(ExchangeClosed{client.id()});
    return lines;
  };
  EXPECT_THAT(told("kind=Server"), ElementsAre("Server s1", "current"));
  EXPECT_THAT(told("kind=server,IMAGE"), UnorderedElementsAre("Server s1", "Image rocky", "current"));
  EXPECT_THAT(told("server=s1"), ElementsAre("Server s1", "current"));
  EXPECT_THAT(told("site=par1"), UnorderedElementsAre("Site par1", "Server s1", "Credential bmc", "current"));
  EXPECT_THAT(told("rollout=web"), ElementsAre("current"));
  EXPECT_THAT(told("state=RUNNING"), ElementsAre("current"));
  EXPECT_EQ(bench.get(std::string(changes) + "?kind=Servr").status, 400);
  EXPECT_THAT(bench.get(std::string(changes) + "?kind=Servr").text("next"), HasSubstr("Server"));
  EXPECT_EQ(bench.get(std::string(changes) + "?kind=").status, 400);
  EXPECT_EQ(bench.get(std::string(changes) + "?state=RUNING").status, 400);
  EXPECT_EQ(bench.get(std::string(changes) + "?labelSelector=a=b=c%3F").status, 400);
  EXPECT_EQ(bench.get(std::string(changes) + "?labels=a").status, 400);
}

TEST(ChangeStream, WhatLeavesASelectionIsGone) {
  ApiBench bench;
  site(bench, "par1", R"({"tier":"edge"})");
  site(bench, "lyo1", R"({"tier":"core"})");
  Client client(bench, std::string(changes) + "?after=0&labelSelector=tier=edge");
  EXPECT_THAT(sent(client), ElementsAre("Site par1", "Site lyo1 gone", "current"));
  site(bench, "par1", R"({"tier":"core"})");
  EXPECT_THAT(sent(client), ElementsAre("Site par1 gone"));
  site(bench, "par1", R"({"tier":"edge"})");
  EXPECT_THAT(sent(client), ElementsAre("Site par1"));
}

TEST(ChangeStream, ARolloutComesWithoutItsPlanAndItsDeploymentsWithIt) {
  ApiBench bench;
  bench.furnish();
  bench.post("/api/v1/servers/s1/release-for-install", R"({"reason":"new"})");
  bench.put("/api/v1/rollouts/web",
            R"({"spec":{"action":"install","select":{"servers":["s1"]},"image":"rocky","profile":"base"}})");
  ASSERT_EQ(bench.post("/api/v1/rollouts/web/plan").status, 200);
  Client client(bench, std::string(changes) + "?after=0&kind=Rollout");
  client.drain();
  EXPECT_THAT(client.text, HasSubstr(R"("name":"web")"));
  EXPECT_THAT(client.text, HasSubstr(R"("state":"planned")"));
  EXPECT_THAT(client.text, Not(HasSubstr("\"plan\"")));
  EXPECT_THAT(bench.get("/api/v1/rollouts/web").body, HasSubstr("\"plan\""));
}

TEST(ChangeStream, WhoWasAwayForTooLongListsAgain) {
  ApiBench bench;
  site(bench, "par1");
  site(bench, "lyo1");
  const std::string before = feed_header(bench, "/api/v1/sites");
  remove(bench, "/api/v1/sites/lyo1");
  const std::string after = feed_header(bench, "/api/v1/sites");
  bench.sleep(std::chrono::hours(25));
  site(bench, "par1");
  const HttpAnswer answer = bench.get(std::string(changes) + "?after=" + before);
  EXPECT_EQ(answer.status, 410);
  EXPECT_EQ(answer.text("type"), "urn:metalmesh:problem:list-again");
  EXPECT_THAT(answer.text("next"), HasSubstr("list again"));
  EXPECT_EQ(Client(bench, changes, {{"last-event-id", before}}).status, 410);
  EXPECT_EQ(bench.get(std::string(changes) + "?after=" + after).status, 200);
  bench.restart();
  EXPECT_EQ(bench.get(std::string(changes) + "?after=" + before).status, 410)
      << "the floor outlives a restart";
}

TEST(ChangeStream, WhoSleepsForTooLongIsCutOff) {
  ApiBench bench;
  site(bench, "par1");
  site(bench, "lyo1");
  Client client(bench, changes);
  remove(bench, "/api/v1/sites/lyo1");
  const std::string id = client.raw_ids().back();
  bench.sleep(std::chrono::hours(25));
  site(bench, "par1");
  client.drain();
  EXPECT_TRUE(client.ended);
  EXPECT_THAT(client.text, Not(HasSubstr("event: change")));
  EXPECT_EQ(Client(bench, changes, {{"last-event-id", id}}).status, 410);
}

TEST(ChangeStream, PositionsOfALifeThatWasPutBackAreGone) {
  ApiBench bench;
  site(bench, "par1");
  const std::string shared = feed_header(bench, "/api/v1/sites");
  const auto saved = bench.rows();
  site(bench, "par1");
  site(bench, "lyo1");
  const std::string lost = feed_header(bench, "/api/v1/sites");
  bench.restart();
  const std::string of_a_lost_life = feed_header(bench, "/api/v1/sites");
  bench.restore(saved);
  for (int i = 0; i < 5; ++i) site(bench, "par1");
  EXPECT_EQ(bench.get(std::string(changes) + "?after=" + shared).status, 200);
  for (const std::string& position : {lost, of_a_lost_life}) {
    const HttpAnswer answer = bench.get(std::string(changes) + "?after=" + position);
    EXPECT_EQ(answer.status, 410) << position;
    EXPECT_THAT(answer.text("detail"), HasSubstr("restored"));
  }
  for (const char* bad : {"x", "-1", "7", "a-b", "0.1", ".", "a-1.x"})
    EXPECT_EQ(bench.get(std::string(changes) + "?after=" + bad).status, 400) << bad;
}

TEST(ChangeStream, AQuietReaderIsKeptUpToDateByIdsAlone) {
  ApiBench bench;
  Client client(bench, std::string(changes) + "?kind=Image");
  client.drain();
  client.text.clear();
  site(bench, "par1");
  client.drain();
  client.take(bench.pass(std::chrono::seconds(17)));
  EXPECT_EQ(client.text, "id: " + feed_header(bench, "/api/v1/sites") + "\n\n");
}

TEST(ChangeStream, ReadersAreBoundedInNumber) {
  ApiBench bench;
  std::vector<ExchangeId> open;
  for (std::size_t i = 0; i < ApiBench::change_streams_most; ++i) open.push_back(Client(bench, changes).id());
  EXPECT_EQ(Client(bench, changes).status, 503);
  EXPECT_EQ(Client(bench, "/api/v1/events").status, 200) << "events have readers of their own";
  bench.run(ExchangeClosed{open.front()});
  EXPECT_EQ(Client(bench, changes).status, 200);
  EXPECT_EQ(Client(bench, std::string(changes) + "?limit=5").status, 400);
}

TEST(ChangePages, ListEverythingAndSayWhereToGoOn) {
  ApiBench bench;
  for (int i = 0; i < 7; ++i) site(bench, "s" + std::to_string(i));
  remove(bench, "/api/v1/sites/s6");
  bench.sleep(std::chrono::hours(25));
  site(bench, "s0");  // the tombstone goes: everything before it lies below the floor
  std::vector<std::string> names;
  std::string next = "0";
  while (next != feed_header(bench, changes)) {
    const HttpAnswer page = bench.get(std::string(changes) + "?limit=2&after=" + next);
    ASSERT_EQ(page.status, 200) << page.body;
    const auto body = page.json();
    for (const auto& item : body.at("items").as_array()) names.emplace_back(item.at("name").as_string());
    next = page.text("next");
  }
  EXPECT_THAT(names, ElementsAre("s1", "s2", "s3", "s4", "s5", "s0"));
  EXPECT_EQ(bench.get(std::string(changes) + "?after=" + next).body,
            R"({"items":[],"next":")" + next + "\"}");
  EXPECT_EQ(bench.get(changes).text("next"), next) << "without a position: from now on";
}

TEST(ChangePages, AListingOutlivesARestartButNoNewerFloor) {
  ApiBench bench;
  for (int i = 0; i < 7; ++i) site(bench, "s" + std::to_string(i));
  remove(bench, "/api/v1/sites/s6");
  bench.sleep(std::chrono::hours(25));
  site(bench, "s0");
  const std::string next = bench.get(std::string(changes) + "?limit=2&after=0").text("next");
  bench.restart();
  EXPECT_EQ(bench.get(std::string(changes) + "?limit=2&after=" + next).status, 200);
  remove(bench, "/api/v1/sites/s1");
  bench.sleep(std::chrono::hours(25));
  site(bench, "s0");
  EXPECT_EQ(bench.get(std::string(changes) + "?limit=2&after=" + next).status, 410);
}

TEST(ChangeFeed, AListAndTheFeedFromThereMissNothing) {
  ApiBench bench;
  bench.furnish();
  const std::string position = feed_header(bench, "/api/v1/servers");
  EXPECT_EQ(feed_header(bench, "/api/v1/deployments"), position);
  site(bench, "par1");
  Client client(bench, changes, {{"last-event-id", position}});
  EXPECT_THAT(sent(client), ElementsAre("Site par1", "current"));
}

TEST(ChangeFeed, ASiteThatIsHeardIsAChange) {
  ApiBench bench;
  bench.furnish();
  Client client(bench, std::string(changes) + "?kind=Site");
  client.drain();
  client.text.clear();
  bench.hear_site("par1");
  client.drain();
  EXPECT_THAT(client.text, HasSubstr("\"connected\":true"));
  EXPECT_EQ(bench.state().sites.at("par1").metadata().version(), 1U);
}

/// Readers that read now and then, are cut, come back, with filters and without, while objects change and the controller
/// is started again: each ends with what the list tells, and never hears anything older after something newer.
TEST(ChangeFeed, EveryReaderEndsWithWhatTheListsTell) {
  struct Reader {
    std::string query;
    std::optional<Client> client;
    std::string last = "0";
    std::map<std::string, std::uint64_t> has;     // site -> version
    std::map<std::string, std::uint64_t> newest;  // site -> number
  };
  for (unsigned seed = 1; seed <= 8; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    ApiBench bench;
    std::vector<Reader> readers(10);
    for (std::size_t i = 0; i < readers.size(); i += 2) readers[i].query = "&labelSelector=tier=edge";
    const auto take = [&](Reader& reader) {
      std::istringstream in(std::exchange(reader.client->text, {}));
      for (std::string line; std::getline(in, line);) {
        if (line.starts_with("id: ")) reader.last = line.substr(4);
        if (!line.starts_with("data: {\"position\"") || !line.contains("\"kind\"")) continue;
        const auto change = boost::json::parse(line.substr(6)).as_object();
        const std::string name(change.at("name").as_string());
        const std::string position(change.at("position").as_string());
        const std::uint64_t number = std::stoull(position.substr(position.find_last_of("-.") + 1));
        EXPECT_LT(reader.newest[name], number);
        reader.newest[name] = number;
        if (change.contains("deleted")) {
          reader.has.erase(name);
        } else {
          reader.has[name] = change.at("site").at("metadata").at("version").to_number<std::uint64_t>();
        }
      }
    };
    const auto connect = [&](Reader& reader) {
      reader.client.emplace(bench, std::string(changes) + "?kind=Site&after=0" + reader.query,
                            Headers{{"last-event-id", reader.last}});
      if (reader.client->status == 410) {
        reader.has.clear();
        reader.last = "0";
        reader.newest.clear();
        reader.client.emplace(bench, std::string(changes) + "?kind=Site&after=0" + reader.query);
      }
      ASSERT_EQ(reader.client->status, 200);
    };
    for (int step = 0; step < 250; ++step) {
      const std::string name = "s" + std::to_string(below(12));
      switch (below(9)) {
        case 0:
          bench.send("DELETE", "/api/v1/sites/" + name);
          break;
        case 1:
          if (below(10) == 0) {
            bench.restart();
            for (Reader& reader : readers) reader.client.reset();
          }
          break;
        case 2:
          if (below(20) == 0) bench.sleep(std::chrono::hours(20));
          break;
        default:
          site(bench, name, below(2) == 0 ? R"({"tier":"edge"})" : "{}");
      }
      Reader& reader = readers.at(below(10));
      if (!reader.client) connect(reader);
      if (below(4) == 0) {
        reader.client->drain();
        take(reader);
      } else if (below(6) == 0) {
        take(reader);  // what came so far; the rest of it is cut
        bench.run(ExchangeClosed{reader.client->id()});
        reader.client.reset();
      }
    }
    for (Reader& reader : readers) {
      if (reader.client && reader.client->ended) reader.client.reset();
      if (!reader.client) connect(reader);
      reader.client->drain();
      take(reader);
      if (reader.client->ended) {
        connect(reader);
        reader.client->drain();
        take(reader);
      }
      std::map<std::string, std::uint64_t> there;
      const auto list =
          bench.get("/api/v1/sites" + (reader.query.empty() ? "" : "?" + reader.query.substr(1))).json();
      for (const auto& item : list.at("items").as_array())
        there[std::string(item.at("metadata").at("name").as_string())] =
            item.at("metadata").at("version").to_number<std::uint64_t>();
      EXPECT_EQ(reader.has, there) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace metalmesh::controller
