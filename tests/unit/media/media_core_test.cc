// The fence as a truth table (state x what is read), then the stories around it. Time is handed in.
#include "agents/media/media_core.h"

#include <gmock/gmock.h>

#include "tests/unit/media/iso_writer.h"

namespace metalmesh::media {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t size = 1'000'000;
constexpr char plain_range[] = "bytes=0-2047";
constexpr char guarded_range[] = "bytes=204800-204801";

class MediaCoreTest : public testing::Test {
 protected:
  static Now at(int second) { return {MonoTime(seconds(second)), {}, {}}; }

  MediaOutcome order(wire::MountState state, const std::string& answer = "hello") {
    wire::MediaCommand command;
    auto& mount = *command.mutable_mount();
    mount.set_token("tok");
    mount.set_deployment_id("dep");
    mount.set_state(state);
    mount.set_answer(answer);
    mount.set_callback_token("call");
    auto& image = *mount.mutable_image();
    image.set_size(size);
    image.set_path("/images/base.iso");
    image.set_sha256("aa");
    image.mutable_placeholder()->set_offset(409600);
    image.mutable_placeholder()->set_length(2048);
    auto* guarded = image.add_guarded();
    guarded->set_offset(204800);
    guarded->set_length(2048);
    return core_.on_command(command, at(0));
  }
  MediaOutcome verdict(bool granted, int second = 0) {
    wire::MediaCommand command;
    command.mutable_verdict()->set_token("tok");
    command.mutable_verdict()->set_granted(granted);
    return core_.on_command(command, at(second));
  }
  MediaOutcome ask(ConnId conn, const std::string& range, int second = 0, const std::string& method = "GET") {
    MediaRequest request;
    request.conn = conn;
    request.method = method;
    request.path = "/m/tok.iso";
    if (!range.empty()) request.headers = {{"range", range}};
    request.peer = "10.0.0.9";
    return core_.on_request(std::move(request), at(second));
  }
  MediaOutcome call(const std::string& method = "POST", const std::string& body = "up", ConnId conn = 50) {
    return core_.on_request({conn, method, "/c/call", {}, body, "10.0.0.8"}, at(0));
  }
  MediaOutcome taken() {
    wire::MediaCommand command;
    command.set_callback_taken("tok");
    return core_.on_command(command, at(0));
  }
  MediaOutcome all_mounts(const std::vector<std::string>& tokens, int second = 0) {
    wire::MediaCommand command;
    command.mutable_all()->mutable_tokens()->Assign(tokens.begin(), tokens.end());
    return core_.on_command(command, at(second));
  }
  MediaOutcome agent_gone() {
    wire::MediaCommand command;
    command.set_agent_gone(true);
    return core_.on_command(command, at(0));
  }
  static std::vector<Respond> responses(const MediaOutcome& out) {
    std::vector<Respond> found;
    for (const auto& effect : out.effects) {
      if (const auto* respond = std::get_if<Respond>(&effect)) found.push_back(*respond);
    }
    return found;
  }
  /// 0: parked.
  static int status(const MediaOutcome& out) {
    const auto all = responses(out);
    return all.empty() ? 0 : all.front().status;
  }
  static std::vector<wire::MediaEvent> told(const MediaOutcome& out) {
    std::vector<wire::MediaEvent> found;
    for (const auto& effect : out.effects) {
      if (const auto* tell = std::get_if<Tell>(&effect)) found.push_back(tell->event);
    }
    return found;
  }
  static int aborts(const MediaOutcome& out) {
    return static_cast<int>(std::count_if(out.effects.begin(), out.effects.end(),
                                          [](const auto& e) { return std::holds_alternative<Abort>(e); }));
  }
  static std::string header(const Respond& respond, const std::string& name) {
    for (const auto& [key, value] : respond.headers) {
      if (key == name) return value;
    }
    return {};
  }

  MediaCore core_;
};

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
      {wire::CLOSED, "GET", "", 503},
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

TEST_F(MediaCoreTest, ReadsAreToldAtOnceThenOnceASecond) {
  order(wire::LAUNCHED);
  ask(1, "bytes=0-199999", 0);
  const auto first = told(core_.on_sent(1, 1000, at(5)));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].reads().bytes_served(), 1000U);
  EXPECT_EQ(first[0].reads().peer(), "10.0.0.9");
  EXPECT_EQ(first[0].reads().size(), size);
  EXPECT_TRUE(told(core_.on_sent(1, 199000, at(5))).empty());
  EXPECT_EQ(core_.next_due(), MonoTime(seconds(6)));
  const auto second = told(core_.on_tick(at(6)));
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].reads().bytes_served(), 200000U);
  EXPECT_EQ(core_.next_due(), std::nullopt);
  EXPECT_TRUE(told(core_.on_tick(at(60))).empty()) << "nothing changed";
}

TEST_F(MediaCoreTest, ReadsAreToldAgainToTheNextLifeOfTheAgent) {
  order(wire::LAUNCHED);
  ask(1, "bytes=0-199999", 0);
  ASSERT_EQ(told(core_.on_sent(1, 200000, at(5))).size(), 1U);
  agent_gone();
  order(wire::LAUNCHED);
  const auto again = told(all_mounts({"tok"}, 9));
  ASSERT_EQ(again.size(), 1U) << "what was told may have died with the life before";
  EXPECT_EQ(again[0].reads().bytes_served(), 200000U);
}

TEST_F(MediaCoreTest, SeveralRangesAreServedAsParts) {
  order(wire::LAUNCHED);
  const auto out = responses(ask(1, "bytes=0-9,204800-204801"));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].status, 206);
  EXPECT_THAT(header(out[0], "Content-Type"), testing::StartsWith("multipart/byteranges; boundary="));
  std::uint64_t length = 0;
  std::string text;
  for (const Segment& segment : out[0].segments) {
    length += length_of(segment);
    if (const auto* between = std::get_if<std::string>(&segment)) text += *between;
  }
  EXPECT_EQ(out[0].content_length, length);
  EXPECT_THAT(text, testing::HasSubstr("Content-Range: bytes 0-9/1000000\r\n\r\n"));
  EXPECT_THAT(text, testing::HasSubstr("Content-Range: bytes 204800-204801/1000000\r\n\r\n"));
  const auto reads = told(core_.on_sent(1, length, at(0)));
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_EQ(reads[0].reads().bytes_served(), 12U) << "headings are not of the image";
}

TEST_F(MediaCoreTest, CoverageCountsDistinctBytes) {
  order(wire::LAUNCHED);
  ask(1, "", 0);
  core_.on_sent(1, size, at(0));
  ask(1, "", 2);
  const auto out = told(core_.on_sent(1, size, at(2)));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].reads().bytes_served(), 2 * size);
  EXPECT_EQ(out[0].reads().bytes_covered(), size);
}

TEST_F(MediaCoreTest, RefusedReadsAreCounted) {
  order(wire::CLOSED);
  const auto first = told(ask(1, guarded_range, 0));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].reads().refused_closed(), 1U);
  ask(1, guarded_range, 0);
  EXPECT_EQ(told(core_.on_tick(at(1))).at(0).reads().refused_closed(), 2U);
}

TEST_F(MediaCoreTest, CallbackCountsOnlyAfterTheLaunch) {
  for (const wire::MountState state : {wire::CLOSED, wire::OPEN}) {
    core_ = MediaCore();
    order(state);
    EXPECT_EQ(status(call()), 409) << wire::MountState_Name(state);
  }
  for (const wire::MountState state : {wire::LAUNCHED, wire::DEAD}) {
    core_ = MediaCore();
    order(state);
    const auto asked = call();
    EXPECT_TRUE(responses(asked).empty()) << "the caller waits until its call is safe";
    ASSERT_EQ(told(asked).size(), 1U);
    EXPECT_EQ(told(asked)[0].callback().token(), "tok");
    EXPECT_EQ(told(asked)[0].callback().body(), "up");
    EXPECT_TRUE(told(call("POST", "up", 51)).empty()) << "told once";
    const auto answers = responses(taken());
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].status, 204);
    EXPECT_EQ(answers[1].status, 204);
    const auto later = call();
    EXPECT_EQ(status(later), 204);
    EXPECT_TRUE(told(later).empty());
  }
  EXPECT_EQ(status(call("GET")), 405);
  EXPECT_EQ(status(call("POST", std::string(5000, 'x'))), 413);
}

TEST_F(MediaCoreTest, ACallThatNobodyTookIsToComeAgain) {
  order(wire::DEAD);
  all_mounts({"tok"});
  call();
  EXPECT_EQ(status(agent_gone()), 503) << "it may have died before it wrote the call down";
  EXPECT_EQ(status(call()), 503);
  order(wire::DEAD);
  all_mounts({"tok"});
  EXPECT_EQ(told(call()).size(), 1U) << "the next one hears of it";
  EXPECT_EQ(status(order(wire::DEAD)), 503) << "a mount that was sent again may be another agent's";
  EXPECT_EQ(told(call()).size(), 1U);
  EXPECT_TRUE(responses(core_.on_tick(at(9))).empty());
  EXPECT_EQ(status(core_.on_tick(at(11))), 503);
  EXPECT_TRUE(responses(taken()).empty()) << "too late: nobody waits";
  EXPECT_EQ(told(call()).size(), 1U);
  core_.on_closed(50);
  EXPECT_TRUE(responses(taken()).empty());
  EXPECT_EQ(status(call()), 204);
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

TEST_F(MediaCoreTest, ReadersOutliveTheAgent) {
  order(wire::LAUNCHED);
  const auto before = responses(ask(1, guarded_range)).at(0);
  agent_gone();
  EXPECT_TRUE(core_.may_continue(1));
  EXPECT_EQ(header(responses(ask(2, guarded_range)).at(0), "ETag"), header(before, "ETag"));
  order(wire::LAUNCHED);
  all_mounts({"tok"});
  EXPECT_TRUE(core_.may_continue(1));
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

TEST_F(MediaCoreTest, ReadsAreKeptForTheNextAgent) {
  order(wire::LAUNCHED);
  agent_gone();
  ask(1, "bytes=0-199999", 0);
  EXPECT_TRUE(told(core_.on_sent(1, 200000, at(0))).empty());
  EXPECT_EQ(core_.next_due(), std::nullopt);
  order(wire::LAUNCHED);
  const auto reads = told(all_mounts({"tok"}, 5));
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_EQ(reads[0].reads().bytes_served(), 200000U);
  EXPECT_EQ(told(all_mounts({"tok"}, 50)).size(), 1U) << "whoever says hello may know nothing";
}

TEST_F(MediaCoreTest, UnknownPathsAre404) {
  all_mounts({});
  EXPECT_EQ(status(core_.on_request({1, "GET", "/m/other.iso", {}, "", "p"}, at(0))), 404);
  EXPECT_EQ(status(core_.on_request({1, "GET", "/", {}, "", "p"}, at(0))), 404);
}

/// Base images in memory; counts how often they are opened.
class MemoryImages final : public BaseImages {
 public:
  Result<std::unique_ptr<BlockReader>> open(const std::string& path) override {
    ++opened;
    if (path != "/images/base.iso") return fail(ErrorKind::unavailable, path + ": no such file");
    return std::make_unique<MemoryReader>(content);
  }
  std::string content;
  int opened = 0;
};

class ComposedMountTest : public testing::Test {
 protected:
  ComposedMountTest() { images_.content = test::installer_iso().build(); }

  wire::Mount order(const std::string& config) {
    wire::Mount mount;
    mount.set_token("tok");
    mount.set_deployment_id("dep");
    mount.mutable_image()->set_size(images_.content.size());
    mount.mutable_image()->set_path("/images/base.iso");
    auto& change = *mount.add_changes();
    change.set_path("/boot/grub.cfg");
    change.set_content(config);
    return mount;
  }
  MediaOutcome send(const wire::Mount& mount) {
    wire::MediaCommand command;
    *command.mutable_mount() = mount;
    return core_.on_command(command, Now{});
  }
  Respond get(const std::string& range = "") {
    MediaRequest request;
    request.conn = 1;
    request.method = "GET";
    request.path = "/m/tok.iso";
    if (!range.empty()) request.headers = {{"range", range}};
    auto out = core_.on_request(std::move(request), Now{});
    for (auto& effect : out.effects) {
      if (auto* respond = std::get_if<Respond>(&effect)) return std::move(*respond);
    }
    return {};
  }
  static std::string refusal(const MediaOutcome& out) {
    for (const auto& effect : out.effects) {
      if (const auto* tell = std::get_if<Tell>(&effect); tell != nullptr && tell->event.has_refused()) {
        return tell->event.refused().reason();
      }
    }
    return "";
  }

  MemoryImages images_;
  MediaCore core_{&images_};
};

TEST_F(ComposedMountTest, ServesChangedFilesBehindTheFence) {
  auto mount = order("ours");
  EXPECT_EQ(refusal(send(mount)), "");
  EXPECT_EQ(get("bytes=0-2047").status, 206);
  EXPECT_EQ(get().status, 503) << "the new file lies in the tail and is guarded";
  mount.set_state(wire::LAUNCHED);
  send(mount);
  const Respond all = get();
  EXPECT_EQ(all.status, 200);
  EXPECT_GT(all.content_length, images_.content.size());
  bool seen = false;
  for (const Segment& segment : all.segments) {
    const auto* text = std::get_if<std::string>(&segment);
    seen = seen || (text != nullptr && text->find("ours") != std::string::npos);
  }
  EXPECT_TRUE(seen);
}

TEST_F(ComposedMountTest, ComposesOncePerContent) {
  auto mount = order("ours");
  send(mount);
  mount.set_state(wire::OPEN);
  send(mount);
  EXPECT_EQ(images_.opened, 1);
  send(order("others"));
  EXPECT_EQ(images_.opened, 2);
}

TEST_F(ComposedMountTest, TellsWhyAMediumCannotBe) {
  auto mount = order("x");
  mount.mutable_changes(0)->set_path("/boot");
  EXPECT_THAT(refusal(send(mount)), testing::HasSubstr("is a directory"));
  EXPECT_EQ(get("bytes=0-1").status, 503);
  mount = order("x");
  mount.mutable_image()->set_path("/gone");
  EXPECT_THAT(refusal(send(mount)), testing::HasSubstr("no such file"));
  EXPECT_EQ(refusal(send(order("x"))), "");
  EXPECT_EQ(get("bytes=0-1").status, 206);
}

TEST_F(ComposedMountTest, ServesASecondMedium) {
  wire::Mount mount;
  mount.set_token("tok");
  mount.mutable_second()->set_label("CIDATA");
  mount.mutable_second()->set_format(wire::SecondMedium::ISO);
  auto& file = *mount.mutable_second()->add_files();
  file.set_path("/user-data");
  file.set_content("#cloud-config");
  EXPECT_EQ(refusal(send(mount)), "");
  EXPECT_EQ(get("bytes=32768-40959").status, 206) << "descriptors";
  EXPECT_EQ(get().status, 503);
  mount.set_state(wire::LAUNCHED);
  send(mount);
  const Respond all = get();
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.file, "");
  EXPECT_EQ(images_.opened, 0);
}

/// A mount with a package tree beside it, both in memory.
class PackagesTest : public MediaCoreTest, private BaseImages {
 protected:
  PackagesTest() {
    iso_.add("/pool/a.deb", "0123456789");
    core_ = MediaCore(this);
  }
  Result<std::unique_ptr<BlockReader>> open(const std::string& path) override {
    if (path != "/images/dvd.iso") return fail(ErrorKind::unavailable, "no such file");
    ++opened_;
    return std::make_unique<MemoryReader>(broken_ ? "not an image" : iso_.build());
  }
  MediaOutcome order(wire::MountState state, const std::string& token = "tok",
                     const std::string& tree = "tree") {
    wire::MediaCommand command;
    auto& mount = *command.mutable_mount();
    mount.set_token(token);
    mount.set_state(state);
    mount.mutable_image()->set_size(size);
    mount.mutable_image()->set_path("/images/base.iso");
    mount.mutable_packages()->set_token(tree);
    mount.mutable_packages()->mutable_image()->set_path("/images/dvd.iso");
    mount.mutable_packages()->mutable_image()->set_sha256("bb");
    return core_.on_command(command, at(0));
  }
  Respond get(const std::string& path, Headers headers = {}, bool from_hosts = true,
              const std::string& method = "GET") {
    MediaRequest request{7, method, path, std::move(headers), "", "10.0.0.7", from_hosts};
    return responses(core_.on_request(std::move(request), at(1))).front();
  }
  int opened_ = 0;
  bool broken_ = false;
  test::IsoWriter iso_;
};

TEST_F(PackagesTest, AreServedWhileTheInstallerRuns) {
  const std::vector<std::pair<wire::MountState, int>> fence = {
      {wire::CLOSED, 503}, {wire::OPEN, 503}, {wire::LAUNCHED, 200}, {wire::DEAD, 410}};
  for (const auto& [state, status] : fence) {
    order(state);
    EXPECT_EQ(get("/p/tree/pool/a.deb").status, status) << wire::MountState_Name(state);
  }
  core_.on_command(
      [] {
        wire::MediaCommand c;
        c.set_forget("tok");
        return c;
      }(),
      at(2));
  core_.on_command(
      [] {
        wire::MediaCommand c;
        c.mutable_all();
        return c;
      }(),
      at(2));
  EXPECT_EQ(get("/p/tree/pool/a.deb").status, 404);
}

TEST_F(PackagesTest, AnswerAsHttpSays) {
  order(wire::LAUNCHED);
  const Respond whole = get("/p/tree//pool/a%2Edeb");
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.content_length, 10U);
  EXPECT_EQ(whole.file, "/images/dvd.iso");
  EXPECT_EQ(std::get<ByteRange>(whole.segments.front()), (ByteRange{iso_.offset_of("/pool/a.deb"), 10}));
  const Respond part =
      get("/p/tree/pool/a.deb", {{"range", "bytes=2-4"}, {"if-range", header(whole, "ETag")}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(header(part, "Content-Range"), "bytes 2-4/10");
  const Respond head = get("/p/tree/pool/a.deb", {}, true, "HEAD");
  EXPECT_EQ(head.content_length, 10U);
  EXPECT_TRUE(head.segments.empty());
  EXPECT_EQ(get("/p/tree/pool/a.deb", {{"range", "bytes=10-"}}).status, 416);
  EXPECT_EQ(get("/p/tree/pool/a.deb", {}, true, "PUT").status, 405);
  EXPECT_EQ(get("/p/tree/pool/b.deb").status, 404);
  EXPECT_EQ(get("/p/tree/../../etc/passwd").status, 400);
  EXPECT_THAT(get("/p/tree/pool/").text, testing::HasSubstr("href=\"/p/tree/pool/a.deb\""));
  EXPECT_THAT(get("/p/tree").text, testing::HasSubstr("href=\"/p/tree/pool/\""));
}

TEST_F(PackagesTest, HostsSeeNothingElse) {
  order(wire::LAUNCHED);
  EXPECT_EQ(get("/m/tok.iso").status, 404);
  EXPECT_EQ(get("/c/call").status, 404);
  EXPECT_EQ(get("/m/tok.iso", {}, false).status, 200);
  EXPECT_EQ(get("/p/tree/pool/a.deb", {}, false).status, 200) << "BMCs and hosts may share a network";
}

TEST_F(PackagesTest, ReadsOfThemAreASignOfLife) {
  order(wire::LAUNCHED);
  get("/p/tree/pool/a.deb");
  const auto events = told(core_.on_sent(7, 10, at(3)));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].reads().token(), "tok");
  EXPECT_EQ(events[0].reads().package_bytes(), 10U);
  EXPECT_EQ(events[0].reads().bytes_covered(), 0U) << "that is of the medium";
  order(wire::DEAD);
  EXPECT_FALSE(core_.may_continue(7)) << "it ends with the medium";
}

TEST_F(PackagesTest, OneTreeServesAllMountsOfAnImage) {
  order(wire::LAUNCHED);
  order(wire::LAUNCHED, "other", "other-tree");
  order(wire::LAUNCHED);
  EXPECT_EQ(opened_, 1);
  EXPECT_EQ(header(get("/p/tree/pool/a.deb"), "ETag"), header(get("/p/other-tree/pool/a.deb"), "ETag"));
}

TEST_F(PackagesTest, WhatCannotBeReadIsRefusedWithTheReason) {
  broken_ = true;
  const auto events = told(order(wire::CLOSED));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_THAT(events[0].refused().reason(), testing::HasSubstr("package tree"));
  EXPECT_FALSE(events[0].refused().temporary());
  broken_ = false;
  EXPECT_TRUE(told(order(wire::LAUNCHED)).empty());
  EXPECT_EQ(get("/p/tree/pool/a.deb").status, 200) << "another order may succeed";
}

}  // namespace
}  // namespace metalmesh::media
