#include "common/adapters/tcp_prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "tests/contract/support/collecting_sink.h"
#include "tests/contract/support/few_descriptors.h"
#include "tests/contract/support/greeter.h"

namespace metalmesh::adapters {
namespace {

using contract::CollectingSink;
using contract::Greeter;
using testing::HasSubstr;
using namespace std::chrono_literals;

class TcpProberTest : public testing::Test {
 protected:
  ProbeAnswered ask(ProbeStart start) {
    start.id = "p" + std::to_string(++last_id_);
    prober_->probe(start);
    const auto answer = sink_.next<ProbeAnswered>([&](const auto& found) { return found.id == start.id; });
    EXPECT_TRUE(answer) << "no answer";
    return answer.value_or(ProbeAnswered{});
  }
  AsioRuntime runtime_;
  CollectingSink sink_;
  std::unique_ptr<TcpProber> prober_ = std::make_unique<TcpProber>(runtime_, sink_);
  int last_id_ = 0;
};

TEST_F(TcpProberTest, tells_open_from_closed) {
  const Greeter silent("");
  EXPECT_TRUE(ask({"", "127.0.0.1", silent.port(), false, 2s}).open);
  EXPECT_TRUE(ask({"", "localhost", silent.port(), false, 2s}).open);
  const auto closed = ask({"", "127.0.0.1", contract::free_port(), false, 2s});
  EXPECT_FALSE(closed.open);
  EXPECT_THAT(closed.detail, HasSubstr("refused"));
  EXPECT_THAT(ask({"", "no-such-host.invalid", 22, false, 5s}).detail, HasSubstr("resolve"));
}

TEST_F(TcpProberTest, reads_the_first_printable_line) {
  const Greeter ssh("SSH-2.0-Open\x01SSH_9.2\r\nmore\r\n");
  const auto answer = ask({"", "127.0.0.1", ssh.port(), true, 2s});
  EXPECT_TRUE(answer.open);
  EXPECT_EQ(answer.detail, "SSH-2.0-OpenSSH_9.2");
  const Greeter endless(std::string(10'000, 'x'));
  EXPECT_EQ(ask({"", "127.0.0.1", endless.port(), true, 2s}).detail, std::string(255, 'x'));
}

TEST_F(TcpProberTest, no_banner_in_time_is_not_open) {
  const Greeter silent("");
  const auto answer = ask({"", "127.0.0.1", silent.port(), true, 150ms});
  EXPECT_FALSE(answer.open);
  EXPECT_THAT(answer.detail, HasSubstr("no banner"));
}

TEST_F(TcpProberTest, without_a_descriptor_it_says_nothing_about_others) {
  const Greeter silent("");
  ASSERT_TRUE(ask({"", "127.0.0.1", silent.port(), false, 2s}).open);
  std::optional<contract::FewDescriptors> none(std::in_place, 0);
  const auto starved = ask({"", "127.0.0.1", silent.port(), false, 300ms});
  EXPECT_FALSE(starved.open);
  EXPECT_THAT(starved.detail, HasSubstr("descriptors and all are in use"));
  prober_->probe({"later", "127.0.0.1", silent.port(), false, 10s});
  std::this_thread::sleep_for(300ms);
  none.reset();
  const auto answer = sink_.next<ProbeAnswered>([](const auto& found) { return found.id == "later"; });
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->open) << answer->detail;
}

TEST_F(TcpProberTest, has_a_bound_and_ends_cleanly) {
  const Greeter silent("");
  for (int i = 0; i < 300; ++i) prober_->probe({std::to_string(i), "127.0.0.1", silent.port(), true, 30s});
  const auto refused = sink_.next<ProbeAnswered>();
  ASSERT_TRUE(refused);
  EXPECT_THAT(refused->detail, HasSubstr("too many"));
  const auto began = std::chrono::steady_clock::now();
  prober_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
  const auto answered = sink_.count<ProbeAnswered>();
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(sink_.count<ProbeAnswered>(), answered);
}

}  // namespace
}  // namespace metalmesh::adapters
