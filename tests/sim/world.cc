#include "tests/sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agents/core/agent_core.h"
#include "agents/core/row_keys.h"
#include "common/delivery/topics.h"
#include "controller/core/controller_core.h"
#include "controller/state/deployment_states.h"
#include "schemas/record/stream.pb.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr char operator_timer[] = "sim/operator";
constexpr Duration operator_interval = 20s;
constexpr Duration heal_limit = 8h;
constexpr Duration look_interval = 30s;
constexpr Duration calm_after =
    5min;  // of a converged mesh: cleanup ends, and nothing else may happen any more
constexpr std::uint64_t event_limit = 2'000'000;
constexpr Duration sync_interval = 5s;  // with the planted defect: how late the disk is

/// The controller's core with the operator at its side; api/ has this place in production.
class OperatedController final : public DecisionCore {
 public:
  OperatedController(const RowReader& rows, const Signer& signer, const Verifier& verifier, Entropy& entropy,
                     Operator& person)
      : core_(rows, signer, verifier, entropy), person_(person) {}

  Outcome handle(const Input& input, const Now& now) override {
    const auto* timer = std::get_if<TimerFired>(&input);
    if (timer != nullptr && timer->token == operator_timer) {
      Outcome out;
      person_.look(core_, now, out);
      out.emit(TimerArm{operator_timer, now.mono + operator_interval});
      return out;
    }
    Outcome out = core_.handle(input, now);
    if (std::holds_alternative<Started>(input)) out.emit(TimerArm{operator_timer, now.mono + 1s});
    return out;
  }
  [[nodiscard]] const controller::MeshState& state() const { return core_.state(); }

 private:
  controller::ControllerCore core_;
  Operator& person_;
};

agent::AgentSettings settings_of(const std::string& site) {
  agent::AgentSettings settings;
  settings.site = SiteName(site);
  settings.machine_id = "edge-" + site;
  settings.version = "sim";
  settings.timeouts.poll = 15s;
  return settings;
}

}  // namespace

struct World::Site {
  explicit Site(std::string site_name) : name(std::move(site_name)), key(name) {}
  std::string name;
  SimKey key;
  std::vector<std::string> addresses;
  std::unique_ptr<SimMedia> media;
  std::unique_ptr<SimNode> node;
};

World::World(const RunOptions& options)
    : options_(options),
      random_(options.seed),
      swarm_(draw_swarm(random_)),
      trace_(options.print),
      witness_(events_, trace_),
      bus_(events_, swarm_, random_.fork()),
      bmcs_(events_, trace_, swarm_, random_.fork(),
            [this](Machine& machine) { witness_.on_machine(machine); }) {
  for (unsigned i = 0; i < swarm_.sites; ++i) build_site(i);
  build_controller();
}

World::~World() = default;

void World::build_controller() {
  std::vector<std::string> sites;
  std::vector<ServerToRegister> servers;
  for (const auto& site : sites_) {
    sites.push_back(site->name);
    for (const std::string& address : site->addresses) {
      const Machine& machine = *bmcs_.by_address().at(address);
      const bmcsim::BmcOptions& bmc = machine.model->options();
      servers.push_back({machine.name, site->name, address, bmc.uuid, bmc.serial});
    }
  }
  operator_ = std::make_unique<Operator>(swarm_, random_.fork(), trace_, sites, servers);

  const std::string name = "controller";
  Surroundings around;
  around.clock_error = 500ms;  // agents learn the time from it
  around.publish = [this](Publish message) {
    for (const auto& site : sites_) {
      if (message.topic == topics::down(SiteName(site->name))) {
        witness_.on_published(site->name, true, message, controller_->rows());
      }
    }
    bus_.publish("controller", std::move(message));
  };
  around.durable = [this](const Batch& batch) { witness_.on_controller_durable(batch); };
  around.came_up = [this](const Surroundings::Deliver&) { bus_.connect("controller"); };
  around.went_down = [this] { bus_.disconnect("controller"); };
  controller_ = std::make_unique<SimNode>(
      name, events_, trace_, swarm_, random_.fork(),
      [this](const RowReader& rows, Entropy& entropy) {
        return std::make_unique<OperatedController>(rows, controller_key_, verifier_, entropy, *operator_);
      },
      std::move(around));
  controller_->rows().set_lazy_sync(options_.plant == Plant::ack_before_sync);
  bus_.attach(name, std::string(topics::every_up),
              [this](Input input) { controller_->deliver(std::move(input)); });
}

void World::build_site(unsigned index) {
  Site& site = *sites_.emplace_back(std::make_unique<Site>(fmt::format("site{}", index + 1)));
  site.media =
      std::make_unique<SimMedia>("media." + site.name, events_, trace_, random_.fork(), options_.plant,
                                 [this](const std::string& id) { witness_.on_guarded_read(id); });
  for (unsigned i = 0; i < swarm_.servers_per_site; ++i) {
    const std::string address = fmt::format("10.{}.0.{}", index + 1, i + 1);
    bmcs_.add(fmt::format("{}-n{}", site.name, i + 1), address, *site.media);
    site.addresses.push_back(address);
  }
  Surroundings around;
  around.clock_error = swarm_.clock_error;
  around.publish = [this, &site](Publish message) {
    witness_.on_published(site.name, false, message, site.node->rows());
    bus_.publish(site.name, std::move(message));
  };
  around.http = [this](const HttpRequest& request, Surroundings::Deliver deliver) {
    bmcs_.start(request, std::move(deliver));
  };
  around.fetch = [this](const ImageFetch& fetch, Surroundings::Deliver deliver) {
    const bool fails = !healed_ && random_.chance(swarm_.bmc_fault);
    events_.after(1s + random_.below(60) * 1s, [fetch, fails, deliver = std::move(deliver)] {
      if (fails) return deliver(ImageFailed{fetch.sha256, false, "the origin went away"});
      deliver(ImageReady{fetch.sha256, image_facts(fetch.sha256)});
    });
  };
  around.media = [&site](const wire::MediaCommand& command) { site.media->send(command); };
  around.probe = [this](const ProbeStart& probe, Surroundings::Deliver deliver) {
    events_.after(1s, [id = probe.id, deliver = std::move(deliver)] {
      deliver(ProbeAnswered{id, false, "connection refused"});
    });
  };
  around.durable = [this, &site](const Batch& batch) { witness_.on_agent_durable(site.name, batch); };
  around.came_up = [this, &site](const Surroundings::Deliver& deliver) {
    deliver(CredentialsChanged{{{"bmc", "1"}}});
    site.media->start();
    site.media->agent_up(deliver);
    bus_.connect(site.name);
  };
  around.went_down = [this, &site] {
    site.media->agent_down();
    if (swarm_.media_dies_with_agent) site.media->crash();
    bus_.disconnect(site.name);
  };
  site.node = std::make_unique<SimNode>(
      site.name, events_, trace_, swarm_, random_.fork(),
      [this, &site](const RowReader& rows, Entropy& entropy) {
        return std::make_unique<agent::AgentCore>(rows, site.key, verifier_, entropy, settings_of(site.name));
      },
      std::move(around));
  bus_.attach(site.name, topics::down(SiteName(site.name)),
              [&site](Input input) { site.node->deliver(std::move(input)); });
}

void World::now_and_then(Duration mean, std::function<void()> what) {
  if (mean == Duration::zero()) return;
  const Duration wait(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(2 * mean.count()))));
  events_.after(wait, [this, mean, what = std::move(what)] {
    if (healed_) return;
    what();
    now_and_then(mean, what);
  });
}

void World::schedule_weather() {
  const auto any_site = [this]() -> Site& { return *sites_[random_.below(sites_.size())]; };
  now_and_then(swarm_.crash_every, [this, any_site] {
    switch (random_.below(3)) {
      case 0:
        return controller_->crash("pulled the plug");
      case 1:
        return any_site().node->crash("pulled the plug");
      default: {
        SimMedia& media = *any_site().media;
        media.crash();
        events_.after(random_.below(20) * 1s, [&media] { media.start(); });
      }
    }
  });
  now_and_then(swarm_.partition_every, [this, any_site] {
    bus_.partition(random_.chance(200) ? "controller" : any_site().name, 1s + random_.below(600) * 1s);
  });
  now_and_then(swarm_.broker_restart_every, [this] { bus_.restart(1s + random_.below(60) * 1s); });
  for (const auto& machine : bmcs_.machines()) {
    now_and_then(swarm_.self_reset_every, [this, &machine = *machine] {
      if (machine.model->host().media_inserted()) ++witness_.sightings().self_resets_with_medium;
      bmcs_.self_reset(machine);
    });
  }
  now_and_then(swarm_.swap_every, [this, any_site] {
    const auto& addresses = any_site().addresses;
    const std::string& a = addresses[random_.below(addresses.size())];
    const std::string& b = addresses[random_.below(addresses.size())];
    bmcs_.swap(a, b);
    swapped_.emplace_back(a, b);
  });
  now_and_then(swarm_.disk_full != 0 ? Duration(10min) : Duration(), [this, any_site] {
    SimStore& rows = random_.chance(300) ? controller_->rows() : any_site().node->rows();
    rows.set_low(true);
    events_.after(1min + random_.below(300) * 1s, [&rows] { rows.set_low(false); });
  });
  if (options_.plant == Plant::ack_before_sync) sync_late();
}

void World::sync_late() {
  events_.after(sync_interval, [this] {
    controller_->sync();
    sync_late();
  });
}

void World::heal() {
  healed_ = true;
  trace_.line(events_.now(), "world", "heals");
  bus_.set_healthy();
  bmcs_.set_healthy();
  operator_->rest();
  for (; !swapped_.empty(); swapped_.pop_back()) bmcs_.swap(swapped_.back().first, swapped_.back().second);
  controller_->set_healthy();
  for (const auto& site : sites_) site->node->set_healthy();
}

bool World::converged() {
  auto* controller = static_cast<OperatedController*>(controller_->core());
  if (controller == nullptr) return false;
  for (const auto& [id, deployment] : controller->state().deployments) {
    if (controller::is_open(deployment.state())) return false;
  }
  for (const auto& [name, site] : controller->state().sites) {
    if (site.status().commands_pending() != 0) return false;
  }
  for (const auto& site : sites_) {
    if (!site->node->alive()) return false;
    record::StreamSender journal;
    const auto row = site->node->rows().get(std::string(agent::rows::events) + "m");
    if (!row || !journal.ParseFromString(*row) || journal.acked() + 1 != journal.next_seq()) return false;
  }
  return witness_.all_events_arrived();
}

void World::report_what_is_open() {
  const auto violation = [this](std::string what) { trace_.violation(events_.now(), std::move(what)); };
  witness_.report_missing_events();
  auto* controller = static_cast<OperatedController*>(controller_->core());
  if (controller == nullptr) return violation("the controller is down");
  for (const auto& [id, deployment] : controller->state().deployments) {
    if (controller::is_open(deployment.state())) {
      violation(fmt::format("deployment {} of {} is still {} ({})", id, deployment.server(),
                            deployment.state(), deployment.note()));
    }
  }
  for (const auto& [name, site] : controller->state().sites) {
    if (site.status().commands_pending() != 0) {
      violation(
          fmt::format("{} commands for {} are not acknowledged", site.status().commands_pending(), name));
    }
    if (site.status().quarantined())
      violation(name + " is quarantined: " + site.status().quarantine_reason());
  }
  violation("the mesh did not come to rest within " + std::to_string(heal_limit / 1h) + " h after it healed");
}

void World::check_leftovers() {
  auto* controller = static_cast<OperatedController*>(controller_->core());
  // After addresses were mixed up, the agent may not know the machine that still holds its medium.
  if (controller == nullptr || swarm_.swap_every != Duration()) return;
  for (const auto& machine : bmcs_.machines()) {
    if (!machine->model->host().media_inserted()) continue;
    const auto owned_up = [&](const auto& item) {
      return item.second.server() == machine->name && item.second.debts_size() > 0;
    };
    if (std::ranges::any_of(controller->state().deployments, owned_up)) continue;
    trace_.violation(events_.now(), machine->name + " still holds our medium, and nobody owns up to it");
  }
}

RunResult World::run() {
  controller_->start();
  for (const auto& site : sites_) site->node->start();
  schedule_weather();
  const auto run_until = [this](MonoTime until) {
    while (events_.ran() < event_limit && trace_.violations().empty() && events_.run_one(until)) {
    }
  };
  run_until(events_.now() + swarm_.faulty_for);
  heal();
  const MonoTime deadline = events_.now() + heal_limit;
  while (trace_.violations().empty() && !converged()) {
    run_until(events_.now() + look_interval);
    if (events_.now() < deadline && events_.ran() < event_limit) continue;
    report_what_is_open();
  }
  const Sightings before = witness_.sightings();
  run_until(events_.now() + calm_after);
  if (trace_.violations().empty() && witness_.sightings().disks_written != before.disks_written) {
    trace_.violation(events_.now(), "a disk was written after everything had ended");
  }
  if (trace_.violations().empty()) check_leftovers();
  RunResult result;
  result.violations = trace_.violations();
  result.trace_hash = trace_.hash();
  result.events = events_.ran();
  result.virtual_time = events_.now().time_since_epoch();
  result.sightings = witness_.sightings();
  result.sightings.crashes = controller_->crashes();
  for (const auto& site : sites_) result.sightings.crashes += site->node->crashes();
  return result;
}

RunResult run_seed(const RunOptions& options) { return World(options).run(); }

}  // namespace metalmesh::sim
