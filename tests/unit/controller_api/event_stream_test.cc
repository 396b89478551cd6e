// The event stream, through the whole node. Events are made by writing objects: every write leaves an audit
// line in the log.
#include "controller/api/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/ports/memory_rows.h"
#include "controller/api/mesh_api.h"
#include "controller/state/event_log.h"
#include "controller/state/row_codec.h"
#include "tests/unit/controller_api/api_bench.h"
#include "tests/unit/controller_api/stream_client.h"

namespace metalmesh::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Makes events until the log has at least `count`.
void write_events(ApiBench& bench, std::uint64_t count, const std::string& site = "par1") {
  int round = 0;
  while (bench.state().last_event < count) {
    bench.put("/api/v1/sites/" + site,
              R"({"spec":{"vars":{"round":")" + std::to_string(++round) + site + R"("}}})");
  }
}

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> out;
  for (std::uint64_t id = first; id <= last; ++id) out.push_back(id);
  return out;
}

TEST(EventStream, MessagesCarryIdTypeAndOneLineOfJson) {
  rest::LogEvent event;
  event.set_id("a1-7");
  event.set_number(7);
  event.set_type("stage");
  event.set_message("two\nlines");
  EXPECT_EQ(sse_message(event),
            "id: a1-7\nevent: stage\ndata: "
            "{\"number\":7,\"type\":\"stage\",\"message\":\"two\\nlines\",\"id\":\"a1-7\"}"
            "\n\n");
  event.set_type("evil\ndata: x");
  EXPECT_THAT(sse_message(event), Not(HasSubstr("event: evil")));
}

TEST(EventStream, SendsWhatIsCommittedAndOnlyThen) {
  ApiBench bench;
  Client client(bench, "/api/v1/events");
  EXPECT_EQ(client.status, 200);
  EXPECT_TRUE(client.streaming);
  EXPECT_THAT(client.ids(), IsEmpty());

  const Outcome out = bench.node().handle(
      ExchangeOpened{900,
                     "PUT",
                     "/api/v1/sites/par1",
                     {{"authorization", "Bearer admin-token"}, {"content-type", "application/json"}},
                     "{}",
                     ""},
      bench.now());
  for (const Effect& effect : out.effects) EXPECT_FALSE(std::holds_alternative<ExchangeChunk>(effect));
}

TEST(EventStream, StartsAfterTheIdThatWasSeen) {
  ApiBench bench;
  write_events(bench, 5);
  const std::uint64_t last = bench.state().last_event;
  Client all(bench, "/api/v1/events?after=0");
  all.drain();
  EXPECT_EQ(all.ids(), range(1, last));
  Client resumed(bench, "/api/v1/events?after=0", {{"last-event-id", bench.state().lives.id_of(3)}});
  resumed.drain();
  EXPECT_EQ(resumed.ids(), range(4, last));
  Client live(bench, "/api/v1/events");
  live.drain();
  EXPECT_THAT(live.ids(), IsEmpty());
}

TEST(EventStream, ReconnectingAnywhereNeitherSkipsNorRepeats) {
  ApiBench bench;
  write_events(bench, 40);
  std::vector<std::uint64_t> seen;
  std::uint64_t target = 40;
  while (seen.empty() || seen.back() < 300) {
    Client client(bench, "/api/v1/events?after=0",
                  {{"last-event-id", bench.state().lives.id_of(seen.empty() ? 0 : seen.back())}});
    target += 37;
    write_events(bench, std::min<std::uint64_t>(target, 300));
    const auto ids = client.ids();
    // The connection breaks after the first chunk.
    seen.insert(seen.end(), ids.begin(), ids.end());
    bench.run(ExchangeClosed{client.id()});
  }
  EXPECT_EQ(seen, range(1, seen.back()));
}

TEST(EventStream, ASlowReaderHasOneChunkOnItsWay) {
  ApiBench bench;
  write_events(bench, 600);
  Client client(bench, "/api/v1/events?after=0");
  EXPECT_EQ(client.chunks, 1);
  write_events(bench, 700);
  client.take(bench.pass(std::chrono::seconds(60)));
  EXPECT_EQ(client.chunks, 1);
  client.drain();
  EXPECT_EQ(client.ids(), range(1, bench.state().last_event));
  EXPECT_GT(client.chunks, 2);
  EXPECT_LT(client.longest_chunk, 64U << 10);
}

TEST(EventStream, FiltersReachFarEventsWithoutHoldingTheTurn) {
  ApiBench bench;
  write_events(bench, 5000);
  bench.put("/api/v1/sites/lyo1", "{}");
  const std::uint64_t wanted = bench.state().last_event;
  Client client(bench, "/api/v1/events?after=0&site=lyo1");
  EXPECT_THAT(client.ids(), IsEmpty());  // one turn does not read that far
  client.drain();
  EXPECT_THAT(client.ids(), ElementsAre(wanted));
}

TEST(EventStream, SilenceIsBrokenByAComment) {
  ApiBench bench;
  Client client(bench, "/api/v1/events");
  client.take(bench.pass(std::chrono::seconds(14)));
  EXPECT_EQ(client.chunks, 0);
  client.take(bench.pass(std::chrono::seconds(2)));
  EXPECT_EQ(client.chunks, 1);
  EXPECT_THAT(client.text, HasSubstr("\n: alive\n\n"));
  client.drain();
  client.take(bench.pass(std::chrono::seconds(16)));
  EXPECT_EQ(client.chunks, 2);
}

TEST(EventStream, AnIdFromTheFutureIsToldSo) {
  ApiBench bench;
  write_events(bench, 2);
  const std::string future = bench.state().lives.id_of(1000);
  Client client(bench, "/api/v1/events", {{"last-event-id", future}});
  EXPECT_EQ(client.status, 200);
  const std::uint64_t last = bench.state().last_event;
  EXPECT_THAT(client.text,
              HasSubstr("id: " + bench.state().lives.id_of(last) + "\nevent: reset\ndata: {\"asked\":\"" +
                        future + "\",\"resumesAfter\":\""));
  client.text.clear();
  client.take(bench.run(ExchangeDrained{client.id()}));
  for (const Effect& effect : bench.run(
           ExchangeOpened{901,
                          "PUT",
                          "/api/v1/sites/new",
                          {{"authorization", "Bearer admin-token"}, {"content-type", "application/json"}},
                          "{}",
                          ""})) {
    client.take({effect});
  }
  EXPECT_THAT(client.ids(), ElementsAre(last + 1));
}

/// A backup is put back, and other events get the numbers that were given out since.
TEST(EventStream, AfterARestoreAnIdOfTheOtherLifeIsResetAndMissesNothing) {
  ApiBench bench;
  write_events(bench, 10);
  const std::uint64_t saved = bench.state().last_event;
  const auto backup = bench.rows();
  write_events(bench, 30);
  const std::string of_the_same_life = bench.state().lives.id_of(25);
  bench.restart();
  write_events(bench, 40);
  const std::string of_an_unknown_life = bench.state().lives.id_of(35);
  const std::string common = bench.state().lives.id_of(5);
  const std::string etag = bench.get("/api/v1/sites/par1").headers.at("etag");

  bench.restore(backup);
  write_events(bench, 60);
  const std::uint64_t last = bench.state().last_event;
  Client known(bench, "/api/v1/events", {{"last-event-id", of_the_same_life}});
  known.drain();
  EXPECT_THAT(known.text, HasSubstr("event: reset\n"));
  EXPECT_EQ(known.ids(), range(saved, last)) << "first the reset, which says where both agree";
  EXPECT_EQ(known.raw_ids().front(), bench.state().lives.id_of(saved));

  Client unknown(bench, "/api/v1/events?after=" + of_an_unknown_life);
  unknown.drain();
  EXPECT_THAT(unknown.text, HasSubstr("event: reset\n"));
  EXPECT_EQ(unknown.ids(), range(0, last));

  Client both(bench, "/api/v1/events", {{"last-event-id", common}});
  both.drain();
  EXPECT_THAT(both.text, Not(HasSubstr("reset")));
  EXPECT_EQ(both.ids(), range(6, last));

  const HttpAnswer page = bench.get("/api/v1/events?after=" + of_the_same_life);
  EXPECT_EQ(page.status, 410);
  EXPECT_THAT(page.text("next"), HasSubstr(bench.state().lives.id_of(saved)));
  EXPECT_EQ(bench.put("/api/v1/sites/par1", "{}", {{"if-match", etag}}).status, 412);
}

TEST(EventStream, ARestartKeepsTheIds) {
  ApiBench bench;
  write_events(bench, 10);
  const std::string seen = bench.state().lives.id_of(4);
  for (int i = 0; i < 3; ++i) bench.restart();
  EXPECT_EQ(bench.state().lives.id_of(4), seen);
  write_events(bench, 12);
  Client client(bench, "/api/v1/events", {{"last-event-id", seen}});
  client.drain();
  EXPECT_THAT(client.text, Not(HasSubstr("reset")));
  EXPECT_EQ(client.ids(), range(5, bench.state().last_event));
}

/// Percent comes from samples of agents, so these two drive the streams alone, over a state made by hand.
class Progress : public ::testing::Test {
 protected:
  Progress() { state_.deployments["d1"] = deployment("d1", "par1"); }

  static rest::Deployment deployment(const std::string& id, const std::string& site) {
    rest::Deployment it;
    it.set_id(id);
    it.set_site(site);
    it.set_state("RUNNING");
    it.set_stage(wire::WATCH);
    it.set_percent(10);
    return it;
  }
  void open(ExchangeId id, std::map<std::string, std::string> query = {}) {
    ApiRequest request;
    request.query = std::move(query);
    Outcome out;
    ASSERT_TRUE(streams_.open(id, request, now_, out));
  }
  /// What one second brings to `id`; all clients read at once.
  std::string tick(ExchangeId id) {
    Outcome out;
    now_.mono += std::chrono::seconds(1);
    streams_.fired("api/events/tick", [](const Principal&) { return true; }, now_, out);
    std::string bytes;
    for (const Effect& effect : out.effects) {
      if (const auto* chunk = std::get_if<ExchangeChunk>(&effect)) {
        if (chunk->id == id) bytes += chunk->bytes;
        streams_.drained(chunk->id);
      }
    }
    return bytes;
  }

  MemoryRows rows_;
  MeshState state_;
  EventStreams streams_{rows_, state_, {.most = 8}};
  Now now_;
};

TEST_F(Progress, IsSentOnceASecondWhenItChangedAndCarriesNoId) {
  open(1);
  EXPECT_EQ(
      tick(1),
      "event: progress\ndata: {\"deployment\":\"d1\",\"rollout\":\"\",\"server\":\"\",\"site\":\"par1\","
      "\"stage\":\"WATCH\",\"percent\":10,\"bytesRead\":\"0\",\"bytesPerSecond\":\"0\",\"packageBytes\":"
      "\"0\"}\n\n");
  EXPECT_THAT(tick(1), IsEmpty());
  state_.deployments["d1"].set_percent(11);
  EXPECT_THAT(tick(1), HasSubstr("\"percent\":11"));
  state_.deployments["d1"].set_percent(12);
  state_.deployments["d1"].mutable_eta()->set_seconds(60);
  state_.deployments["d1"].set_eta_from(3);
  EXPECT_THAT(tick(1), HasSubstr("\"eta\":\"1970-01-01T00:01:00Z\",\"etaFrom\":3"));
  state_.deployments["d1"].set_state("SUCCEEDED");
  state_.deployments["d1"].set_percent(100);
  EXPECT_THAT(tick(1), IsEmpty());
}

TEST_F(Progress, IsFilteredLikeEvents) {
  open(1, {{"site", "lyo1"}});
  open(2, {{"site", "par1"}});
  EXPECT_THAT(tick(1), IsEmpty());
  state_.deployments["d2"] = deployment("d2", "lyo1");
  EXPECT_THAT(tick(1), HasSubstr("\"d2\""));
  state_.deployments["d1"].set_percent(12);
  EXPECT_THAT(tick(2), HasSubstr("\"d1\""));
}

TEST(EventStream, BadRequestsAndTooManyStreamsAreProblems) {
  ApiBench bench;
  EXPECT_EQ(Client(bench, "/api/v1/events?after=x").status, 400);
  EXPECT_EQ(Client(bench, "/api/v1/events", {{"last-event-id", "-1"}}).status, 400);
  EXPECT_EQ(Client(bench, "/api/v1/events?limit=5").status, 400);
  EXPECT_EQ(Client(bench, "/api/v1/events?stage=x").status, 400);
  std::vector<ExchangeId> open;
  for (std::size_t i = 0; i < ApiBench::streams_most; ++i)
    open.push_back(Client(bench, "/api/v1/events").id());
  const Client refused(bench, "/api/v1/events");
  EXPECT_EQ(refused.status, 503);
  EXPECT_FALSE(refused.streaming);
  bench.run(ExchangeClosed{open.front()});
  EXPECT_EQ(Client(bench, "/api/v1/events").status, 200);
}

TEST(EventStream, OneTokenHasAShareOfThem) {
  SseReaders<int> readers("events", {.most = 10, .of_caller = 2});
  Outcome out;
  const auto open = [&](ExchangeId id, const std::string& caller) {
    ApiRequest request;
    request.principal.name = caller;
    return readers.open(id, request, 0, {}, Now(), out);
  };
  EXPECT_TRUE(open(1, "ann"));
  EXPECT_TRUE(open(2, "ann"));
  const auto refused = open(3, "ann");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 503);
  EXPECT_EQ(refused.error().detail, "there are already 2 streams of events for ann");
  EXPECT_TRUE(open(4, "bob"));
  readers.closed(1);
  EXPECT_TRUE(open(5, "ann"));
}

TEST(EventPages, EndAtSomeMiBHoweverMuchTheirEventsHold) {
  MemoryRows rows;
  MeshState state;
  Batch batch;
  for (std::uint64_t number = 1; number <= 400; ++number) {
    rest::LogEvent event;
    event.set_number(number);
    event.set_message(std::string(39'000, 'x'));
    batch.push_back({event_key(number), encode_row(event)});
  }
  rows.commit(batch);
  state.last_event = 400;
  ApiRequest request;
  request.query = {{"limit", "1000"}};
  const auto page = list_events(request, state, rows, Now{});
  ASSERT_TRUE(page);
  EXPECT_GT(page->body.size(), 4U << 20);
  EXPECT_LT(page->body.size(), (4U << 20) + 80'000);
  EXPECT_THAT(page->body.substr(page->body.size() - 40), HasSubstr("\"next\":"));
}

TEST(EventPages, HaveTheSameEventsAndACursor) {
  ApiBench bench;
  write_events(bench, 7);
  const std::uint64_t last = bench.state().last_event;
  std::vector<std::uint64_t> seen;
  std::string next = "0";
  while (!next.empty()) {
    const HttpAnswer page = bench.get("/api/v1/events?limit=3&after=" + next);
    ASSERT_EQ(page.status, 200) << page.body;
    const auto body = page.json();
    for (const auto& item : body.at("items").as_array()) {
      seen.push_back(item.at("number").to_number<std::uint64_t>());
    }
    next = page.text("next");
  }
  EXPECT_EQ(seen, range(1, last));
  EXPECT_EQ(bench.get("/api/v1/events?after=" + bench.state().lives.id_of(last)).body, R"({"items":[]})");
  EXPECT_EQ(bench.get("/api/v1/events?after=" + bench.state().lives.id_of(999999)).status, 410);
  EXPECT_EQ(bench.get("/api/v1/events?after=3").status, 400) << "a number alone says nothing";
  EXPECT_EQ(bench.get("/api/v1/events?site=nowhere").body, R"({"items":[]})");
  EXPECT_EQ(bench.get("/api/v1/events?after=x").status, 400);
  EXPECT_EQ(bench.get("/api/v1/events?limit=5000").status, 400);
}

}  // namespace
}  // namespace metalmesh::controller
