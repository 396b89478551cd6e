// What was said with a BMC: what of it is written down, and that the controller gets it when it asks.
#include "agents/core/transcript.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/core/blob_shelf.h"
#include "agents/core/row_keys.h"
#include "common/base/digest.h"
#include "tests/unit/agent_core/test_site.h"

namespace metalmesh::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Now at(Duration time) {
  Now now;
  now.mono += time;
  now.wall_low += time;
  now.wall_high += time;
  return now;
}

struct Said : ::testing::Test {
  agent::Transcript transcript;
  int number = 0;
  Duration clock{};

  void say(const std::string& method, const std::string& path, const std::string& body, int status,
           const std::string& reply, bool login = false) {
    HttpRequest request{
        .id = "job/d/" + std::to_string(number++), .method = method, .url = "https://bmc" + path};
    request.body = body;
    if (login) request.credential = "c";
    transcript.asked(request, at(clock));
    clock += 20ms;
    transcript.answered(
        {.id = request.id, .status = status, .headers = {}, .body = reply, .peer_key_sha256 = ""}, at(clock));
  }
  [[nodiscard]] std::string lines(const std::vector<std::string>& secrets = {}) const {
    return transcript.lines({{"deployment", "d"}}, secrets);
  }
  [[nodiscard]] std::size_t count() const {
    const std::string text = lines();
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }
};

TEST_F(Said, WhatWasAskedAndAnsweredStandsInTheBmcsOwnWords) {
  say("POST", "/redfish/v1/Reset", R"({"ResetType":"On"})", 400,
      R"({"error":{"message":"The \"host\" is busy"}})");
  EXPECT_THAT(lines(),
              AllOf(HasSubstr(R"({"deployment":"d"})"), HasSubstr(R"("body":{"ResetType":"On"})"),
                    HasSubstr(R"("path":"/redfish/v1/Reset")"), HasSubstr(R"("tookMs":20,"status":400)"),
                    HasSubstr(R"("reply":{"error":{"message":"The \"host\" is busy"}})")));
}

TEST_F(Said, AFailureAndANoteStandBetween) {
  transcript.note("stage CONNECT, attempt 1", at(0s));
  HttpRequest request{.id = "job/d/1", .method = "GET", .url = "https://bmc/redfish/v1"};
  transcript.asked(request, at(1s));
  transcript.failed({"job/d/1", HttpFailure::timed_out, "30 s"}, at(31s));
  EXPECT_THAT(lines(), AllOf(HasSubstr(R"("note":"stage CONNECT, attempt 1")"),
                             HasSubstr(R"("failure":"no answer in time: 30 s")")));
}

TEST_F(Said, ReadingsThatRepeatThemselvesAreCounted) {
  for (int i = 0; i < 500; ++i) {
    say("GET", "/redfish/v1/Systems/1", "", 200, R"({"PowerState":"On"})");
    say("GET", "/redfish/v1/Managers/1/VirtualMedia/Cd", "", 200, R"({"Inserted":true})");
  }
  say("GET", "/redfish/v1/Systems/1", "", 200, R"({"PowerState":"Off"})");
  EXPECT_EQ(count(), 4U);
  EXPECT_THAT(lines(), HasSubstr(R"("times":500)"));
}

TEST_F(Said, ALoginIsNotWrittenDownUnlessItWasRefused) {
  say("POST", "/redfish/v1/SessionService/Sessions", "name and word", 201, R"({"Id":"1","Token":"abcdefgh"})",
      true);
  EXPECT_THAT(lines(), AllOf(Not(HasSubstr("name and word")), Not(HasSubstr("abcdefgh")), HasSubstr("201")));
  say("POST", "/redfish/v1/SessionService/Sessions", "name and word", 401, R"({"error":"locked"})", true);
  EXPECT_THAT(lines(), AllOf(Not(HasSubstr("name and word")), HasSubstr("locked")));
}

TEST_F(Said, SecretsAreMaskedAlsoWhereABodyWasCut) {
  const std::string medium = "https://10.0.0.5/m/0123456789abcdef/i.iso";
  say("POST", "/insert", R"({"Image":")" + medium + R"("})", 200, R"({"Password":"swordfish1","Name":"n"})");
  say("GET", "/long", "", 200,
      R"({"AdminPassword": "longsword9", "Name":"kept", "x":")" + std::string(8000, 'x') +
          R"(","Password":"swordfish2"})");
  EXPECT_THAT(lines({"0123456789abcdef"}),
              AllOf(Not(HasSubstr("0123456789abcdef")), Not(HasSubstr("swordfish")),
                    Not(HasSubstr("longsword9")), HasSubstr("kept"), HasSubstr("bytes more")));
}

TEST_F(Said, ItIsBoundedAndKeepsTheBeginningAndTheEnd) {
  for (int i = 0; i < 2000; ++i)
    say("GET", "/n" + std::to_string(i), "", 200, R"({"n":")" + std::string(3000, 'a') + R"("})");
  const std::string text = lines();
  EXPECT_LT(text.size(), 96U << 10U);
  EXPECT_THAT(text, AllOf(HasSubstr("/n0\""), HasSubstr("/n1999\""),
                          HasSubstr("entries in the middle are left out")));
}

TEST_F(Said, BytesThatAreNoTextDoNotMakeItUnreadable) {
  say("GET", "/odd", "", 200, "\xff\xfe\x01 odd");
  EXPECT_THAT(lines(), AllOf(HasSubstr("\xef\xbf\xbd"), HasSubstr("\\u0001")));
}

TEST_F(Said, TheLastScreenIsKeptWholeAndMakesNoRoom) {
  say("GET", "/first", "", 200, "{}");
  transcript.keep_screen("QUJD", at(0s));
  const std::string picture(200'000, 'A');
  transcript.keep_screen(picture, at(1s));
  EXPECT_THAT(lines(), AllOf(HasSubstr("/first"), HasSubstr(R"("screen":")" + picture + "\""),
                             Not(HasSubstr("QUJD"))));
  EXPECT_EQ(count(), 3U);
}

struct TranscriptAtSite : ::testing::Test {
  void SetUp() override { site.start(); }
  /// The BMC of server n is another machine than the one that is meant.
  wire::Ended fail(int n) {
    site.bmcs["10.0.0." + std::to_string(n)];
    orders::Parts order = make_order(site, n);
    order.agreed.mutable_power()->set_change(wire::Power::ON);
    order.issue.clear_image_urls();
    order.issue.clear_launch_by();
    site.order(order);
    site.advance(5min);
    const auto ends = site.told(&wire::Event::has_ended);
    if (ends.empty()) ADD_FAILURE() << "it did not end";
    return ends.empty() ? wire::Ended() : ends.back().ended();
  }
  /// What it answers to a want of the controller.
  std::vector<wire::BlobChunk> ask(const wire::BlobRef& blob, std::uint64_t offset = 0,
                                   std::string journal = {}) {
    wire::BlobWant want;
    want.set_sha256(blob.sha256());
    want.set_offset(offset);
    want.set_most(300);
    want.set_journal_id(journal.empty() ? site.controller.agent_journal() : journal);
    site.controller.chunks.clear();
    site.deliver(MessageArrived{"mm/1/par1/down", site.controller.seal("blob_want", want)});
    return site.controller.chunks;
  }
  std::string fetch(const wire::BlobRef& blob) {
    std::string bytes;
    while (bytes.size() < blob.size()) {
      const auto chunks = ask(blob, bytes.size());
      if (chunks.size() != 1 || chunks[0].bytes().empty()) return bytes;
      bytes += chunks[0].bytes();
    }
    return bytes;
  }
  TestSite site;
};

TEST_F(TranscriptAtSite, AnEndThatIsNoSuccessNamesWhatTheControllerMayFetch) {
  const wire::Ended end = fail(1);
  EXPECT_EQ(end.outcome(), wire::Ended::FAILED);
  ASSERT_TRUE(end.has_transcript()) << end.ShortDebugString();
  EXPECT_FALSE(end.transcript().screen());
  EXPECT_THAT(site.controller.chunks, IsEmpty()) << "nothing is sent before it is asked for";
  const std::string bytes = fetch(end.transcript());
  EXPECT_EQ(to_hex(sha256(bytes)), end.transcript().sha256());
  EXPECT_THAT(bytes, AllOf(HasSubstr(R"("deployment":"d1")"), HasSubstr("/redfish/v1/Systems/1"),
                           HasSubstr("CZ2D4F0A1B"), HasSubstr("stage IDENTITY"),
                           HasSubstr(R"("fault":"IDENTITY_MISMATCH")"), HasSubstr(R"("outcome":"FAILED")")));
}

struct AskedForItsScreen : TranscriptAtSite {
  void SetUp() override {
    config::BmcQuirks row;
    row.set_name("acme");
    row.mutable_match()->set_vendor("Acme");
    row.mutable_screen()->set_action("/Oem/Acme/Actions/A.Show");
    (*row.mutable_screen()->mutable_arguments())["Kind"] = "Now";
    row.mutable_screen()->set_picture("Picture");
    (*row.mutable_sources())["screen"] = "seen";
    ASSERT_TRUE(site.settings.quirks.add(row, QuirkOrigin::site));
    site.start();
  }
  wire::Ended ask_for_screen() {
    orders::Parts order = make_order(site, 1, 0);
    order.agreed.mutable_inspect()->set_screen(true);
    order.agreed.clear_identity();
    order.issue.clear_image_urls();
    order.issue.clear_launch_by();
    order.issue.clear_start_by();
    site.order(order);
    site.advance(1min);
    const auto ends = site.told(&wire::Event::has_ended);
    return ends.empty() ? wire::Ended() : ends.back().ended();
  }
  FakeBmc& machine = site.bmcs["10.0.0.1"];
  const std::string action = "/redfish/v1/Managers/1/Oem/Acme/Actions/A.Show";
};

TEST_F(AskedForItsScreen, ABmcShowsItAndTheControllerMayFetchIt) {
  machine.actions[action] = {200, R"({"Picture":"UE5H\r\nUE5H"})"};
  const wire::Ended end = ask_for_screen();
  EXPECT_EQ(end.outcome(), wire::Ended::SUCCEEDED) << end.ShortDebugString();
  ASSERT_TRUE(end.transcript().screen());
  EXPECT_THAT(fetch(end.transcript()), HasSubstr(R"("screen":"UE5HUE5H")"));
  EXPECT_THAT(site.requests(),
              ::testing::Contains(::testing::Field(&HttpRequest::body, R"({"Kind":"Now"})")));
  const auto told = site.told(&wire::Event::has_inspected);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_FALSE(told.front().inspected().has_inventory()) << "nobody asked for it";
  EXPECT_EQ(machine.sessions_open, 0);
}

TEST_F(AskedForItsScreen, ARefusalIsToldInTheBmcsWords) {
  machine.actions[action] = {400, R"({"error":{"message":"the server is off"}})"};
  const wire::Ended end = ask_for_screen();
  EXPECT_EQ(end.outcome(), wire::Ended::FAILED);
  EXPECT_EQ(end.fault().code(), wire::NOT_OFFERED);
  EXPECT_THAT(end.fault().detail(), HasSubstr("the server is off"));
  EXPECT_FALSE(site.told(&wire::Event::has_inspected).front().inspected().has_fault());
  EXPECT_EQ(machine.sessions_open, 0);
}

TEST_F(AskedForItsScreen, WhereNoRowSaysHowNothingIsAsked) {
  site.settings.quirks.remove("acme");
  site.start();
  const wire::Ended end = ask_for_screen();
  EXPECT_EQ(end.fault().code(), wire::NOT_OFFERED);
  EXPECT_THAT(end.fault().seen(), HasSubstr("no way is known"));
  EXPECT_THAT(site.requests(),
              Not(::testing::Contains(::testing::Field(&HttpRequest::url, HasSubstr("A.Show")))));
}

TEST_F(TranscriptAtSite, ItIsThereInTheNextLifeToo) {
  const wire::Ended end = fail(1);
  const std::string bytes = fetch(end.transcript());
  site.start();
  EXPECT_EQ(fetch(end.transcript()), bytes);
}

TEST_F(TranscriptAtSite, OnlyTheAgentThatIsMeantAnswersAndItSaysWhatIsGone) {
  const wire::Ended end = fail(1);
  EXPECT_THAT(ask(end.transcript(), 0, "another journal"), IsEmpty());
  wire::BlobRef other;
  other.set_sha256(std::string(64, '0'));
  ASSERT_THAT(ask(other), SizeIs(1));
  EXPECT_TRUE(site.controller.chunks[0].unknown());
}

TEST_F(TranscriptAtSite, TheOldestMakeRoom) {
  site.settings.shelf_room = 6000;
  site.start();
  const wire::BlobRef first = fail(1).transcript();
  EXPECT_THAT(fetch(first), SizeIs(first.size()));
  wire::BlobRef last;
  for (int n = 2; n < 6; ++n) last = fail(n).transcript();
  EXPECT_THAT(fetch(last), SizeIs(last.size()));
  ASSERT_THAT(ask(first), SizeIs(1));
  EXPECT_TRUE(site.controller.chunks[0].unknown());
  EXPECT_THAT(site.logged(), ::testing::Contains(HasSubstr("makes room")));
  std::size_t kept = 0;
  for (const Row& row : *site.store.scan(agent::rows::shelf, agent::rows::after(agent::rows::shelf), 100))
    kept += row.value->size();
  EXPECT_LT(kept, 7000U);
}

}  // namespace
}  // namespace metalmesh::test
