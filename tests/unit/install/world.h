// One job, its machine, a BMC with a host, and the part of the agent around it, on a virtual clock. A crash
// replaces the machine by a new one that knows only the committed row. Promises of the machine are checked at
// every change the BMC is asked for.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agents/install/install_machine.h"
#include "agents/install/terms.h"
#include "common/ports/wire_time.h"
#include "tests/unit/install/fake_bmc.h"

namespace metalmesh::install {

using namespace std::chrono_literals;
using namespace work;

/// Where to kill the agent: at the n-th BMC request, after its row was committed.
struct Crash {
  int at_request = -1;
  bool executed = false;  // the BMC did it, the answer was lost
};

class World {
 public:
  World() {
    wire::Agreed& agreed = *job.mutable_agreed();
    wire::Install& install = *agreed.mutable_install();
    wire::Issue& issue = *job.mutable_issue();
    issue.set_deployment_id("dep1");
    agreed.set_server("r01-u12");
    agreed.mutable_identity()->set_uuid(bmc.uuid);
    agreed.mutable_identity()->set_serial(bmc.serial);
    agreed.mutable_identity()->add_macs("3ca82a000001");
    agreed.mutable_bmc()->set_address("10.20.0.112");
    agreed.mutable_bmc()->set_credential("bmc-hpe");
    agreed.mutable_bmc()->set_tls(wire::BmcTarget::PIN);
    issue.set_bmc_key_sha256("aa11");
    install.set_power(wire::REFUSE_IF_ON);
    *issue.mutable_start_by() = to_wire(wall() + 1h);
    *issue.mutable_launch_by() = to_wire(wall() + 2h);
    install.mutable_max_run()->set_seconds(4 * 3600);
    install.mutable_stall_after()->set_seconds(25 * 60);
    install.mutable_proof()->set_minimum(wire::PROOF_BOOTED);
    install.mutable_proof()->mutable_within()->set_seconds(1200);
    gate.may_arm = gate.vouched = gate.clock_ok = true;
    bmc.on_change = [this](const std::string& change) {
      check_change(change);
      if (change != "insert") check_medium(change);
    };
    bmc.on_power = [this](const std::string& power) { host_power(power); };
  }

  // The host and its surroundings.
  bool media_reachable = true;
  bool off_without_medium = false;  // such a host switches itself off
  bool host_boots_media = true;
  bool installer_ends = true;
  Duration post_time = 60s;
  Duration install_time = 10min;
  Duration away_from{};        // the BMC is silent from here ...
  Duration away_until{};       // ... to here, since the start
  bool no_credential = false;  // the site's file with it is away
  bool calls_back = false;
  bool tells_what_runs = true;    // the BMC, of the installed system
  bool probe_open = false;        // the installed system answers
  bool stranger_answers = false;  // another machine has its address
  std::optional<Duration> cancel_at;
  bool reads_at_insert = false;  // as most BMCs do
  std::string tls_refusal;
  std::string medium_refusal;  // why the media server cannot compose the medium
  std::string second_url;      // empty: the answer files are on the installer's medium
  bool turns_itself_on_at_crash = false;
  std::optional<MonoTime> set_anew_at;  // the credential: from here on logins may be tried again
  Crash crash;
  Crash second_crash;

  FakeBmc bmc;
  record::Job job;
  Gate gate;
  Now now{MonoTime(1h), WallTime(1'000'000s), WallTime(1'000'000s)};
  int launches = 0;
  int retries = 0;
  int login_refusals = 0;
  int requests = 0;
  int crashes = 0;
  std::vector<wire::Event> told;
  std::vector<std::string> screens;                        // that were kept
  bmc::Known known;                                        // of its BMC, before it is asked
  std::vector<std::pair<wire::Stage, std::string>> asked;  // "GET /path", and in which stage
  std::string violation;

  [[nodiscard]] WallTime wall() const { return now.wall_low; }
  /// The answer files are on a medium of their own.
  void use_second(wire::SecondMedium::Format format) {
    const bool disk = format == wire::SecondMedium::FAT;
    job.mutable_second()->set_label(disk ? "OEMDRV" : "CIDATA");
    job.mutable_second()->set_format(format);
    bmc.second_slot = disk ? "USBStick" : "CD";
    second_url = std::string("https://10.20.0.5:8443/m/s7t2x9.") + (disk ? "img" : "iso");
  }
  [[nodiscard]] const wire::Ended& ended() const { return last(&wire::Event::has_ended).ended(); }
  [[nodiscard]] const wire::MediumReleased& released() const {
    return last(&wire::Event::has_released).released();
  }
  [[nodiscard]] std::vector<wire::FaultCode> held() const {
    std::vector<wire::FaultCode> codes;
    for (const wire::Event& event : told)
      if (event.has_held()) codes.push_back(event.held().fault().code());
    return codes;
  }
  /// What happens `after` the installer was launched.
  void after_launch(Duration after, std::function<void()> what) { later_.emplace(after, std::move(what)); }
  /// The agent dies and comes back.
  void restart() { start_machine(); }
  void give(const JobInput& input) { handle(input); }
  /// What runs from now on was installed, or runs from the disk.
  void installer_is_over() { installing_ = false; }
  /// The power of the host is cut, after so much was read.
  void cut_power(std::uint64_t megabytes) {
    handle(MediaRead{megabytes << 20, 100 << 20, "10.20.0.112"});
    bmc.set_power("Off");
  }
  [[nodiscard]] bool finished() const { return finished_; }
  bool person_asked = false;
  [[nodiscard]] int count(const std::string& change) const {
    return static_cast<int>(std::count(bmc.changes.begin(), bmc.changes.end(), change));
  }

  /// To the end of the job; false when it does not end in a simulated day.
  bool run() {
    start_machine();
    const MonoTime deadline = now.mono + 24h;
    while (!finished_ && now.mono < deadline) {
      if (flight_) {
        deliver_reply();
        continue;
      }
      if (!next_event()) return false;
    }
    return finished_;
  }

 private:
  const wire::Event& last(bool (wire::Event::*is)() const) const {
    static const wire::Event none;
    const auto found =
        std::find_if(told.rbegin(), told.rend(), [&](const auto& event) { return (event.*is)(); });
    return found == told.rend() ? none : *found;
  }
  /// True time since LAUNCHED.
  [[nodiscard]] bool installs() const { return installing_ && bmc.power == "On"; }
  void check_medium(const std::string& what) {
    const wire::Install install = terms_of(job.agreed());
    const bool too_long = install.has_max_run() && now.mono - launched_at_ > from_wire(install.max_run());
    if (installs() && !too_long && !person_asked) violation = what + " while an installer runs";
  }
  void start_machine() {
    record::Job committed;
    committed.ParseFromString(job.SerializeAsString());
    job = committed;
    flight_.reset();
    wake_.reset();
    probe_.reset();
    machine_.emplace(
        job, StageTimeouts{},
        MediaUrls{"https://10.20.0.5:8443/m/k3j5h2.iso", second_url, "https://10.20.0.5:8443", {}}, ++seed_,
        known);
    handle(Resume{});
  }

  void handle(const JobInput& input) {
    if (set_anew_at && now.mono >= *set_anew_at) gate.no_login.reset();
    JobOutcome out = machine_->handle(input, now, gate);
    for (JobAction& action : out.actions) apply(action);
    if (job.mount_state() == wire::DEAD) check_medium("the mount is dead");
  }

  void apply(JobAction& action) {
    if (auto* call = std::get_if<CallBmc>(&action)) {
      EXPECT_FALSE(flight_.has_value()) << "two requests in flight";
      flight_ = call->request;
    } else if (auto* wait = std::get_if<WaitFor>(&action)) {
      wake_ = now.mono + wait->delay;
    } else if (std::holds_alternative<StopWaiting>(action)) {
      wake_.reset();
    } else if (auto* tell = std::get_if<Tell>(&action)) {
      told.push_back(tell->event);
    } else if (std::holds_alternative<LoginRefused>(action)) {
      ++login_refusals;
    } else if (auto* later = std::get_if<RetryLater>(&action)) {
      ++retries;
      retry_at_ = now.mono + later->delay;
    } else if (auto* probe = std::get_if<Probe>(&action)) {
      probe_ = probe->probe;
    } else if (auto* screen = std::get_if<KeepScreen>(&action)) {
      screens.push_back(screen->picture);
    } else if (std::holds_alternative<Finish>(action)) {
      finished_ = true;
    }
  }

  bool away() const {
    const Duration since = now.mono - MonoTime(1h);
    return !bmc.reachable || (since >= away_from && since < away_until);
  }

  void deliver_reply() {
    const HttpRequest request = *flight_;
    const int number = requests++;
    asked.emplace_back(job.stage(), request.method + " " + request.url.substr(request.url.find('/', 8)));
    if (number == crash.at_request || number == second_crash.at_request) {
      const bool executed = number == crash.at_request ? crash.executed : second_crash.executed;
      if (executed && !away()) bmc.serve(request);
      ++crashes;
      if (turns_itself_on_at_crash) bmc.set_power("On");
      start_machine();
      return;
    }
    flight_.reset();
    if (away()) {
      advance(request.timeout);
      handle(HttpFailed{request.id, HttpFailure::timed_out, "no answer"});
      return;
    }
    advance(50ms);
    if (request.trust == TlsTrust::pin && request.pin_sha256 != bmc.key) {
      handle(HttpFailed{request.id, HttpFailure::key_changed, bmc.key});
      return;
    }
    if (no_credential && request.credential) {
      handle(HttpFailed{request.id, HttpFailure::no_credential, "no such file"});
      return;
    }
    const HttpReplied reply = bmc.serve(request);
    handle(reply);
    if (number == 0 && !medium_refusal.empty()) handle(MediumRefused{medium_refusal, false});
    const bool mounted = bmc.changes.size() > seen_changes_ && bmc.changes.back() == "insert";
    seen_changes_ = bmc.changes.size();
    if (mounted && reads_at_insert) handle(MediaRead{64 << 10, 100 << 20, "10.20.0.112"});
    if (mounted && !tls_refusal.empty()) handle(MediaTlsRefused{tls_refusal});
  }

  void advance(Duration by) {
    now.mono += by;
    now.wall_low += by;
    now.wall_high += by;
  }

  void advance_to(MonoTime at) {
    if (at > now.mono) advance(at - now.mono);
  }

  /// The earliest thing that is due: a timer of the machine, the host, the operator.
  bool next_event() {
    const MonoTime never = MonoTime::max();
    const MonoTime cancel = cancel_at && !cancelled_ ? MonoTime(1h) + *cancel_at : never;
    const MonoTime at = std::min({wake_.value_or(never), retry_at_.value_or(never), host_at_.value_or(never),
                                  probe_ ? now.mono + 1ms : never, cancel, next_later()});
    if (at == never) return false;
    advance_to(at);
    if (at == next_later()) {
      const auto what = later_.begin()->second;
      later_.erase(later_.begin());
      what();
    } else if (at == cancel) {
      cancelled_ = true;
      handle(CancelAsked{});
    } else if (probe_) {
      const std::string id = probe_->id;
      probe_.reset();
      const bool open = stranger_answers || (probe_open && job.installer_ended() && bmc.power == "On");
      handle(ProbeAnswered{id, open, open ? "SSH-2.0-" : "refused"});
    } else if (host_at_ && at == *host_at_) {
      host_at_.reset();
      host_step();
    } else if (retry_at_ && at == *retry_at_) {
      retry_at_.reset();
      start_machine();
    } else {
      wake_.reset();
      handle(PollDue{});
    }
    return true;
  }

  [[nodiscard]] MonoTime next_later() const {
    return later_.empty() || launches == 0 ? MonoTime::max() : launched_at_ + later_.begin()->first;
  }

  void host_power(const std::string& power) {
    host_at_.reset();
    installing_ = false;
    if (power == "Off") {
      if (tells_what_runs && !bmc.boot_progress.empty()) bmc.boot_progress = "None";
      return;
    }
    from_media_ = bmc.use_override() && !bmc.image.empty() && host_boots_media;
    host_phase_ = 0;
    host_at_ = now.mono + post_time;
  }

  void host_step() {
    if (!from_media_) {
      if (tells_what_runs && job.installer_ended()) bmc.boot_progress = "OSRunning";
      if (calls_back && job.installer_ended()) handle(CalledBack{});
      return;
    }
    if (host_phase_ == 0) {
      host_phase_ = 1;
      if (!media_reachable) {
        if (off_without_medium) bmc.set_power("Off");
        return;
      }
      handle(MediaRead{1 << 20, 100 << 20, "10.20.0.112"});
      if (job.ended() || job.mount_state() != wire::OPEN) return;  // the fence: 503 or 410
      ++launches;
      installing_ = true;
      launched_at_ = now.mono;
      job.set_launched(true);
      *job.mutable_launched_at() = to_wire(wall());
      job.set_mount_state(wire::LAUNCHED);
      handle(LaunchGranted{});
      host_at_ = now.mono + install_time;
    } else if (installer_ends) {
      if (job.mount_state() != wire::LAUNCHED) return;  // the installer dies of it
      handle(MediaRead{96 << 20, 100 << 20, "10.20.0.112"});
      installing_ = false;
      bmc.set_power("Off");
    }
  }

  /// The promises, at every change the BMC is asked for.
  void check_change(const std::string& change) {
    const bool touches_host = change.starts_with("reset") || change == "boot";
    const bool let_go = only_boots(job) && job.released_by() != wire::MediumReleased::GROUND_UNSPECIFIED;
    const bool installing = job.launched() && !job.installer_ended() && !let_go;
    if (change.starts_with("reset") && !job.armed()) violation = change + " before ARM";
    if (touches_host && installing) violation = change + " while the installer runs";
    if (change == "reset ForceOff" && job.mount_state() == wire::OPEN)
      violation = change + " with the fence open: an installer may start under it";
    if (job.installer_ended() && job.mount_state() != wire::DEAD)
      violation = change + " with the mount not dead";
    if (job.installer_ended() && change == "boot") violation = "boot override after the install";
    if (change == "reset On" && job.intent() != record::Job::RESET_ON &&
        job.intent() != record::Job::FINAL_RESET_ON)
      violation = "power-on without an intent";
    if (change.starts_with("insert") && job.intent() != record::Job::INSERT)
      violation = "insert without an intent";
  }

  std::optional<InstallMachine> machine_;
  std::uint64_t seed_ = 41;
  std::size_t seen_changes_ = 0;
  std::optional<HttpRequest> flight_;
  std::optional<MonoTime> wake_;
  std::optional<MonoTime> retry_at_;
  std::optional<MonoTime> host_at_;
  std::optional<ProbeStart> probe_;
  bool from_media_ = false;
  int host_phase_ = 0;
  bool installing_ = false;
  MonoTime launched_at_;
  std::multimap<Duration, std::function<void()>> later_;
  bool cancelled_ = false;
  bool finished_ = false;
};

}  // namespace metalmesh::install
