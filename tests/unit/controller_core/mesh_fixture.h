// One production controller core with an in-memory store, and agents that speak the real protocol (the
// agent's half of delivery/) but do nothing: a test says what they report.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/base/random.h"
#include "common/delivery/blob_transfer.h"
#include "common/delivery/envelope_codec.h"
#include "common/delivery/presence.h"
#include "common/delivery/stream_receiver.h"
#include "common/delivery/stream_sender.h"
#include "common/delivery/topics.h"
#include "common/orders/order_parts.h"
#include "common/ports/memory_rows.h"
#include "common/ports/wire_time.h"
#include "controller/core/controller_core.h"
#include "controller/state/event_log.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::testing {

using namespace metalmesh::controller;  // NOLINT: tests of exactly this room

class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : random_(seed) {}
  std::string bytes(std::size_t count) override {
    std::string out;
    while (out.size() < count) out.push_back(static_cast<char>(random_.next() & 0xff));
    return out;
  }

 private:
  Random random_;
};

/// Signs with a name instead of a key.
class NameSigner final : public Signer {
 public:
  explicit NameSigner(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] SignatureBytes sign(std::string_view kind, std::string_view payload) const override {
    return {sha256(name_).substr(0, 16), sha256(name_ + "|" + std::string(kind), payload)};
  }

 private:
  std::string name_;
};

class NameVerifier final : public Verifier {
 public:
  [[nodiscard]] bool verify(std::string_view signer, std::string_view kind, std::string_view payload,
                            const SignatureBytes& signature) const override {
    return NameSigner(std::string(signer)).sign(kind, payload).bytes == signature.bytes;
  }
};

class Puppet;

class Mesh {
 public:
  Mesh() { start(); }

  void start() {
    core = std::make_unique<ControllerCore>(store, signer, verifier, entropy, limits);
    give(Started{});
    give(BusUp{});
  }
  /// What a crash leaves: the rows.
  void restart() { start(); }

  /// The turn in small: handle, commit, release, committed.
  void give(const Input& input) { release(core->handle(input, now)); }
  OperatorResult ask(decltype(OperatorRequest::body) body, std::string key = {}) {
    Outcome out;
    OperatorResult result = core->operate({actor, std::move(key), std::move(body), token}, now, out);
    release(std::move(out));
    return result;
  }
  /// Fails the test when it is refused.
  Answer must(decltype(OperatorRequest::body) body) {
    auto result = ask(std::move(body));
    if (!result) ADD_FAILURE() << result.error().field << ": " << result.error().message;
    return result ? *result : Answer();
  }
  void pass(Duration time) {
    now.mono += time;
    now.wall_low += time;
    now.wall_high += time;
  }
  /// Lets time go by in ticks, agents saying Hello.
  void run_for(Duration time);

  [[nodiscard]] const MeshState& state() const { return core->state(); }
  /// As it is now, for as long as the test.
  [[nodiscard]] const rest::Server& server(const std::string& name) const {
    return looked_at_.emplace_back(state().servers.at(name));
  }
  [[nodiscard]] const rest::Rollout& rollout(const std::string& name) const {
    return state().rollouts.at(name);
  }
  [[nodiscard]] const rest::Deployment& deployment_of(const std::string& server_name) const {
    return state().deployments.at(server(server_name).status().deployment());
  }
  [[nodiscard]] std::vector<rest::LogEvent> events() const { return read_events(store, 0, 100'000)->events; }
  [[nodiscard]] bool logged(const std::string& part) const {
    for (const auto& event : events()) {
      if (event.message().find(part) != std::string::npos) return true;
    }
    return false;
  }

  // Objects.
  static rest::Site site(const std::string& name);
  static rest::Credential credential(const std::string& name);
  static rest::Server server_object(const std::string& name, const std::string& site, int number);
  static rest::Image image(const std::string& name);
  static rest::Profile profile(const std::string& name);
  static rest::Rollout rollout_object(const std::string& name);
  void apply(Object object) { must(Apply{std::move(object), std::nullopt}); }
  /// A site with a connected agent, credential, image and profile.
  Puppet& bring_up(const std::string& site_name);
  /// Registered, inspected, ready.
  void add_ready(const std::string& name, Puppet& agent, int number);
  /// Planned, confirmed, started.
  void start_rollout(rest::Rollout rollout);
  /// Why a plan over everything leaves `server_name` out; empty if it does not.
  std::string excluded(const std::string& server_name);

  std::string actor = "ann";  // who asks
  std::string token;
  MemoryRows store;
  NameSigner signer{"controller"};
  NameVerifier verifier;
  SeededEntropy entropy{7};
  ControllerLimits limits{.planned_at_once = 1000};  // in one go
  Now now{MonoTime(std::chrono::hours(1)), WallTime(std::chrono::hours(24 * 365 * 50)),
          WallTime(std::chrono::hours(24 * 365 * 50)) + std::chrono::milliseconds(10)};
  std::unique_ptr<ControllerCore> core;
  std::map<std::string, std::unique_ptr<Puppet>> agents;
  std::vector<Publish> published;  // in all

 private:
  void release(Outcome out);
  mutable std::deque<rest::Server> looked_at_;
};

/// An agent that keeps the protocol and nothing else.
class Puppet {
 public:
  Puppet(Mesh& mesh, std::string name, std::string journal);

  void hello();
  void report(wire::Event event);
  void take(const std::string& payload);
  /// Goes on as a new process on the same store.
  void restart(const std::string& incarnation);

  /// Commands taken in so far, in order.
  std::vector<wire::Command> commands;
  std::vector<wire::Data> sent;  // frames, for replays
  wire::Welcome welcome;
  wire::Hello about_controllers;  // whom it follows, as its Hellos say
  bool cut = false;               // neither hears nor speaks
  std::uint64_t epoch = 0;
  std::string ledger;  // how far the controller's was, by its own word
  std::string key = std::string(64, 'a');
  std::map<std::string, std::string> blobs;  // by digest: what it hands out when it is asked
  std::vector<wire::BlobWant> wants;         // all it was asked for
  bool answers_wants = true;

  [[nodiscard]] std::optional<orders::Parts> last_order(const std::string& server) const;
  [[nodiscard]] const wire::CancelOrder* last_cancel(const std::string& server) const;
  [[nodiscard]] int orders() const;
  /// Answers every inspection that was not answered yet.
  void answer_inspections();
  /// An event of the newest order for `server`.
  wire::Event about(const std::string& server) const;
  void accept(const std::string& server);
  void launch(const std::string& server);
  void end(const std::string& server, wire::Ended::Outcome outcome,
           wire::DiskState disk = wire::DISK_NEW_SYSTEM, wire::FaultCode code = wire::FAULT_CODE_UNSPECIFIED);
  void succeed(const std::string& server);
  void stage(const std::string& server, wire::Stage what);
  void answer_cancel(const std::string& server, wire::CancelAnswer::Answer what);

  std::map<std::string, wire::Inspected> bmcs;  // what each server's BMC reports
  MemoryRows store;
  std::string name;
  std::string journal;
  std::unique_ptr<delivery::AgentPresence> presence;
  std::unique_ptr<delivery::StreamSender> up;
  std::unique_ptr<delivery::StreamReceiver> down;

  void publish(const std::string& kind, const google::protobuf::MessageLite& message);

 private:
  void pump();
  Mesh& mesh_;
  std::size_t inspections_seen_ = 0;
};

wire::Inspected bmc_report(int number);

}  // namespace metalmesh::testing
