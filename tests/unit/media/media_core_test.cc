// The fence as a truth table (state x what is read), then the stories around it.
#include <gmock/gmock.h>

#include "tests/unit/media/media_core_bench.h"

namespace metalmesh::media {
namespace {

using std::chrono::seconds;
using test::guarded_range;
using test::plain_range;
using test::size;

class MediaCoreTest : public test::MediaCoreTest {};

TEST_F(MediaCoreTest, FenceTruthTable) {
  struct Case {
    wire::MountState state;
    const char* method;
    const char* range;
    int status;  // 0: waits for a verdict
  };
  const std::vector<Case> cases = {
      {wire::CLOSED, "GET", plain_range, 206},
      {wire::CLOSED, "GET", guarded_range, 503},
      {wire::CLOSED, "GET", "bytes=411647-411647", 503},  // last byte of the placeholder
      {wire::CLOSED, "GET", "bytes=411648-411648", 206},  // first byte behind it
      {wire::CLOSED, "GET", "bytes=0-204799", 206},       // up to the guarded range
      {wire::CLOSED, "GET", "bytes=0-204800", 503},       // one byte into it
      {wire::CLOSED, "GET", "bytes=0-9,204800-204801", 503},
      {wire::CLOSED, "GET", "", 200},  // its beginning
      {wire::CLOSED, "GET", "bytes=1000000-", 416},
      {wire::CLOSED, "HEAD", guarded_range, 200},
      {wire::CLOSED, "HEAD", "", 200},
      {wire::CLOSED, "POST", "", 405},
      {wire::MOUNT_STATE_UNSPECIFIED, "GET", guarded_range, 503},
      {wire::OPEN, "GET", plain_range, 206},
      {wire::OPEN, "GET", guarded_range, 0},
      {wire::OPEN, "GET", "", 0},
      {wire::OPEN, "HEAD", "", 200},
      {wire::LAUNCHED, "GET", plain_range, 206},
      {wire::LAUNCHED, "GET", guarded_range, 206},
      {wire::LAUNCHED, "GET", "", 200},
      {wire::DEAD, "GET", plain_range, 410},
      {wire::DEAD, "GET", guarded_range, 410},
      {wire::DEAD, "HEAD", "", 410},
  };
  for (const Case& c : cases) {
    core_ = MediaCore();
    order(c.state);
    EXPECT_EQ(status(ask(1, c.range, 0, c.method)), c.status)
        << wire::MountState_Name(c.state) << " " << c.method << " " << c.range;
  }
}

TEST_F(MediaCoreTest, APlainGetIsServedUpToTheClosedFence) {
  order(wire::CLOSED);
  const auto out = ask(1, "");
  ASSERT_EQ(responses(out).size(), 1U);
  const Respond beginning = responses(out)[0];
  EXPECT_EQ(beginning.content_length, size);
  EXPECT_TRUE(beginning.cut_short);
  std::uint64_t sent = 0;
  for (const Segment& segment : beginning.segments) sent += length_of(segment);
  EXPECT_EQ(sent, 204'800U) << "not one guarded byte";
  core_.on_sent(1, 204'800, at(1));
  EXPECT_TRUE(core_.may_continue(1));
  EXPECT_EQ(core_.next_due(), MonoTime(seconds(6)));

  // Whoever is still there wants all of it.
  const auto cut = core_.on_tick(at(6));
  EXPECT_EQ(aborts(cut), 1);
  ASSERT_EQ(told(cut).size(), 1U);
  EXPECT_EQ(told(cut).front().reads().wanted_whole(), 1U);
  EXPECT_EQ(told(cut).front().reads().bytes_served(), 204'800U);
  EXPECT_FALSE(core_.may_continue(1));
}

TEST_F(MediaCoreTest, WhoLooksAtTheBeginningOnlyWantedNoMore) {
  order(wire::CLOSED);
  ask(1, "");
  core_.on_sent(1, 204'800, at(1));
  core_.on_closed(1);
  EXPECT_EQ(aborts(core_.on_tick(at(60))), 0);
  ask(2, "", 60);
  core_.on_sent(2, 100, at(60));  // slow: it is waited for
  const auto later = core_.on_tick(at(100));
  EXPECT_EQ(aborts(later), 0);
  for (const auto& event : told(later)) EXPECT_EQ(event.reads().wanted_whole(), 0U);
}

TEST_F(MediaCoreTest, WhoWaitsAtTheFenceLaunchesNothingWhenItOpens) {
  order(wire::CLOSED);
  ask(1, "");
  core_.on_sent(1, 204'800, at(1));
  const auto opened = order(wire::OPEN);
  EXPECT_EQ(aborts(opened), 1);
  EXPECT_TRUE(told(opened).empty()) << "that was no boot";
  EXPECT_EQ(status(ask(2, "")), 0);
}

TEST_F(MediaCoreTest, StatesOnlyGoForward) {
  struct Case {
    wire::MountState from, to;
    int guarded_read;
  };
  for (const Case& c : std::vector<Case>{{wire::CLOSED, wire::OPEN, 0},
                                         {wire::OPEN, wire::CLOSED, 503},
                                         {wire::LAUNCHED, wire::OPEN, 206},
                                         {wire::LAUNCHED, wire::CLOSED, 206},
                                         {wire::LAUNCHED, wire::DEAD, 410},
                                         {wire::DEAD, wire::CLOSED, 410},
                                         {wire::DEAD, wire::OPEN, 410},
                                         {wire::DEAD, wire::LAUNCHED, 410}}) {
    core_ = MediaCore();
    order(c.from);
    order(c.to);
    EXPECT_EQ(status(ask(1, guarded_range)), c.guarded_read)
        << wire::MountState_Name(c.from) << " -> " << wire::MountState_Name(c.to);
  }
}

TEST_F(MediaCoreTest, LaunchIsAskedOnceAndAnswersAllThatWait) {
  order(wire::OPEN);
  const auto first = ask(1, guarded_range);
  ASSERT_EQ(told(first).size(), 1U);
  EXPECT_EQ(told(first)[0].launch_asked().token(), "tok");
  EXPECT_TRUE(told(ask(2, guarded_range)).empty());
  const auto granted = verdict(true);
  ASSERT_EQ(responses(granted).size(), 2U);
  for (const Respond& respond : responses(granted)) EXPECT_EQ(respond.status, 206);
  EXPECT_EQ(status(ask(3, guarded_range)), 206);
}

TEST_F(MediaCoreTest, RefusedLaunchAnswers503AndAsksAgainLater) {
  order(wire::OPEN);
  ask(1, guarded_range);
  const auto refused = verdict(false);
  EXPECT_EQ(status(refused), 503);
  EXPECT_EQ(header(responses(refused)[0], "Retry-After"), "5");
  EXPECT_EQ(told(ask(1, guarded_range)).size(), 1U);
}

TEST_F(MediaCoreTest, SilenceOfTheAgentIsARefusal) {
  order(wire::OPEN);
  ask(1, guarded_range, 0);
  EXPECT_EQ(core_.next_due(), MonoTime(seconds(10)));
  EXPECT_TRUE(responses(core_.on_tick(at(9))).empty());
  EXPECT_EQ(status(core_.on_tick(at(10))), 503);
  EXPECT_TRUE(told(ask(1, guarded_range, 11)).empty()) << "asked once until a verdict";
  EXPECT_EQ(status(verdict(true, 12)), 206) << "a late verdict still launches";
}

TEST_F(MediaCoreTest, MountSentAgainAsksAgainForThoseWhoWait) {
  order(wire::OPEN);
  ask(1, guarded_range);
  EXPECT_EQ(told(order(wire::OPEN)).size(), 1U);
  EXPECT_EQ(status(verdict(true)), 206);
}

TEST_F(MediaCoreTest, VerdictNeverOpensAClosedOrDeadMount) {
  for (const auto state : {wire::CLOSED, wire::DEAD}) {
    core_ = MediaCore();
    order(wire::OPEN);
    ask(1, guarded_range);
    const auto shut = order(state);
    EXPECT_EQ(status(shut), state == wire::CLOSED ? 503 : 410);
    EXPECT_TRUE(responses(verdict(true)).empty());
    EXPECT_NE(status(ask(1, guarded_range)), 206);
  }
}

TEST_F(MediaCoreTest, ReaderThatLeftIsNotAnswered) {
  order(wire::OPEN);
  ask(1, guarded_range);
  core_.on_closed(1);
  EXPECT_TRUE(responses(verdict(true)).empty());
}

TEST_F(MediaCoreTest, WaitingReadersAreBounded) {
  order(wire::OPEN);
  int refused = 0;
  for (ConnId conn = 1; conn <= 100; ++conn) refused += status(ask(conn, guarded_range)) == 503 ? 1 : 0;
  EXPECT_EQ(refused, 100 - static_cast<int>(MediaLimits().parked_per_mount));
}

TEST_F(MediaCoreTest, DeathStopsResponsesUnderWay) {
  order(wire::LAUNCHED);
  ask(1, "");
  ask(2, plain_range);
  EXPECT_TRUE(core_.may_continue(1));
  const auto dead = order(wire::DEAD);
  EXPECT_EQ(aborts(dead), 2);
  EXPECT_FALSE(core_.may_continue(1));
  EXPECT_TRUE(core_.on_sent(1, 4096, at(1)).effects.empty());
}

TEST_F(MediaCoreTest, ChangedContentStopsResponsesUnderWay) {
  order(wire::CLOSED);
  ask(1, plain_range);
  EXPECT_EQ(aborts(order(wire::CLOSED)), 0);
  EXPECT_TRUE(core_.may_continue(1));
  EXPECT_EQ(aborts(order(wire::CLOSED, "another answer")), 1);
}

TEST_F(MediaCoreTest, ForgottenMountIs404) {
  order(wire::LAUNCHED);
  ask(1, plain_range);
  wire::MediaCommand forget;
  forget.set_forget("tok");
  EXPECT_EQ(aborts(core_.on_command(forget, at(0))), 1);
  all_mounts({});
  EXPECT_EQ(status(ask(1, plain_range)), 404);
  EXPECT_EQ(status(call()), 404);
}

TEST_F(MediaCoreTest, HeadStatesSizeAndValidator) {
  order(wire::CLOSED);
  const auto head = responses(ask(1, "", 0, "HEAD")).at(0);
  EXPECT_EQ(head.content_length, size);
  EXPECT_TRUE(head.segments.empty());
  EXPECT_EQ(header(head, "Accept-Ranges"), "bytes");
  const auto get = responses(ask(1, plain_range)).at(0);
  EXPECT_EQ(header(get, "ETag"), header(head, "ETag"));
  EXPECT_EQ(header(get, "Content-Range"), "bytes 0-2047/1000000");
}

TEST_F(MediaCoreTest, MalformedMountsRefuseEverything) {
  const auto out = order(wire::LAUNCHED, std::string(3000, 'x'));  // the placeholder has 2048 bytes
  ASSERT_FALSE(out.logs.empty());
  EXPECT_THAT(out.logs[0].message, testing::HasSubstr("3000 bytes"));
  EXPECT_EQ(status(ask(1, plain_range)), 503);
}

TEST_F(MediaCoreTest, UnknownMediaAreEarlyUntilAllAreKnown) {
  order(wire::LAUNCHED);
  const MediaRequest other{1, "GET", "/m/other.iso", {}, "", "p"};
  const MediaRequest callback{1, "POST", "/c/other", {}, "", "p"};
  EXPECT_EQ(status(core_.on_request(other, at(0))), 503);
  EXPECT_EQ(status(core_.on_request(callback, at(0))), 503);
  all_mounts({"tok"});
  EXPECT_EQ(status(core_.on_request(other, at(0))), 404);
  EXPECT_EQ(status(core_.on_request(callback, at(0))), 404);
}

TEST_F(MediaCoreTest, WhatTheAgentNoLongerKnowsIsForgotten) {
  order(wire::LAUNCHED);
  ask(1, plain_range);
  EXPECT_EQ(aborts(all_mounts({"tok"})), 0);
  EXPECT_TRUE(core_.may_continue(1));
  EXPECT_EQ(aborts(all_mounts({"another"})), 1);
  EXPECT_EQ(status(ask(1, plain_range)), 404);
}

TEST_F(MediaCoreTest, NothingIsLaunchedWithoutTheAgent) {
  order(wire::OPEN);
  agent_gone();
  EXPECT_EQ(status(ask(1, guarded_range, 0)), 0) << "it may come back";
  EXPECT_EQ(status(core_.on_tick(at(10))), 503);
  EXPECT_EQ(status(ask(1, guarded_range, 20)), 0);
  EXPECT_EQ(told(order(wire::OPEN)).size(), 1U) << "the new agent is asked";
  EXPECT_EQ(status(verdict(true)), 206);
}

TEST_F(MediaCoreTest, UnknownPathsAre404) {
  all_mounts({});
  EXPECT_EQ(status(core_.on_request({1, "GET", "/m/other.iso", {}, "", "p"}, at(0))), 404);
  EXPECT_EQ(status(core_.on_request({1, "GET", "/", {}, "", "p"}, at(0))), 404);
}

}  // namespace
}  // namespace metalmesh::media
