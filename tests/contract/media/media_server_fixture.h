// The media server as BMCs see it: curl over TLS is the reader, the test is the agent, and the real link is
// between them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agents/media/image_probe.h"
#include "agents/media/server/agent_door.h"
#include "agents/media/server/file_reader.h"
#include "agents/media/server/media_client.h"
#include "agents/media/server/media_server.h"
#include "tests/contract/media/media_bench.h"

namespace metalmesh::media {

class MediaServerTest : public testing::TestWithParam<bool> {  // TLS or plain
 protected:
  void SetUp() override {
    test::make_certificate(folder_);
    base_path_ = test::installer_iso();
    base_ = test::read_file(base_path_);
    auto reader = FileReader::open(base_path_);
    ASSERT_TRUE(reader.has_value());
    auto facts = probe_image(*reader);
    ASSERT_TRUE(facts.has_value()) << facts.error().message;
    facts_ = *facts;
    facts_.set_path(base_path_);
    MediaServerOptions options;
    options.listen = "127.0.0.1:0";
    options.tls = GetParam();
    options.certificate = folder_ / "cert.pem";
    options.key = folder_ / "key.pem";
    options.bandwidth = bandwidth();
    auto door = AgentDoor::open(folder_ / "data", log_);
    ASSERT_TRUE(door.has_value()) << door.error().message;
    door_ = std::move(*door);
    auto server = MediaServer::start(options, *door_, log_);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
    door_->serve(*server_);
    agent_comes();
  }
  [[nodiscard]] virtual std::uint64_t bandwidth() const { return 0; }
  void TearDown() override {
    agent_.reset();
    if (door_) door_->close();
  }

  void agent_comes() {
    sink_.clear();
    agent_ = std::make_unique<MediaClient>(folder_ / "data", sink_, log_);
    ASSERT_TRUE(sink_.media(wire::MediaEvent::kUp).has_value());
  }
  void all_mounts(const std::vector<std::string>& tokens) {
    wire::MediaCommand command;
    command.mutable_all()->mutable_tokens()->Assign(tokens.begin(), tokens.end());
    agent_->send({command});
  }

  void mount(wire::MountState state) {
    wire::MediaCommand command;
    auto& mount = *command.mutable_mount();
    mount.set_token("tok");
    mount.set_deployment_id("dep");
    *mount.mutable_image() = facts_;
    mount.set_answer(answer_);
    mount.set_state(state);
    mount.set_callback_token("call");
    agent_->send({command});
    all_mounts({"tok"});
    settle();
  }
  /// Orders travel in sequence: once the server complains about this one, the earlier ones are carried out.
  void settle() {
    const std::string strange = "nothing-" + std::to_string(++settled_);
    wire::MediaCommand command;
    command.mutable_mount()->set_token(strange);
    agent_->send({command});
    const auto refused = sink_.wait<bool>([&](const Input& input) -> std::optional<bool> {
      const auto* reported = std::get_if<MediaReported>(&input);
      if (reported == nullptr || reported->event.refused().token() != strange) return std::nullopt;
      return true;
    });
    ASSERT_TRUE(refused.has_value());
  }
  void verdict(bool granted) {
    wire::MediaCommand command;
    command.mutable_verdict()->set_token("tok");
    command.mutable_verdict()->set_granted(granted);
    agent_->send({command});
  }
  [[nodiscard]] std::string url(const std::string& path = "/m/tok.iso") const {
    return (GetParam() ? "https://" : "http://") + server_->address() + path;
  }
  [[nodiscard]] test::Ran curl(const std::string& arguments) const {
    return test::run("curl -sS --max-time 60 --cacert " + (folder_ / "cert.pem") + " " + arguments);
  }
  [[nodiscard]] std::string status(const std::string& range) const {
    return curl("-o /dev/null -w '%{http_code}' " + (range.empty() ? range : "-r " + range + " ") + url())
        .output;
  }
  [[nodiscard]] std::string kernel_range() const {
    const auto at = std::to_string(facts_.guarded(0).offset());
    return at + "-" + at;
  }
  [[nodiscard]] std::string patched() const {
    std::string bytes = base_;
    std::string padded = answer_;
    padded.resize(facts_.placeholder().length(), '\n');
    return bytes.replace(facts_.placeholder().offset(), padded.size(), padded);
  }

  test::ScratchFolder folder_;
  test::WaitingSink sink_;
  test::QuietLog log_;
  std::string base_path_;
  std::string base_;
  std::string answer_ = "hostname=web-01\naddress=10.0.0.7\n";
  wire::ImageFacts facts_;
  std::unique_ptr<AgentDoor> door_;
  std::unique_ptr<MediaServer> server_;
  std::unique_ptr<MediaClient> agent_;
  int settled_ = 0;
};

constexpr auto tls_or_plain = [](const auto& with) { return with.param ? "Tls" : "Plain"; };

}  // namespace metalmesh::media
