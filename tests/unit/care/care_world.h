// One doctor or one deed of housekeeping, a simulated BMC (tests/bmcsim/model) and virtual time. A crash replaces the machine
// by a new one that knows only the committed row.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/care/doctor.h"
#include "agents/care/housekeeping.h"
#include "common/ports/wire_time.h"
#include "tests/bmcsim/model/bmc_model.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::care {

using namespace std::chrono_literals;

class CareWorld {
 public:
  explicit CareWorld(bool on = false) : bmc(options(on)) {
    wire::Agreed& agreed = *job.mutable_agreed();
    wire::Issue& issue = *job.mutable_issue();
    issue.set_deployment_id("dep1");
    agreed.set_server("r01-u12");
    agreed.mutable_identity()->set_uuid(bmc.options().uuid);
    agreed.mutable_identity()->set_serial(bmc.options().serial);
    agreed.mutable_bmc()->set_address("192.0.2.7");
    agreed.mutable_bmc()->set_credential("bmc");
    agreed.mutable_bmc()->set_tls(wire::BmcTarget::PIN);
    issue.set_bmc_key_sha256("aa11");
    *issue.mutable_start_by() = to_wire(now.wall_low + 1h);
    agreed.mutable_doctor();
    job.set_stage(wire::CONNECT);
    gate.may_arm = gate.vouched = gate.clock_ok = true;
  }
  void order(wire::Housekeeping::Deed deed, bool all = false) {
    job.mutable_agreed()->mutable_housekeeping()->set_deed(deed);
    job.mutable_agreed()->mutable_housekeeping()->set_all(all);
    job.mutable_issue()->set_generation(1);
  }

  bmcsim::BmcModel bmc;
  record::Job job;
  work::Gate gate;
  Now now{MonoTime(1h), WallTime(1'790'000'000s), WallTime(1'790'000'000s)};
  std::string media_base = "https://192.0.2.5:8443";
  std::string media_ca = "-----BEGIN CERTIFICATE-----\nTUlJQ291cnM=\n-----END CERTIFICATE-----\n";
  std::string beside;  // the deployment that is at work on it
  std::vector<wire::Event> told;
  std::vector<std::string> changes;  // "DELETE /redfish/..." that reached the BMC, but for logins and logouts
  std::optional<HttpFailure> every_request;  // ends like this
  std::string failure_detail;
  int crash_at_change =
      0;                 // before the n-th one (from 1) is answered its row is committed, and the agent dies
  bool executed = true;  // and the BMC had done it
  std::function<void()> before_change;

  [[nodiscard]] const wire::Ended& ended() const {
    static const wire::Ended none;
    const auto found = std::ranges::find_if(told, &wire::Event::has_ended);
    return found == told.end() ? none : found->ended();
  }
  [[nodiscard]] const wire::Finding* finding(std::string_view check) const {
    const auto found = std::ranges::find(ended().findings(), check, &wire::Finding::check);
    return found == ended().findings().end() ? nullptr : &*found;
  }
  /// What is wrong, check by check: "clock jobs".
  [[nodiscard]] std::string wrong() const {
    std::string out;
    for (const wire::Finding& one : ended().findings())
      if (one.verdict() == wire::Finding::WRONG) out += (out.empty() ? "" : " ") + one.check();
    return out;
  }

  void give(const work::JobInput& input) { handle(input); }
  void start() {
    record::Job committed;
    committed.ParseFromString(job.SerializeAsString());
    job = committed;
    flight_.reset();
    wake_.reset();
    const work::Kind& kind = job.agreed().has_doctor() ? doctor_kind : housekeeping_kind;
    machine_ = kind.make({.job = job,
                          .timeouts = timeouts_,
                          .urls = {.medium = {}, .second = {}, .base = media_base, .ca = media_ca},
                          .seed = ++seed_,
                          .known = {},
                          .beside = beside});
    handle(work::Resume{});
  }
  /// To the end of the job; false when it does not end in a simulated day.
  bool run() {
    start();
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
  static bmcsim::BmcOptions options(bool on) {
    bmcsim::BmcOptions options;
    options.uuid = "4c4c4544-0043-4a10-8052-b4c04f4d3232";
    options.serial = "CZ2D4F0A1B";
    options.macs = {"3C:A8:2A:00:00:01"};
    options.powered_on = on;
    return options;
  }
  static bool changes_it(const HttpRequest& request) {
    const bool of_session = request.url.find("/Sessions") != std::string::npos;
    return request.method != "GET" && !(of_session && request.url.find("/left") == std::string::npos);
  }
  void reply() {
    const HttpRequest request = *flight_;
    const bool change = changes_it(request);
    if (change) {
      EXPECT_NE(job.intent(), record::Job::NONE) << "a changing call without an intent";
      EXPECT_FALSE(job.agreed().has_doctor()) << "a doctor changes something: " << request.url;
      if (before_change) before_change();
      changes.push_back(request.method + " " + request.url.substr(request.url.find('/', 8)));
      if (static_cast<int>(changes.size()) == crash_at_change) {
        if (executed) serve(request);
        return start();
      }
    }
    flight_.reset();
    advance(50ms);
    if (every_request) return handle(HttpFailed{request.id, *every_request, failure_detail});
    const auto answer = serve(request);
    if (answer.drop) return handle(HttpFailed{request.id, HttpFailure::dropped, "no answer"});
    HttpReplied replied{request.id, answer.status, answer.headers, answer.body, "aa11"};
    for (auto& [name, value] : replied.headers) name = lower(name);
    handle(replied);
  }
  static std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  }
  bmcsim::RedfishReply serve(const HttpRequest& request) {
    bmcsim::RedfishRequest asked{
        request.method, request.url.substr(request.url.find('/', 8)), {}, request.body};
    for (const auto& [name, value] : request.headers) asked.headers.emplace_back(lower(name), value);
    const auto fill = [&](std::string_view mark, const std::string& value) {
      if (const auto at = asked.body.find(mark); at != std::string::npos)
        asked.body.replace(at, mark.size(), value);
    };
    fill(credential_user_placeholder, bmc.options().user);
    fill(credential_password_placeholder, password_);
    return bmc.handle(asked, now.mono);
  }
  void advance(Duration by) {
    now.mono += by;
    now.wall_low += by;
    now.wall_high += by;
    while (bmc.next_due() && *bmc.next_due() <= now.mono) bmc.advance(now.mono);
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
      } else if (std::holds_alternative<work::Finish>(action)) {
        finished_ = true;
      }
    }
  }

  work::StageTimeouts timeouts_;
  const std::string password_ = bmc.options().password;  // as the site has it
  std::unique_ptr<work::Work> machine_;
  std::uint64_t seed_ = 41;
  std::optional<HttpRequest> flight_;
  std::optional<MonoTime> wake_;
  bool finished_ = false;
};

}  // namespace metalmesh::care
