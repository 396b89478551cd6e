// What the tests of MediaCore share: one mount of an image of a million bytes, with a guarded range and a
// placeholder, its orders, its readers, and what comes out. Time is handed in.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "agents/media/media_core.h"

namespace metalmesh::media::test {

inline constexpr std::uint64_t size = 1'000'000;
inline constexpr char plain_range[] = "bytes=0-2047";
inline constexpr char guarded_range[] = "bytes=204800-204801";

class MediaCoreTest : public testing::Test {
 protected:
  static Now at(int second) { return {MonoTime(std::chrono::seconds(second)), {}, {}}; }

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
  /// What is put down for a life to come.
  static std::vector<KeepReads> kept(const MediaOutcome& out) {
    std::vector<KeepReads> found;
    for (const auto& effect : out.effects) {
      if (const auto* reads = std::get_if<KeepReads>(&effect)) found.push_back(*reads);
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

}  // namespace metalmesh::media::test
