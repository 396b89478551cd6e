#include "tests/unit/agent_core/test_site.h"

#include <gtest/gtest.h>

#include <utility>

#include "agents/core/fence_table.h"
#include "agents/core/row_table.h"
#include "common/ports/wire_time.h"
#include "tests/support/one_order.h"
#include "tests/support/open_site.h"

namespace metalmesh::test {
namespace {

constexpr char media_address[] = "192.0.2.5:8443";

std::string profile_blob() {
  wire::ProfileContent content;
  content.set_family("placeholder");
  content.set_template_("host {{hostname}} tell {{callback_url}}\n");
  return content.SerializeAsString();
}

const std::string image_digest(64, 'a');

}  // namespace

TestSite::TestSite() {
  settings.site = SiteName("par1");
  settings.machine_id = "machine-1";
  settings.version = "test";
  open_to_all(settings);
  settings.frame_gap = Duration::zero();  // what was told is looked at in the same instant
  now_.mono = MonoTime(std::chrono::hours(1));
  now_.boot = 1;
  now_.wall_low = WallTime(std::chrono::hours(24 * 365 * 55));
  now_.wall_high = now_.wall_low + std::chrono::seconds(1);
  const std::string blob = profile_blob();
  controller.blobs[to_hex(sha256(blob))] = blob;
}

void TestSite::start_alone() {
  inbox_.clear();
  timers_.clear();
  media_.clear();
  left_.clear();
  entropy_ = std::make_unique<SeededEntropy>(++lives_);
  core_ = std::make_unique<agent::AgentCore>(store, signer_, verifier_, *entropy_, settings);
  deliver(Started{});
}

void TestSite::start() {
  start_alone();
  wire::MediaEvent up;
  up.mutable_up()->set_address(media_address);
  media(up);
  connect();
}

void TestSite::media(wire::MediaEvent event) { deliver(MediaReported{std::move(event)}); }

void TestSite::ask_launch(const std::string& token) {
  wire::MediaEvent event;
  event.mutable_launch_asked()->set_token(token);
  media(event);
}

void TestSite::deliver(Input input) {
  inbox_.push_back(std::move(input));
  run();
}

void TestSite::run() {
  for (int steps = 0; !inbox_.empty(); ++steps) {
    ASSERT_LT(steps, 100000) << "the core does not come to rest";
    const Input input = std::move(inbox_.front());
    inbox_.pop_front();
    Outcome outcome = core_->handle(input, now_);
    store.commit(outcome.rows);
    for (const LogLine& line : outcome.logs) logged_.push_back(line.message);
    if (!outcome.rows.empty()) inbox_.push_front(Committed{});
    for (Effect& effect : outcome.effects) release(std::move(effect));
  }
}

void TestSite::release(Effect effect) {
  if (auto* publish = std::get_if<Publish>(&effect)) {
    ++published_;
    left_.emplace_back("bus");
    if (!bus) return;
    for (std::string& answer : controller.take(publish->payload, now_)) {
      inbox_.push_back(MessageArrived{"mm/1/par1/down", std::move(answer)});
    }
  } else if (auto* request = std::get_if<HttpRequest>(&effect)) {
    left_.emplace_back("http");
    requests_.push_back(*request);
    const std::string host = request->url.substr(8, request->url.find('/', 8) - 8);
    if (const auto bmc = bmcs.find(host); bmc != bmcs.end()) inbox_.push_back(bmc->second.answer(*request));
    if (const auto fails = failing.find(host); fails != failing.end())
      inbox_.push_back(HttpFailed{request->id, fails->second, "as the test has it"});
  } else if (auto* probe = std::get_if<ProbeStart>(&effect)) {
    probes_.emplace_back(now_.mono, *probe);
    if (probes_answered)
      inbox_.push_back(
          ProbeAnswered{probe->id, bmcs.contains(probe->host) || failing.contains(probe->host), ""});
  } else if (auto* timer = std::get_if<TimerArm>(&effect)) {
    timers_[timer->token] = timer->at;
  } else if (auto* disarm = std::get_if<TimerDisarm>(&effect)) {
    timers_.erase(disarm->token);
  } else if (auto* fetch = std::get_if<ImageFetch>(&effect)) {
    left_.emplace_back("image");
    image_acts.push_back("fetch " + fetch->sha256);
    if (!images_ready) return;
    ImageReady ready{fetch->sha256, {}};
    ready.facts.set_size(1 << 20);
    ready.facts.set_path("/images/" + fetch->sha256);
    ready.facts.mutable_placeholder()->set_length(4096);
    ready.facts.set_patchable(true);
    inbox_.push_back(std::move(ready));
  } else if (auto* drop = std::get_if<ImageDrop>(&effect)) {
    image_acts.push_back("drop " + drop->sha256);
  } else if (auto* verify = std::get_if<ImageVerify>(&effect)) {
    image_acts.push_back("verify " + verify->sha256);
  } else if (auto* limit = std::get_if<ImageLimit>(&effect)) {
    image_limits = limit->limits;
  } else if (auto* send = std::get_if<MediaSend>(&effect)) {
    left_.emplace_back("media");
    media_.push_back(send->command);
  } else if (auto* halt = std::get_if<Halt>(&effect)) {
    halted_ = halt->reason;
  }
}

void TestSite::advance(Duration time) {
  const MonoTime end = now_.mono + time;
  const auto move_to = [&](MonoTime to) {
    const Duration passed = to - now_.mono;
    now_.mono += passed;
    now_.wall_low += passed;
    now_.wall_high += passed;
  };
  for (int fired = 0;; ++fired) {
    ASSERT_LT(fired, 100000) << "timers without end";
    auto next = timers_.end();
    for (auto timer = timers_.begin(); timer != timers_.end(); ++timer) {
      if (timer->second <= end && (next == timers_.end() || timer->second < next->second)) next = timer;
    }
    if (next == timers_.end()) break;
    move_to(std::max(now_.mono, next->second));
    const std::string token = next->first;
    timers_.erase(next);
    deliver(TimerFired{token});
  }
  move_to(end);
}

void TestSite::sleep(Duration time) {
  now_.mono += time;
  now_.wall_low += time;
  now_.wall_high += time;
  now_.awake_since = now_.mono;
}

void TestSite::step_own_clock(Duration by) {
  now_.wall_low += by;
  now_.wall_high += by;
  controller.clock_offset -= by;
}

void TestSite::command(wire::Command command) {
  for (std::string& message : controller.command(std::move(command), now_)) {
    deliver(MessageArrived{"mm/1/par1/down", std::move(message)});
  }
}

void TestSite::order(const orders::Parts& order) {
  wire::Command start;
  *start.mutable_order() = one_order(order);
  command(start);
}

void TestSite::cancel(const orders::Parts& order) {
  wire::Command cancel;
  cancel.mutable_cancel_order()->set_deployment_id(order.issue.deployment_id());
  cancel.mutable_cancel_order()->set_server(order.agreed.server());
  *cancel.mutable_cancel_order()->mutable_identity() = order.agreed.identity();
  cancel.mutable_cancel_order()->set_generation(order.issue.generation());
  command(cancel);
}

void TestSite::plant(const record::Job& job) {
  Outcome out;
  record::Job row = job;
  agent::put_row(out, "job/" + job.issue().deployment_id(), row);
  agent::FenceTable fences(store);
  fences.see(job.agreed().identity(), job.issue().generation(), job.issue().deployment_id(), out);
  if (job.launched()) fences.launch(job.agreed().identity(), job.issue().generation(), out);
  store.commit(out.rows);
}

std::vector<wire::Event> TestSite::told(const std::function<bool(const wire::Event&)>& wanted) const {
  std::vector<wire::Event> found;
  for (const wire::Event& event : controller.events()) {
    if (wanted(event)) found.push_back(event);
  }
  return found;
}

std::vector<wire::CommandReceipt> TestSite::receipts() const {
  std::vector<wire::CommandReceipt> found;
  for (const wire::Event& event : told(&wire::Event::has_receipt)) found.push_back(event.receipt());
  return found;
}

std::optional<record::Job> TestSite::job(const std::string& deployment) const {
  const auto row = store.find("job/" + deployment);
  if (!row) return std::nullopt;
  return agent::parse_row<record::Job>(*row);
}

std::optional<bool> TestSite::verdict(const std::string& token) const {
  std::optional<bool> last;
  for (const wire::MediaCommand& command : media_) {
    if (command.has_verdict() && command.verdict().token() == token) last = command.verdict().granted();
  }
  return last;
}

std::optional<wire::MountState> TestSite::mount(const std::string& token) const {
  std::optional<wire::MountState> last;
  for (const wire::MediaCommand& command : media_) {
    if (command.has_mount() && command.mount().token() == token) last = command.mount().state();
    if (command.has_forget() && command.forget() == token) last.reset();
  }
  return last;
}

orders::Parts make_order(const TestSite& site, int n, std::uint64_t generation) {
  const std::string number = std::to_string(n);
  orders::Parts order;
  order.issue.set_deployment_id("d" + number);
  order.agreed.set_server("s" + number);
  order.agreed.mutable_identity()->set_uuid("4c4c4544-0042-3510-8051-" +
                                            std::string(12 - number.size(), '3') + number);
  order.agreed.mutable_identity()->set_serial("SERIAL-" + number);
  order.issue.set_generation(generation);
  order.agreed.mutable_bmc()->set_address("10.0.0." + number);
  order.agreed.mutable_bmc()->set_credential("bmc");
  order.agreed.mutable_bmc()->set_tls(wire::BmcTarget::PIN);
  order.issue.set_bmc_key_sha256(std::string(64, 'b'));
  order.agreed.mutable_install()->mutable_image()->set_name("rocky");
  order.agreed.mutable_install()->mutable_image()->set_sha256(image_digest);
  order.issue.add_image_urls("https://mirror/rocky.iso");
  order.agreed.mutable_install()->mutable_profile()->set_name("base");
  order.agreed.mutable_install()->mutable_profile()->set_sha256(to_hex(sha256(profile_blob())));
  order.agreed.mutable_install()->set_power(wire::REFUSE_IF_ON);
  *order.issue.mutable_start_by() = to_wire(site.wall() + std::chrono::hours(4));
  *order.issue.mutable_launch_by() = to_wire(site.wall() + std::chrono::hours(5));
  order.agreed.mutable_install()->mutable_max_run()->set_seconds(3600);
  return order;
}

record::Job armed_job(const orders::Parts& order, int n) {
  record::Job job;
  *job.mutable_agreed() = order.agreed;
  *job.mutable_issue() = order.issue;
  job.set_machine(agent::machine_key(order.agreed.identity()));
  job.set_stage(wire::POWER);
  job.set_attempt(1);
  job.set_queue_number(static_cast<std::uint64_t>(n));
  job.set_armed(true);
  job.set_mount_token("token" + std::to_string(n));
  job.set_callback_token("callback" + std::to_string(n));
  job.set_mount_state(wire::OPEN);
  return job;
}

}  // namespace metalmesh::test
