// The link between agent and media server, with an agent or a server that misbehaves on the other end.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/media/link_frames.h"
#include "agents/media/server/agent_door.h"
#include "agents/media/server/media_client.h"
#include "agents/media/server/unix_socket.h"
#include "tests/contract/media/media_bench.h"

namespace metalmesh::media {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// A media server that only remembers its orders, as events.
class Orders final : public MediaLink {
 public:
  void send(MediaSend message) override {
    wire::MediaEvent event;
    event.mutable_callback()->set_token(message.command.ShortDebugString());
    seen.deliver(MediaReported{std::move(event)});
  }
  bool came(const std::string& text) {
    return seen
        .wait<bool>([&](const Input& input) -> std::optional<bool> {
          const auto* reported = std::get_if<MediaReported>(&input);
          if (reported->event.callback().token().find(text) == std::string::npos) return std::nullopt;
          return true;
        })
        .has_value();
  }
  test::WaitingSink seen;
};

class MediaLinkTest : public testing::Test {
 protected:
  void SetUp() override { open_door(); }
  void TearDown() override {
    if (door_) door_->close();
  }
  void open_door() {
    auto door = AgentDoor::open(folder_, log_);
    ASSERT_TRUE(door.has_value()) << door.error().message;
    door_ = std::move(*door);
    wire::MediaEvent up;
    up.mutable_up()->set_address("127.0.0.1:1");
    door_->deliver(MediaReported{up});
    door_->serve(orders_);
  }
  static wire::MediaCommand forget(const std::string& token) {
    wire::MediaCommand command;
    command.set_forget(token);
    return command;
  }
  /// What a raw peer reads until the other side closes.
  static std::string rest(int socket) {
    std::string all;
    char byte = 0;
    for (;;) {
      const auto got = ::recv(socket, &byte, 1, 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) return all;
      if (got > 0) all += byte;
    }
  }

  test::ScratchFolder scratch_;
  // Deeper than a socket's address is long.
  std::string folder_ = scratch_ / (std::string(60, 'd') + "/" + std::string(60, 'e'));
  test::WaitingSink sink_;
  test::QuietLog log_;
  Orders orders_;
  std::unique_ptr<AgentDoor> door_;
};

TEST_F(MediaLinkTest, IsForTheOwnerOnly) {
  struct stat about{};
  ASSERT_EQ(::stat((folder_ + "/media.sock").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST_F(MediaLinkTest, ServesAFolderOnce) {
  const auto second = AgentDoor::open(folder_, log_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::conflict);
}

TEST_F(MediaLinkTest, AnAgentMayComeFirst) {
  door_->close();
  door_.reset();
  const MediaClient agent(folder_, sink_, log_);
  open_door();
  EXPECT_TRUE(sink_.media(wire::MediaEvent::kUp).has_value());
}

TEST_F(MediaLinkTest, FindsADoorThatWasOpenedAgain) {
  MediaClient agent(folder_, sink_, log_);
  ASSERT_TRUE(sink_.media(wire::MediaEvent::kUp).has_value());
  door_->close();
  door_.reset();
  sink_.clear();
  open_door();
  ASSERT_TRUE(sink_.media(wire::MediaEvent::kUp, 1s).has_value()) << "within a second";
  agent.send({forget("after")});
  EXPECT_TRUE(orders_.came("after"));
}

TEST_F(MediaLinkTest, WhatADeadAgentWroteStillCounts) {
  {
    const auto socket = connect_in(folder_, agent_door_name);
    ASSERT_TRUE(socket.has_value());
    const std::string frame = *make_frame(forget("last words").SerializeAsString());
    ASSERT_EQ(::send(socket->get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  }
  EXPECT_TRUE(orders_.came("last words"));
  EXPECT_TRUE(orders_.came("agent_gone"));
}

TEST_F(MediaLinkTest, CutsOffAPeerThatTalksNonsense) {
  const auto socket = connect_in(folder_, agent_door_name);
  ASSERT_TRUE(socket.has_value());
  const std::string nonsense(8, '\xff');
  ASSERT_EQ(::send(socket->get(), nonsense.data(), nonsense.size(), 0), 8);
  rest(socket->get());  // returns because the door closed it
  const MediaClient agent(folder_, sink_, log_);
  EXPECT_TRUE(sink_.media(wire::MediaEvent::kUp).has_value()) << "the next one is welcome";
}

TEST_F(MediaLinkTest, TheLaterAgentCounts) {
  const auto earlier = connect_in(folder_, agent_door_name);
  ASSERT_TRUE(earlier.has_value());
  MediaClient agent(folder_, sink_, log_);
  ASSERT_TRUE(sink_.media(wire::MediaEvent::kUp).has_value());
  rest(earlier->get());
  agent.send({forget("of the later")});
  EXPECT_TRUE(orders_.came("of the later"));
}

}  // namespace
}  // namespace metalmesh::media
