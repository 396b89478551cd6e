// What every implementation of ports/bus promises, run on a world with three clients: `controller`, `berlin`,
// `oslo`. Order and completeness are not among the promises.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/ports/input.h"

namespace metalmesh::contract {

class BusWorld {
 public:
  virtual ~BusWorld() = default;
  /// Starts the client: it connects, subscribed to its own topics.
  virtual void connect(const std::string& client) = 0;
  /// Another client, `twin`, by the client id (and the certificate) of `client`.
  virtual void connect_twin(const std::string& client, const std::string& twin) = 0;
  virtual void publish(const std::string& client, Publish message) = 0;
  virtual std::vector<Input> inputs_of(const std::string& client) = 0;
  /// Lets time pass until `done` holds; false when it does not within a reasonable time.
  virtual bool wait(const std::function<bool()>& done) = 0;
  /// The broker dies without a word and comes back.
  virtual void restart_broker() = 0;
};

struct BusWorldKind {
  std::string name;
  std::function<std::unique_ptr<BusWorld>()> make;
};
inline void PrintTo(const BusWorldKind& kind, std::ostream* out) { *out << kind.name; }

class BusContract : public testing::TestWithParam<BusWorldKind> {
 protected:
  void SetUp() override {
    world_ = GetParam().make();
    ASSERT_NE(world_, nullptr) << "the world could not be built";
  }
  template <class T>
  std::size_t count(const std::string& client) {
    std::size_t found = 0;
    for (const Input& input : world_->inputs_of(client)) found += std::holds_alternative<T>(input) ? 1 : 0;
    return found;
  }
  bool has(const std::string& client, const MessageArrived& wanted) {
    for (const Input& input : world_->inputs_of(client)) {
      if (const auto* message = std::get_if<MessageArrived>(&input); message != nullptr && *message == wanted)
        return true;
    }
    return false;
  }
  bool all_up() {
    for (const char* client : {"controller", "berlin", "oslo"}) world_->connect(client);
    return world_->wait([&] {
      return count<BusUp>("controller") > 0 && count<BusUp>("berlin") > 0 && count<BusUp>("oslo") > 0;
    });
  }
  /// Publishes until it arrives: the bus may lose any single message.
  bool gets_through(const std::string& from, const std::string& to, const Publish& message) {
    for (int attempt = 0; attempt < 5; ++attempt) {
      world_->publish(from, message);
      if (world_->wait([&] { return has(to, {message.topic, message.payload}); })) return true;
    }
    return false;
  }

  std::unique_ptr<BusWorld> world_;
};

TEST_P(BusContract, publishing_before_the_bus_is_up_is_harmless) {
  world_->connect("berlin");
  world_->publish("berlin", {"mm/1/berlin/up", "early"});
  EXPECT_TRUE(world_->wait([&] { return count<BusUp>("berlin") == 1; }));
}

TEST_P(BusContract, messages_travel_both_ways_and_unchanged) {
  ASSERT_TRUE(all_up());
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  for (const std::string& payload :
       {std::string("x"), std::string(), every_byte, std::string(64U << 10, 'm')}) {
    EXPECT_TRUE(gets_through("controller", "berlin", {"mm/1/berlin/down", payload}))
        << payload.size() << " bytes";
    EXPECT_TRUE(gets_through("berlin", "controller", {"mm/1/berlin/up", payload}))
        << payload.size() << " bytes";
  }
}

TEST_P(BusContract, a_site_hears_its_own_topic_only_and_the_controller_all_sites) {
  ASSERT_TRUE(all_up());
  EXPECT_TRUE(gets_through("oslo", "controller", {"mm/1/oslo/up", "from oslo"}));
  EXPECT_TRUE(gets_through("berlin", "controller", {"mm/1/berlin/up", "from berlin"}));
  EXPECT_TRUE(gets_through("controller", "oslo", {"mm/1/oslo/down", "for oslo"}));
  EXPECT_EQ(count<MessageArrived>("berlin"), 0U);
}

TEST_P(BusContract, the_first_word_is_up_and_messages_come_only_while_up) {
  ASSERT_TRUE(all_up());
  ASSERT_TRUE(gets_through("controller", "berlin", {"mm/1/berlin/down", "1"}));
  world_->restart_broker();
  ASSERT_TRUE(world_->wait([&] { return count<BusUp>("berlin") >= 2 && count<BusUp>("controller") >= 2; }));
  ASSERT_TRUE(gets_through("controller", "berlin", {"mm/1/berlin/down", "2"}));
  bool up = false;
  for (const Input& input : world_->inputs_of("berlin")) {
    if (std::holds_alternative<BusUp>(input)) {
      EXPECT_FALSE(up) << "two BusUp without a BusDown between them";
      up = true;
    } else if (const auto* down = std::get_if<BusDown>(&input)) {
      EXPECT_FALSE(down->reason.empty());
      up = false;
    } else {
      EXPECT_TRUE(up) << "a message while the bus is down";
    }
  }
}

TEST_P(BusContract, a_burst_beyond_every_window_gets_through_on_a_calm_day) {
  ASSERT_TRUE(all_up());
  for (int i = 0; i < 200; ++i) world_->publish("berlin", {"mm/1/berlin/up", std::to_string(i)});
  EXPECT_TRUE(world_->wait([&] { return count<MessageArrived>("controller") >= 200; }))
      << count<MessageArrived>("controller") << " arrived";
}

/// Two agents of one identity: the broker lets only the newest connection of a client id be.
TEST_P(BusContract, a_second_client_with_the_same_id_takes_the_connection_over) {
  ASSERT_TRUE(all_up());
  world_->connect_twin("berlin", "berlin-twin");
  ASSERT_TRUE(world_->wait([&] { return count<BusUp>("berlin-twin") > 0 && count<BusDown>("berlin") > 0; }));
  // The first one comes back, and throws the second off in turn.
  ASSERT_TRUE(world_->wait([&] { return count<BusUp>("berlin") > 1 && count<BusDown>("berlin-twin") > 0; }));
  for (const char* client : {"berlin", "berlin-twin"}) {
    bool up = false;
    for (const Input& input : world_->inputs_of(client)) {
      if (std::holds_alternative<BusUp>(input)) {
        EXPECT_FALSE(up) << "two BusUp without a BusDown between them";
        up = true;
      } else if (const auto* down = std::get_if<BusDown>(&input)) {
        EXPECT_FALSE(down->reason.empty());
        up = false;
      }
    }
  }
  EXPECT_EQ(count<BusDown>("oslo"), 0U) << "who is somebody else is left alone";
}

}  // namespace metalmesh::contract
