#include "tests/sim/cases/case_bench.h"

#include <algorithm>
#include <utility>

#include "agents/app/quirk_files.h"
#include "agents/core/agent_core.h"
#include "common/base/digest.h"
#include "common/base/machine_key.h"
#include "common/delivery/topics.h"
#include "common/ports/wire_time.h"
#include "tests/sim/endings.h"
#include "tests/support/one_order.h"
#include "tests/support/open_site.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr char site_name[] = "site1";
constexpr char address[] = "10.1.0.1";
constexpr char deployment[] = "d1";
constexpr Duration inspection_limit = 30min;
constexpr Duration job_limit = 8h;

std::string profile_blob(std::size_t ending) {
  wire::ProfileContent content;
  content.set_family(std::string(endings[ending].family));
  content.set_template_(answer_template(endings[ending]));
  return content.SerializeAsString();
}

agent::AgentSettings settings(const QuirkTable* rows) {
  agent::AgentSettings settings;
  settings.site = SiteName(site_name);
  settings.machine_id = "edge";
  settings.version = "sim";
  test::open_to_all(settings);
  settings.timeouts.first_read = 3min;  // the firmware here is quick
  settings.media_ca = "-----BEGIN CERTIFICATE-----\nTUlJQ291cnM=\n-----END CERTIFICATE-----\n";
  settings.quirks = rows != nullptr ? *rows : *agent::load_quirks("");
  add_endings(settings.families);
  return settings;
}

orders::Parts standard_order(const Machine& machine, WallTime wall, std::size_t ending) {
  const bmcsim::BmcOptions& bmc = machine.model->options();
  orders::Parts order;
  order.issue.set_deployment_id(deployment);
  order.agreed.set_server(machine.name);
  order.issue.set_generation(1);
  order.agreed.mutable_identity()->set_uuid(bmc.uuid);
  order.agreed.mutable_identity()->set_serial(bmc.serial);
  order.agreed.mutable_bmc()->set_address(address);
  order.agreed.mutable_bmc()->set_credential("bmc");
  order.agreed.mutable_bmc()->set_tls(wire::BmcTarget::PIN);
  order.issue.set_bmc_key_sha256(machine.key_sha256);
  order.agreed.mutable_install()->mutable_image()->set_name("linux");
  order.agreed.mutable_install()->mutable_image()->set_sha256(std::string(64, 'a'));
  order.issue.add_image_urls("https://images.example.net/linux.iso");
  order.agreed.mutable_install()->mutable_profile()->set_name("base");
  order.agreed.mutable_install()->mutable_profile()->set_sha256(to_hex(sha256(profile_blob(ending))));
  auto& variable = *order.agreed.mutable_install()->add_variables();
  variable.set_name("deployment");
  variable.set_value(deployment);
  order.agreed.mutable_install()->set_power(wire::REFUSE_IF_ON);
  *order.issue.mutable_start_by() = to_wire(wall + 2h);
  *order.issue.mutable_launch_by() = to_wire(wall + 3h);
  order.agreed.mutable_install()->mutable_max_run()->set_seconds(3600);
  order.agreed.mutable_install()->mutable_stall_after()->set_seconds(1200);
  order.agreed.mutable_install()->mutable_proof()->set_minimum(wire::PROOF_BOOTED);
  order.agreed.mutable_install()->mutable_proof()->mutable_within()->set_seconds(900);
  return order;
}

}  // namespace

CaseBench::CaseBench(const Case& the_case, bool print, std::shared_ptr<const bmcsim::Personality> worn,
                     const QuirkTable* rows)
    : case_(the_case),
      trace_(print),
      bmcs_(events_, trace_, swarm_, Random(7), marks_,
            {[this](Machine& machine) { watch(machine); }, [](const Machine&, const SimMedia&, int) {}}),
      media_("media", events_, trace_, Random(11), [](const std::string&) {}),
      images_(events_, [](const std::string&, std::uint64_t) { return SimImages::Source{.takes = 1s}; }),
      prober_(events_, [this](const std::string&, std::uint16_t) { return listener(); }),
      controller_(site_name),
      signer_(site_name) {
  swarm_.down_for = 2s;
  talk_.keep_whole();
  controller_.blobs[to_hex(sha256(profile_blob(case_.ending)))] = profile_blob(case_.ending);
  bmcs_.add_media(media_);
  machine_ = &bmcs_.add("site1-n1", address, [this](bmcsim::BmcOptions& bmc) {
    bmc.powered_on = bmc.disk_has_os = bmc.boot_progress = false;  // else by chance
    bmc.password = password_;
    bmc.install_time = 5min;
    if (case_.machine != nullptr) case_.machine(bmc);
  });
  if (worn) machine_->model->wear(std::move(worn));
  if (!case_.foreign_medium.empty())
    machine_->model->insert_foreign(std::string(case_.foreign_medium), events_.now());
  agent_ = std::make_unique<SimNode>(
      site_name, events_, trace_, swarm_, Random(13),
      [this, known = settings(rows)](const RowReader& reader, Entropy& entropy) {
        return std::make_unique<agent::AgentCore>(reader, signer_, verifier_, entropy, known);
      },
      around_agent());
}

Surroundings CaseBench::around_agent() {
  Surroundings around;
  around.clock_error = 100ms;
  around.publish = [this](Publish message) {
    events_.after(5ms, [this, message = std::move(message)] { take(message); });
  };
  around.http = [this](const HttpRequest& request, Surroundings::Deliver deliver) {
    talk_.asked(request, now());
    bmcs_.start(site_name, request, password_, [this, deliver = std::move(deliver)](Input input) {
      if (const auto* reply = std::get_if<HttpReplied>(&input)) talk_.answered(*reply, now());
      if (const auto* failure = std::get_if<HttpFailed>(&input)) talk_.failed(*failure, now());
      deliver(std::move(input));
    });
  };
  around.fetch = [this](const ImageFetch& fetch, Surroundings::Deliver deliver) {
    images_.fetch(fetch, std::move(deliver));
  };
  around.drop = [this](const ImageDrop& drop) { images_.drop(drop); };
  around.verify = [this](const ImageVerify& verify, Surroundings::Deliver deliver) {
    images_.verify(verify, std::move(deliver));
  };
  around.media = [this](const wire::MediaCommand& command) { media_.send(command); };
  around.probe = [this](const ProbeStart& probe, Surroundings::Deliver deliver) {
    prober_.probe(probe, std::move(deliver));
  };
  around.durable = [](const Batch&) {};
  around.came_up = [this](const Surroundings::Deliver& deliver) {
    media_.start();
    media_.agent_up(deliver);
    tell_credentials();
    deliver(BusUp{});
  };
  around.went_down = [this] {
    media_.agent_down();
    images_.agent_down();
    bmcs_.hang_up(site_name);
  };
  around.log_line = [](std::string_view) {};
  return around;
}

Now CaseBench::now() const { return {events_.now(), events_.wall(), events_.wall()}; }

Listener CaseBench::listener() const {
  const bool new_system = machine_->model->host().state() == bmcsim::HostState::new_system;
  const bool open = case_.port == Port::open || (case_.port == Port::opens_with_new_system && new_system);
  return {open ? Listener::Port::open : Listener::Port::refused, "SSH-2.0-OpenSSH"};
}

void CaseBench::tell_credentials() {
  CredentialsChanged known;
  if (!password_.empty()) known.credentials.push_back({"bmc", "1"});
  agent_->deliver(std::move(known));
}

void CaseBench::take(Publish message) {
  for (std::string& answer : controller_.take(message.payload, now()))
    agent_->deliver(MessageArrived{topics::down(SiteName(site_name)), std::move(answer)});
  for (; result_.told.size() < controller_.events().size();) {
    const wire::Event& event = result_.told.emplace_back(controller_.events()[result_.told.size()]);
    if (event.has_inspected()) result_.inspected = event.inspected();
    if (event.has_stage() && event.stage().stage() == case_.at_stage) meddle();
    if (!event.has_ended()) continue;
    result_.ended = event.ended();
    result_.took = events_.now() - ordered_at_;
    result_.new_system_ran = std::ranges::any_of(
        machine_->model->host().acts(), [](const auto& act) { return act.what == "boots the new system"; });
  }
}

void CaseBench::command(wire::Command command) {
  for (std::string& message : controller_.command(std::move(command), now()))
    agent_->deliver(MessageArrived{topics::down(SiteName(site_name)), std::move(message)});
}

void CaseBench::inspect() {
  wire::Command asks;
  auto& inspect = *asks.mutable_inspect_server();
  inspect.set_server(machine_->name);
  inspect.set_request_id("look");
  inspect.mutable_bmc()->set_address(address);
  inspect.mutable_bmc()->set_credential("bmc");
  command(std::move(asks));
}

void CaseBench::meddle() {
  if (std::exchange(meddled_, true) || case_.meddle == Meddle::nothing) return;
  events_.after(Duration(), [this] {
    if (case_.meddle == Meddle::kill) return agent_->crash("killed");
    wire::Command call_back;
    auto& cancel = *call_back.mutable_cancel_order();
    cancel.set_deployment_id(deployment);
    cancel.set_server(machine_->name);
    *cancel.mutable_identity() = identity_;
    cancel.set_generation(1);
    cancel.set_reason("changed my mind");
    command(std::move(call_back));
  });
}

/// As a person accepts it: by what it told of itself, and by the number on its label.
void CaseBench::identify(wire::Agreed& agreed) {
  wire::Identity& identity = *agreed.mutable_identity();
  if (result_.inspected && result_.inspected->has_identity()) {
    const wire::Identity& seen = result_.inspected->identity();
    if (seen.uuid().empty()) identity.clear_uuid();
    const bool numbered = usable_serial(seen.serial());
    if (!numbered) identity.clear_serial();
    if (seen.uuid().empty() || !numbered) *identity.mutable_macs() = seen.macs();
  }
  identity_ = identity;
}

void CaseBench::order() {
  ordered_at_ = events_.now();
  wire::Command start;
  orders::Parts order = standard_order(*machine_, events_.wall(), case_.ending);
  identify(order.agreed);
  if (case_.order != nullptr) case_.order(order);
  *start.mutable_order() = test::one_order(order);
  command(std::move(start));
}

void CaseBench::watch(Machine& machine) {
  if (faults_begun_ || machine_ == nullptr) return;
  const bmcsim::Host& host = machine.model->host();
  const bool installing = host.state() == bmcsim::HostState::installing;
  const bool half = host.bytes_read() * 2 >= image_size;
  if (installing && (case_.when == When::installing || (case_.when == When::half_way && half)))
    begin_faults();
}

void CaseBench::begin_faults() {
  faults_begun_ = true;
  events_.after(Duration(), [this] {
    for (const std::string_view name : case_.faults) {
      if (!machine_->model->set_fault(name)) trace_.violation(events_.now(), "case", std::string(name));
    }
    if (case_.beside == Beside::credentials_away || case_.beside == Beside::credentials_away_restart) {
      password_.clear();
      tell_credentials();
    }
    if (case_.beside == Beside::agent_restarts || case_.beside == Beside::credentials_away_restart)
      agent_->crash("restarts");
    if (case_.beside == Beside::medium_lost) bmcs_.lose_medium(*machine_);
    if (case_.beside == Beside::bmc_restarts) {
      machine_->model->restart(events_.now(), false);
      machine_->silent_until = events_.now() + 90s;
    }
  });
  if (case_.lasts > Duration()) events_.after(case_.lasts, [this] { end_faults(); });
}

void CaseBench::end_faults() {
  for (const std::string_view name : case_.faults) machine_->model->clear_fault(name);
  machine_->model->release_sessions();
  if (!password_.empty()) return;
  password_ = "secret-password";
  tell_credentials();
}

void CaseBench::run_until(MonoTime until, const std::function<bool()>& done) {
  while (!done() && events_.run_one(until)) {
  }
}

std::string CaseBench::talk() const {
  std::map<std::string, std::string> about = {{"site", site_name}};
  if (result_.ended && result_.ended->has_fault())
    about["fault"] = wire::FaultCode_Name(result_.ended->fault().code());
  return talk_.lines(about, {password_});
}

CaseResult CaseBench::run() {
  if (case_.when == When::always) begin_faults();
  agent_->start();
  run_until(events_.now() + 10s, [] { return false; });
  inspect();
  run_until(events_.now() + inspection_limit, [this] { return result_.inspected.has_value(); });
  if (case_.when == When::ordered) begin_faults();
  run_until(events_.now() + 10s, [] { return false; });
  order();
  run_until(events_.now() + job_limit, [this] { return result_.ended.has_value(); });
  run_until(events_.now() + case_.settles_after, [] { return false; });
  return result_;
}

}  // namespace metalmesh::sim
