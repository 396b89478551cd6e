// What every media server promises behind ports/media_link: to its agent, which comes and goes, and to those who read.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::contract {

class MediaWorld {
 public:
  struct Got {
    int status = 0;  // 0: cut off, or nobody there
    std::string bytes;
  };
  virtual ~MediaWorld() = default;
  virtual wire::ImageFacts facts() = 0;
  virtual void send(wire::MediaCommand command) = 0;
  /// To the agent's present life.
  virtual std::vector<wire::MediaEvent> told() = 0;
  /// Begins to read, or to call; `got` is its end.
  virtual std::size_t read(const std::string& path, std::uint64_t offset, std::uint64_t length) = 0;
  virtual std::size_t call(const std::string& path) = 0;
  virtual std::optional<Got> got(std::size_t request) = 0;
  virtual bool wait(const std::function<bool()>& done) = 0;
  virtual void pass(Duration time) = 0;
  virtual void agent_ends() = 0;
  virtual void agent_comes() = 0;
  virtual void server_ends() = 0;
  virtual void server_comes() = 0;
};

struct MediaWorldKind {
  std::string name;
  std::function<std::unique_ptr<MediaWorld>()> make;
};
inline void PrintTo(const MediaWorldKind& kind, std::ostream* out) { *out << kind.name; }

using namespace std::chrono_literals;
using Event = wire::MediaEvent;

class MediaContract : public testing::TestWithParam<MediaWorldKind> {
 protected:
  void SetUp() override {
    world_ = GetParam().make();
    ASSERT_TRUE(world_->wait([&] { return count(Event::kUp) == 1; })) << "nobody introduced himself";
  }
  std::size_t count(Event::BodyCase kind) {
    std::size_t found = 0;
    for (const Event& event : world_->told()) found += event.body_case() == kind ? 1 : 0;
    return found;
  }
  void send_mount(const std::string& token, wire::MountState state) {
    wire::MediaCommand command;
    wire::Mount& mount = *command.mutable_mount();
    mount.set_token(token);
    mount.set_deployment_id("d-" + token);
    *mount.mutable_image() = world_->facts();
    mount.set_answer(answer);
    mount.set_state(state);
    mount.set_callback_token("call-" + token);
    world_->send(command);
  }
  void send_all(const std::vector<std::string>& tokens) {
    wire::MediaCommand command;
    command.mutable_all()->mutable_tokens()->Assign(tokens.begin(), tokens.end());
    world_->send(command);
  }
  /// Orders are carried out in sequence: who complains about this one has done the others.
  void settle() {
    const std::string strange = "nothing-" + std::to_string(++settled_);
    wire::MediaCommand command;
    command.mutable_mount()->set_token(strange);
    world_->send(command);
    ASSERT_TRUE(world_->wait([&] {
      for (const Event& event : world_->told()) {
        if (event.refused().token() == strange) return true;
      }
      return false;
    }));
  }
  /// The only mount, as the agent tells it after a greeting.
  void mount(wire::MountState state) {
    send_mount("tok", state);
    send_all({"tok"});
    settle();
  }
  void verdict(bool granted) {
    wire::MediaCommand command;
    command.mutable_verdict()->set_token("tok");
    command.mutable_verdict()->set_granted(granted);
    world_->send(command);
  }
  std::size_t begin_guarded(const std::string& token = "tok") {
    return world_->read("/m/" + token + ".iso", world_->facts().guarded(0).offset(), 1);
  }
  MediaWorld::Got end_of(std::size_t request) {
    EXPECT_TRUE(world_->wait([&] { return world_->got(request).has_value(); })) << "it was not answered";
    return world_->got(request).value_or(MediaWorld::Got());
  }
  MediaWorld::Got read(std::uint64_t offset, std::uint64_t length, const std::string& token = "tok") {
    return end_of(world_->read("/m/" + token + ".iso", offset, length));
  }
  int guarded(const std::string& token = "tok") { return end_of(begin_guarded(token)).status; }
  int unguarded(const std::string& token = "tok") { return read(0, 2048, token).status; }
  wire::Reads last_reads() {
    wire::Reads last;
    for (const Event& event : world_->told()) {
      if (event.has_reads()) last = event.reads();
    }
    return last;
  }
  void restart_server() {
    world_->server_ends();
    world_->server_comes();
  }

  static constexpr char answer[] = "hostname=web-01\n";
  std::unique_ptr<MediaWorld> world_;
  int settled_ = 0;
};

TEST_P(MediaContract, closed_may_be_listed_and_not_booted) {
  mount(wire::CLOSED);
  const auto beginning = read(0, 2048);
  EXPECT_EQ(beginning.status, 206);
  EXPECT_EQ(beginning.bytes.size(), 2048U);
  EXPECT_EQ(guarded(), 503);
  EXPECT_EQ(count(Event::kLaunchAsked), 0U);
}

TEST_P(MediaContract, the_first_guarded_reads_wait_and_ask_once) {
  mount(wire::OPEN);
  const std::size_t first = begin_guarded();
  const std::size_t second = begin_guarded();
  ASSERT_TRUE(world_->wait([&] { return count(Event::kLaunchAsked) > 0; }));
  world_->pass(300ms);
  EXPECT_FALSE(world_->got(first) || world_->got(second)) << "a byte before the verdict";
  EXPECT_EQ(count(Event::kLaunchAsked), 1U);
  verdict(true);
  EXPECT_EQ(end_of(first).status, 206);
  EXPECT_EQ(end_of(second).status, 206);
  EXPECT_EQ(guarded(), 206);
  EXPECT_EQ(count(Event::kLaunchAsked), 1U);
}

TEST_P(MediaContract, a_refused_launch_is_asked_for_again_by_the_next_read) {
  mount(wire::OPEN);
  const std::size_t first = begin_guarded();
  ASSERT_TRUE(world_->wait([&] { return count(Event::kLaunchAsked) == 1; }));
  verdict(false);
  EXPECT_EQ(end_of(first).status, 503);
  begin_guarded();
  EXPECT_TRUE(world_->wait([&] { return count(Event::kLaunchAsked) == 2; }));
}

TEST_P(MediaContract, dead_is_dead) {
  mount(wire::LAUNCHED);
  EXPECT_EQ(guarded(), 206);
  mount(wire::DEAD);
  EXPECT_EQ(unguarded(), 410);
  mount(wire::LAUNCHED);
  EXPECT_EQ(unguarded(), 410);
}

TEST_P(MediaContract, what_is_not_mounted_is_early_before_all_are_named_and_unknown_afterwards) {
  EXPECT_EQ(unguarded("other"), 503);
  send_mount("tok", wire::CLOSED);
  send_mount("other", wire::CLOSED);
  send_all({"tok", "other"});
  settle();
  EXPECT_EQ(unguarded("other"), 206);
  EXPECT_EQ(unguarded("third"), 404);
  wire::MediaCommand command;
  command.set_forget("other");
  world_->send(command);
  settle();
  EXPECT_EQ(unguarded("other"), 404);
  send_all({});
  settle();
  EXPECT_EQ(unguarded(), 404) << "what is not named any more is of an earlier life";
}

TEST_P(MediaContract, the_answer_stands_in_its_place) {
  mount(wire::LAUNCHED);
  const wire::ByteRange place = world_->facts().placeholder();
  const std::string bytes = read(place.offset(), place.length()).bytes;
  ASSERT_EQ(bytes.size(), place.length());
  EXPECT_THAT(bytes, testing::StartsWith(answer));
  EXPECT_EQ(bytes.find_first_not_of('\n', sizeof answer - 1), std::string::npos);
}

TEST_P(MediaContract, what_is_read_is_told_and_the_same_twice_covers_no_more) {
  mount(wire::LAUNCHED);
  constexpr std::uint64_t part = 64 << 10;
  EXPECT_EQ(read(0, part).status, 206);
  ASSERT_TRUE(world_->wait([&] { return last_reads().bytes_served() == part; }));
  const wire::Reads once = last_reads();
  EXPECT_EQ(once.token(), "tok");
  EXPECT_EQ(once.size(), world_->facts().size());
  EXPECT_FALSE(once.peer().empty());
  EXPECT_EQ(once.bytes_covered(), part);
  EXPECT_EQ(read(0, part).status, 206);
  ASSERT_TRUE(world_->wait([&] { return last_reads().bytes_served() == 2 * part; }));
  EXPECT_EQ(last_reads().bytes_covered(), part);
}

TEST_P(MediaContract, readers_outlive_the_agent_and_launches_wait_for_it) {
  send_mount("tok", wire::LAUNCHED);
  send_mount("next", wire::OPEN);
  send_all({"tok", "next"});
  settle();
  world_->agent_ends();
  EXPECT_EQ(guarded(), 206);
  const std::size_t waits = begin_guarded("next");
  world_->pass(500ms);
  EXPECT_FALSE(world_->got(waits)) << "nobody may launch it";
  world_->agent_comes();
  ASSERT_TRUE(world_->wait([&] { return count(Event::kUp) == 1; })) << "each life of the agent is greeted";
  send_mount("tok", wire::LAUNCHED);
  send_mount("next", wire::OPEN);
  send_all({"tok", "next"});
  ASSERT_TRUE(world_->wait([&] { return count(Event::kLaunchAsked) == 1; }));
  wire::MediaCommand command;
  command.mutable_verdict()->set_token("next");
  command.mutable_verdict()->set_granted(true);
  world_->send(command);
  EXPECT_EQ(end_of(waits).status, 206);
}

TEST_P(MediaContract, a_server_that_comes_again_introduces_itself_and_is_told_everything_anew) {
  mount(wire::CLOSED);
  restart_server();
  ASSERT_TRUE(world_->wait([&] { return count(Event::kUp) == 2; }));
  EXPECT_EQ(unguarded(), 503) << "not yet known";
  mount(wire::CLOSED);
  EXPECT_EQ(unguarded(), 206);
}

TEST_P(MediaContract, what_is_sent_while_the_server_is_away_is_lost) {
  world_->server_ends();
  world_->pass(300ms);
  send_mount("tok", wire::CLOSED);
  world_->server_comes();
  ASSERT_TRUE(world_->wait([&] { return count(Event::kUp) == 2; }));
  send_all({"tok"});
  settle();
  EXPECT_EQ(unguarded(), 404);
}

TEST_P(MediaContract, a_launched_medium_is_served_on_by_the_next_server_without_the_agent_and_no_other) {
  send_mount("tok", wire::OPEN);
  send_mount("closed", wire::CLOSED);
  send_mount("dead", wire::LAUNCHED);
  send_mount("dead", wire::DEAD);
  send_mount("open", wire::OPEN);
  send_all({"tok", "closed", "dead", "open"});
  settle();
  const std::size_t first = begin_guarded();
  ASSERT_TRUE(world_->wait([&] { return count(Event::kLaunchAsked) == 1; }));
  verdict(true);
  EXPECT_EQ(end_of(first).status, 206);
  world_->agent_ends();
  restart_server();
  ASSERT_TRUE(world_->wait([&] { return guarded() == 206; }));
  for (const char* other : {"closed", "dead", "open"}) EXPECT_EQ(guarded(other), 503) << other;
}

TEST_P(MediaContract, a_server_that_comes_again_goes_on_counting_what_a_launched_installer_read) {
  mount(wire::LAUNCHED);
  constexpr std::uint64_t part = 64 << 10;
  for (const std::uint64_t at : {std::uint64_t{0}, part, 2 * part}) EXPECT_EQ(read(at, part).status, 206);
  ASSERT_TRUE(world_->wait([&] { return last_reads().bytes_covered() == 3 * part; }));
  world_->pass(1500ms);
  restart_server();
  ASSERT_TRUE(world_->wait([&] { return count(Event::kUp) == 2; }));
  mount(wire::LAUNCHED);
  EXPECT_EQ(read(2 * part, part).status, 206);
  ASSERT_TRUE(world_->wait([&] { return last_reads().bytes_served() == 4 * part; }));
  EXPECT_EQ(last_reads().bytes_covered(), 3 * part);
}

TEST_P(MediaContract, a_caller_is_answered_when_the_agent_has_taken_the_call) {
  mount(wire::LAUNCHED);
  const std::size_t caller = world_->call("/c/call-tok");
  ASSERT_TRUE(world_->wait([&] { return count(Event::kCallback) == 1; }));
  world_->pass(200ms);
  EXPECT_FALSE(world_->got(caller));
  wire::MediaCommand command;
  command.set_callback_taken("tok");
  world_->send(command);
  EXPECT_EQ(end_of(caller).status, 204);
  EXPECT_EQ(end_of(world_->call("/c/of-nobody")).status, 404);
}

}  // namespace metalmesh::contract
