// One change of power, its machine, a simulated BMC (tests/bmcsim/model) and virtual time. A crash replaces the machine by
// a new one that knows only the committed row. Promises are checked at every changing call.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/power/power_kind.h"
#include "common/ports/wire_time.h"
#include "tests/bmcsim/model/bmc_model.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::power {

using namespace std::chrono_literals;

class PowerWorld {
 public:
  explicit PowerWorld(wire::Power::Change change, bool on = false)
      : bmc([&] {
          bmcsim::BmcOptions options;
          options.uuid = "4c4c4544-0043-4a10-8052-b4c04f4d3232";
          options.serial = "CZ2D4F0A1B";
          options.macs = {"3C:A8:2A:00:00:01"};
          options.disk_has_os = true;
          options.powered_on = on;
          return options;
        }()) {
    wire::Agreed& agreed = *job.mutable_agreed();
    wire::Issue& issue = *job.mutable_issue();
    issue.set_deployment_id("dep1");
    issue.set_generation(1);
    agreed.set_server("r01-u12");
    agreed.mutable_identity()->set_uuid(bmc.options().uuid);
    agreed.mutable_identity()->set_serial(bmc.options().serial);
    agreed.mutable_identity()->add_macs("3ca82a000001");
    agreed.mutable_bmc()->set_address("10.20.0.112");
    agreed.mutable_bmc()->set_credential("bmc");
    agreed.mutable_bmc()->set_tls(wire::BmcTarget::PIN);
    issue.set_bmc_key_sha256("aa11");
    *issue.mutable_start_by() = to_wire(now.wall_low + 1h);
    agreed.mutable_power()->set_change(change);
    agreed.mutable_power()->mutable_within()->set_seconds(300);
    job.set_stage(wire::CONNECT);
    gate.may_arm = gate.vouched = gate.clock_ok = true;
  }

  bmcsim::BmcModel bmc;
  record::Job job;
  work::Gate gate;
  Now now{MonoTime(1h), WallTime(1'000'000s), WallTime(1'000'000s)};
  std::vector<wire::Event> told;
  std::vector<std::string> changes;  // "POST ForceOff", "PATCH {...}" that reached the BMC
  int retries = 0;
  int requests = 0;

  /// Before the n-th changing call (from 1) is served, its row is committed: the agent dies; the BMC did it, or not.
  int crash_at_change = 0;
  int crash_at_request = 0;  // likewise of any request
  bool executed = true;
  /// Before each request is served.
  std::function<void(const HttpRequest&)> on_request;
  /// What the BMC answers becomes this.
  std::function<void(const HttpRequest&, bmcsim::RedfishReply&)> bend;
  /// Each time that virtual time goes on.
  std::function<void()> on_time;

  const wire::Ended& ended() const {
    static const wire::Ended none;
    const auto found = std::ranges::find_if(told, &wire::Event::has_ended);
    return found == told.end() ? none : found->ended();
  }
  [[nodiscard]] int calls() const { return static_cast<int>(changes.size()); }
  [[nodiscard]] std::string evidence() const {
    std::string all;
    for (const std::string& line : ended().evidence()) all += line + "\n";
    return all;
  }
  void give(const work::JobInput& input) { handle(input); }
  void fault(bmcsim::Op op, bmcsim::FaultRule::When when, bmcsim::FaultRule::Action action, int status = 204,
             std::uint32_t times = 1) {
    bmc.add_fault({.op = op, .when = when, .action = action, .status = status, .times = times});
  }

  /// The host's power reads like this in a system's answer: "Off", or null.
  static void show_power(bmcsim::RedfishReply& reply, const std::optional<std::string>& state) {
    bmcsim::edit(reply, [&](boost::json::object& body) {
      if (!body.contains("PowerState")) return;
      if (state)
        body["PowerState"] = *state;
      else
        body["PowerState"] = nullptr;
    });
  }
  static void offer(bmcsim::RedfishReply& reply, std::initializer_list<std::string_view> types) {
    bmcsim::edit(reply, [&](boost::json::object& body) {
      if (!body.contains("PowerState")) return;
      body["Actions"].as_object()["#ComputerSystem.Reset"].as_object()["ResetType@Redfish.AllowableValues"] =
          boost::json::array(types.begin(), types.end());
    });
  }
  /// The agent is away for so long, and forgets what is not committed.
  void away(Duration by) {
    advance(by);
    start();
  }

  void start() {
    record::Job committed;
    committed.ParseFromString(job.SerializeAsString());
    job = committed;
    flight_.reset();
    wake_.reset();
    machine_ = power_kind.make({.job = job, .timeouts = timeouts_, .urls = {}, .seed = ++seed_, .known = {}});
    handle(work::Resume{});
  }
  /// To the end of the job; false when it does not end in a simulated day.
  bool run() {
    if (!machine_) start();
    const MonoTime deadline = now.mono + 24h;
    while (!finished_ && now.mono < deadline) {
      if (flight_) {
        reply();
      } else if (wake_) {
        advance(std::max(*wake_ - now.mono, Duration(1ms)));
        wake_.reset();
        handle(work::PollDue{});
      } else {
        return false;
      }
    }
    return finished_;
  }

 private:
  static bool changes_it(const HttpRequest& request) {
    return request.method == "PATCH" ||
           (request.method == "POST" && request.url.find("/Actions/") != std::string::npos);
  }
  void reply() {
    const HttpRequest request = *flight_;
    if (on_request) on_request(request);
    const bool change = changes_it(request);
    if (change) {
      EXPECT_TRUE(job.armed()) << "a changing call before ARM";
      EXPECT_NE(job.intent(), record::Job::NONE) << "a changing call without an intent";
      EXPECT_FALSE(job.contradicted()) << "a changing call after a contradiction";
      changes.push_back(request.method + " " + request.body);
    }
    if (++requests == crash_at_request || (change && calls() == crash_at_change)) {
      if (executed) serve(request);
      start();
      return;
    }
    flight_.reset();
    advance(50ms);
    auto answer = bmc.options().unreachable ? bmcsim::RedfishReply{.drop = true} : serve(request);
    if (bend) bend(request, answer);
    if (answer.drop) {
      handle(HttpFailed{request.id, HttpFailure::dropped, "no answer"});
      return;
    }
    HttpReplied reply;
    reply.id = request.id;
    reply.status = answer.status;
    reply.headers = answer.headers;
    for (auto& [name, value] : reply.headers)
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    reply.body = answer.body;
    reply.peer_key_sha256 = "aa11";
    handle(reply);
  }
  bmcsim::RedfishReply serve(const HttpRequest& request) {
    bmcsim::RedfishRequest asked{
        request.method, request.url.substr(request.url.find('/', 8)), {}, request.body};
    for (auto [name, value] : request.headers) {
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      asked.headers.emplace_back(name, value);
    }
    const auto fill = [&](std::string_view mark, const std::string& value) {
      if (const auto at = asked.body.find(mark); at != std::string::npos)
        asked.body.replace(at, mark.size(), value);
    };
    fill(credential_user_placeholder, bmc.options().user);
    fill(credential_password_placeholder, bmc.options().password);
    return bmc.handle(asked, now.mono);
  }
  void advance(Duration by) {
    now.mono += by;
    now.wall_low += by;
    now.wall_high += by;
    while (bmc.next_due() && *bmc.next_due() <= now.mono) bmc.advance(now.mono);
    if (on_time) on_time();
  }
  void handle(const work::JobInput& input) {
    work::JobOutcome out = machine_->handle(input, now, gate);
    for (work::JobAction& action : out.actions) {
      if (auto* call = std::get_if<work::CallBmc>(&action)) {
        EXPECT_FALSE(flight_.has_value()) << "two requests in flight";
        flight_ = call->request;
      } else if (auto* wait = std::get_if<work::WaitFor>(&action)) {
        wake_ = now.mono + wait->delay;
      } else if (std::holds_alternative<work::StopWaiting>(action)) {
        wake_.reset();
      } else if (auto* tell = std::get_if<work::Tell>(&action)) {
        told.push_back(tell->event);
      } else if (auto* later = std::get_if<work::RetryLater>(&action)) {
        ++retries;
        again_after_ = later->delay;
      } else if (std::holds_alternative<work::Finish>(action)) {
        finished_ = true;
      }
    }
    if (const auto after = std::exchange(again_after_, std::nullopt)) {
      advance(*after);
      start();
    }
  }

  work::StageTimeouts timeouts_;
  std::unique_ptr<work::Work> machine_;
  std::uint64_t seed_ = 41;
  std::optional<HttpRequest> flight_;
  std::optional<MonoTime> wake_;
  std::optional<Duration> again_after_;
  bool finished_ = false;
};

}  // namespace metalmesh::power
