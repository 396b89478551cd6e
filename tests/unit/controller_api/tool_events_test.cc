// What tools are told over the broker, through the whole node: CloudEvents by the rights of REST, each at least once, and
// nothing lost without a trace when the broker is away.
#include "controller/api/tool_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/controller_api/api_bench.h"

namespace metalmesh::controller {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct Told {
  std::string topic;
  boost::json::object body;
  [[nodiscard]] std::string text(std::string_view name) const {
    const auto* member = body.if_contains(name);
    if (member == nullptr) return {};
    return member->is_string() ? std::string(member->get_string()) : boost::json::serialize(*member);
  }
};

/// A broker that carries what it is given, unless it is away.
class ToolEventsTest : public ::testing::Test {
 protected:
  ToolEventsTest() {
    bench.furnish();
    bench.hear_site("par1");
    bench.put("/api/v1/sites/lyon", R"({"spec":{"defaults":{"credential":"lyon-bmc"}}})");
  }
  /// Gives the broker what was said, and the controller what comes back of it, until it has no more to say.
  void carry(std::vector<Effect> effects) {
    while (!effects.empty()) {
      std::vector<Effect> next;
      std::size_t of_batch = 0;
      for (const Effect& effect : effects) {
        const auto* sent = std::get_if<Publish>(&effect);
        if (sent == nullptr || !sent->topic.starts_with("mm/tools/")) continue;
        ++of_batch;
        if (away || of_batch > carried_most) continue;
        if (sent->topic.starts_with(tool_topics::echo)) {
          for (Effect& one : bench.run(MessageArrived{sent->topic, sent->payload}))
            next.push_back(std::move(one));
        } else {
          heard.push_back({sent->topic, boost::json::parse(sent->payload).as_object()});
        }
      }
      effects = std::move(next);
    }
  }
  void pass(Duration time) {
    // In small steps: what fires in one is carried before the next.
    for (Duration gone{}; gone < time; gone += std::chrono::seconds(1))
      carry(bench.pass(std::chrono::seconds(1)));
  }
  /// A change, and what is said of it.
  void touch_site(const std::string& site) {
    carry(bench.run(opened("PUT", "/api/v1/sites/" + site,
                           R"({"spec":{"vars":{"round":")" + std::to_string(++round) + R"("}}})")));
  }
  ExchangeOpened opened(const std::string& method, const std::string& target, const std::string& body) {
    return {bench.next_exchange(),
            method,
            target,
            {{"content-type", "application/json"}, {"authorization", "Bearer admin-token"}},
            body,
            "192.0.2.1:40000"};
  }
  void put(const std::string& target, const std::string& body) {
    carry(bench.run(opened("PUT", target, body)));
  }

  std::vector<std::string> ids(const std::string& below) const {
    std::vector<std::string> out;
    for (const Told& one : heard) {
      if (one.topic.starts_with("mm/tools/" + below)) out.push_back(one.text("id"));
    }
    return out;
  }
  std::vector<std::string> topics() const {
    std::vector<std::string> out;
    for (const Told& one : heard) out.push_back(one.topic);
    return out;
  }

  ApiBench bench;
  std::vector<Told> heard;
  bool away = false;
  std::size_t carried_most = 1'000'000;  // of what is said at once
  int round = 0;
};

TEST_F(ToolEventsTest, NothingIsSaidWhereThereIsNoTool) {
  touch_site("par1");
  for (const Effect& effect : bench.run(opened("PUT", "/api/v1/sites/par1", R"({"spec":{}})"))) {
    const auto* sent = std::get_if<Publish>(&effect);
    EXPECT_TRUE(sent == nullptr || !sent->topic.starts_with("mm/tools/")) << sent->topic;
  }
}

TEST_F(ToolEventsTest, AnEventIsACloudEvent) {
  put("/api/v1/users/tool-board", R"({"spec":{"role":"viewer"}})");
  heard.clear();
  touch_site("par1");
  ASSERT_THAT(heard, SizeIs(1));
  const Told& told = heard.front();
  EXPECT_EQ(told.topic, "mm/tools/tool-board/events/audit");
  EXPECT_EQ(told.text("specversion"), "1.0");
  EXPECT_EQ(told.text("id"), bench.state().lives.id_of(bench.state().last_event));
  EXPECT_EQ(told.text("source"), "/api/v1/events");
  EXPECT_EQ(told.text("type"), "metalmesh.event.audit");
  EXPECT_EQ(told.text("datacontenttype"), "application/json");
  EXPECT_THAT(told.text("time"), HasSubstr("T"));
  EXPECT_EQ(told.body.at("data").at("id").as_string(), told.text("id"));
}

TEST_F(ToolEventsTest, EachSaysWhichCameBefore) {
  put("/api/v1/users/tool-board", R"({"spec":{"role":"viewer"}})");
  heard.clear();
  for (int i = 0; i < 5; ++i) touch_site("par1");
  ASSERT_THAT(heard, SizeIs(5));
  for (std::size_t i = 1; i < heard.size(); ++i)
    EXPECT_EQ(heard[i].text("previousid"), heard[i - 1].text("id"));
}

TEST_F(ToolEventsTest, WhoIsBoundToASiteHearsOfNoOther) {
  put("/api/v1/users/tool-par", R"({"spec":{"role":"viewer","sites":["par1"]}})");
  put("/api/v1/users/tool-lyon", R"({"spec":{"role":"viewer","sites":["lyon"]}})");
  put("/api/v1/users/tool-all", R"({"spec":{"role":"viewer"}})");
  heard.clear();
  touch_site("par1");
  put("/api/v1/rollouts/mine", R"({"spec":{"action":"inspect","select":{"sites":["par1"]}}})");
  EXPECT_THAT(topics(), Each(Not(StartsWith("mm/tools/tool-lyon/"))));
  EXPECT_THAT(topics(), Contains("mm/tools/tool-par/events/audit"));
  EXPECT_THAT(topics(), Contains("mm/tools/tool-par/rollouts/mine"));
  EXPECT_THAT(topics(), Contains("mm/tools/tool-all/rollouts/mine"));
}

TEST_F(ToolEventsTest, WhoIsDisabledHearsNoMore) {
  put("/api/v1/users/tool-board", R"({"spec":{"role":"viewer"}})");
  put("/api/v1/users/tool-other", R"({"spec":{"role":"viewer"}})");
  put("/api/v1/users/tool-board", R"({"spec":{"role":"viewer","disabled":true}})");
  heard.clear();
  touch_site("par1");
  EXPECT_THAT(topics(), Each(Not(StartsWith("mm/tools/tool-board/"))));
  EXPECT_THAT(topics(), Contains("mm/tools/tool-other/events/audit"));
}

TEST_F(ToolEventsTest, ARolloutIsToldWithEachChangeAgainWhileItLastsAndWhenItIsGone) {
  put("/api/v1/users/tool-board", R"({"spec":{"role":"viewer"}})");
  heard.clear();
  put("/api/v1/rollouts/look", R"({"spec":{"action":"inspect","select":{"sites":["par1"]}}})");
  const auto first = ids("tool-board/rollouts/look");
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(heard.back().text("type"), "metalmesh.rollout.changed");
  EXPECT_EQ(heard.back().body.at("data").at("rollout").at("metadata").at("name").as_string(), "look");
  pass(std::chrono::seconds(61));
  const auto again = ids("tool-board/rollouts/look");
  ASSERT_GT(again.size(), 1U) << "who came later is told, too";
  EXPECT_THAT(again, Each(first.front()));
  heard.clear();
  carry(bench.run(opened("DELETE", "/api/v1/rollouts/look", {})));
  ASSERT_THAT(ids("tool-board/rollouts/look"), SizeIs(1));
  bool gone = false;
  for (const Told& one : heard) gone |= one.text("type") == "metalmesh.rollout.deleted";
  EXPECT_TRUE(gone);
}

TEST_F(ToolEventsTest, WhatIsSaidWhileTheBrokerIsAwayIsSaidAgainByTheSameIds) {
  put("/api/v1/users/tool-board", R"({"spec":{"role":"viewer"}})");
  heard.clear();
  away = true;
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    touch_site("par1");
    expected.push_back(bench.state().lives.id_of(bench.state().last_event));
  }
  pass(std::chrono::seconds(30));
  EXPECT_THAT(heard, IsEmpty());
  away = false;
  pass(std::chrono::seconds(11));
  EXPECT_EQ(ids("tool-board/events/"), expected);
}

TEST_F(ToolEventsTest, ABatchOfWhichTheEndIsLostIsSaidAgain) {
  put("/api/v1/users/tool-board", R"({"spec":{"role":"viewer"}})");
  away = true;
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    touch_site("par1");
    expected.push_back(bench.state().lives.id_of(bench.state().last_event));
  }
  heard.clear();
  away = false;
  carried_most = 7;  // its first word, and six of them
  pass(std::chrono::seconds(15));
  EXPECT_THAT(heard, Not(IsEmpty()));
  EXPECT_THAT(ids("tool-board/events/"), Not(Contains(expected.back())));
  carried_most = 1'000'000;
  pass(std::chrono::seconds(15));
  EXPECT_THAT(ids("tool-board/events/"), IsSupersetOf(expected));
  for (std::size_t i = 1; i < heard.size(); ++i) {
    for (const Told& other : heard) {  // the same id is the same event
      if (other.text("id") == heard[i].text("id")) EXPECT_EQ(other.body, heard[i].body);
    }
  }
}

TEST_F(ToolEventsTest, OneBatchIsOnItsWayAtMost) {
  put("/api/v1/users/tool-board", R"({"spec":{"role":"viewer"}})");
  away = true;
  std::size_t said = 0;
  for (int i = 0; i < 600; ++i) {
    for (const Effect& effect : bench.run(opened(
             "PUT", "/api/v1/sites/par1", R"({"spec":{"vars":{"r":")" + std::to_string(i) + R"("}}})"))) {
      const auto* sent = std::get_if<Publish>(&effect);
      if (sent != nullptr && sent->topic.starts_with("mm/tools/")) ++said;
    }
  }
  EXPECT_LE(said, 3U) << "two words, and what was new when it was last there";
}

TEST_F(ToolEventsTest, AfterAStartTheEndOfTheLogIsToldAgain) {
  put("/api/v1/users/tool-board", R"({"spec":{"role":"viewer"}})");
  away = true;
  touch_site("par1");
  const std::string unsaid = bench.state().lives.id_of(bench.state().last_event);
  bench.restart();
  away = false;
  pass(std::chrono::seconds(15));
  touch_site("par1");
  EXPECT_THAT(ids("tool-board/events/"), Contains(unsaid));
}

TEST_F(ToolEventsTest, AStrangersWordIsNoEcho) {
  put("/api/v1/users/tool-board", R"({"spec":{"role":"viewer"}})");
  away = true;
  touch_site("par1");
  heard.clear();
  carry(bench.run(MessageArrived{"mm/tools/controller-tools/requests/end-999", ""}));
  carry(bench.run(MessageArrived{"mm/tools/controller-tools/requests/x", "{}"}));
  away = false;
  pass(std::chrono::seconds(15));
  EXPECT_THAT(ids("tool-board/events/"), Not(IsEmpty()));
}

TEST(CloudEvent, ATypeCannotReachIntoAnotherTopicAndWhatIsTooLongIsReferredTo) {
  rest::LogEvent event;
  event.set_id("a1-7");
  event.set_type("evil/../x");
  EXPECT_EQ(CloudEvent::of(event).to("tool-a", {}).topic, "mm/tools/tool-a/events/other");
  event.set_type("stage");
  event.set_server("s\"1");
  event.set_message(std::string(70'000, 'x'));
  const Publish sent = CloudEvent::of(event).to("tool-a", "a1-6");
  EXPECT_LT(sent.payload.size(), 1000U);
  const auto body = boost::json::parse(sent.payload).as_object();
  EXPECT_EQ(body.at("subject").as_string(), "servers/s\"1");
  EXPECT_EQ(body.at("dataref").as_string(), "/api/v1/events");
  EXPECT_EQ(body.at("previousid").as_string(), "a1-6");
  EXPECT_FALSE(body.contains("data"));
}

}  // namespace
}  // namespace metalmesh::controller
