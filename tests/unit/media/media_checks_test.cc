// Installers that show their machine, and wait for a go; callbacks that must show a key.
#include <gmock/gmock.h>

#include "common/base/digest.h"
#include "tests/unit/media/media_core_bench.h"

namespace metalmesh::media {
namespace {

class MediaChecksTest : public test::MediaCoreTest {
 protected:
  MediaOutcome mount(wire::MountState state, const std::string& key = "") {
    wire::MediaCommand command;
    wire::Mount& mount = *command.mutable_mount();
    mount.set_token("tok");
    mount.set_deployment_id("dep");
    mount.set_state(state);
    mount.set_callback_token("call");
    mount.set_check_token("check");
    if (!key.empty()) mount.set_caller_key_sha256(to_hex(sha256(key)));
    mount.mutable_image()->set_size(test::size);
    mount.mutable_image()->set_path("/images/base.iso");
    return core_.on_command(command, at(0));
  }
  MediaOutcome show(const std::string& body, ConnId conn = 70, const std::string& method = "POST") {
    return core_.on_request({conn, method, "/v/check", {}, body, "10.0.0.8"}, at(0));
  }
  MediaOutcome answer(const std::string& body, bool go) {
    wire::MediaCommand command;
    wire::InstallerAnswer& said = *command.mutable_answer();
    said.set_token("tok");
    said.set_body_sha256(to_hex(sha256(body)));
    said.set_go(go);
    said.set_reason("another machine");
    return core_.on_command(command, at(0));
  }
};

TEST_F(MediaChecksTest, AnInstallerWaitsForTheAgentsWord) {
  mount(wire::LAUNCHED);
  all_mounts({"tok"});
  const auto asked = show("uuid=1\n");
  EXPECT_EQ(status(asked), 0) << "it waits";
  ASSERT_EQ(told(asked).size(), 1U);
  EXPECT_EQ(told(asked)[0].asked().body(), "uuid=1\n");
  EXPECT_EQ(told(asked)[0].asked().peer(), "10.0.0.8");
  EXPECT_TRUE(told(show("uuid=1\n", 71)).empty()) << "the same was asked";
  EXPECT_EQ(told(show("uuid=2\n", 72)).size(), 1U);
  const auto went = responses(answer("uuid=1\n", true));
  ASSERT_EQ(went.size(), 2U);
  EXPECT_EQ(went[0].status, 200);
  EXPECT_EQ(went[0].text, "go\n");
  const auto stopped = responses(answer("uuid=2\n", false));
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_EQ(stopped[0].status, 200) << "no is an answer: nobody takes it for silence";
  EXPECT_EQ(stopped[0].text, "no: another machine\n");
}

TEST_F(MediaChecksTest, WhereNobodyDecidesItIsToAskAgainAndWhereItIsDecidedItHears) {
  EXPECT_EQ(status(show("x")), 503) << "the media are not known yet";
  all_mounts({});
  EXPECT_EQ(responses(show("x"))[0].text, "no: its order is over\n");
  for (const auto state : {wire::OPEN, wire::DEAD}) {
    core_ = MediaCore();
    mount(state);
    EXPECT_EQ(status(show("x")), 200) << "no installer is to run";
  }
  core_ = MediaCore();
  mount(wire::LAUNCHED);
  EXPECT_EQ(status(show("x", 70, "GET")), 405);
  EXPECT_EQ(status(show(std::string(5000, 'x'))), 413);
  show("x");
  EXPECT_EQ(status(core_.on_tick(at(11))), 503);
  show("x");
  EXPECT_EQ(status(agent_gone()), 503);
  EXPECT_EQ(status(show("x")), 503) << "without an agent";
  all_mounts({"tok"});
  show("x");
  core_.on_closed(70);
  EXPECT_TRUE(responses(answer("x", true)).empty());
}

TEST_F(MediaChecksTest, AnAnswerThatWasLostIsGivenAgainWhileTheAgentIsAway) {
  mount(wire::LAUNCHED);
  all_mounts({"tok"});
  show("another machine");
  show("the machine", 71);
  answer("another machine", false);
  answer("the machine", true);
  agent_gone();
  const auto refused = responses(show("another machine", 72));
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].text, "no: another machine\n")
      << "where it may go on unheard, it would take silence for a go";
  EXPECT_EQ(responses(show("the machine", 73))[0].text, "go\n");
  EXPECT_EQ(status(show("a third one", 74)), 503);
  mount(wire::DEAD);
  EXPECT_EQ(responses(show("the machine", 75))[0].text, "no: no installer of its order is to run\n");
}

TEST_F(MediaChecksTest, ACallMustShowTheKeyThatTheInstallerDrew) {
  mount(wire::LAUNCHED, "k3y");
  EXPECT_EQ(status(call("POST", "booted")), 403);
  const auto stolen = call("POST", "booted other", 51);
  EXPECT_EQ(status(stolen), 403);
  EXPECT_EQ(status(call("POST", "booted k3y", 52)), 0) << "it is on its way to the agent";
  mount(wire::LAUNCHED);
  EXPECT_EQ(status(call("POST", "booted", 53)), 0) << "nobody drew one";
}

}  // namespace
}  // namespace metalmesh::media
