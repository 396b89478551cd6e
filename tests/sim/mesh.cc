#include "tests/sim/mesh.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agents/core/agent_core.h"
#include "agents/core/row_care.h"
#include "agents/core/row_keys.h"
#include "common/base/check.h"
#include "common/delivery/stream_sender.h"
#include "common/delivery/topics.h"
#include "controller/core/row_care.h"
#include "controller/state/tables.h"
#include "schemas/record/stream.pb.h"
#include "tests/sim/endings.h"
#include "tests/sim/operated_controller.h"
#include "tests/sim/sim_zones.h"
#include "tests/support/open_site.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration reads_the_log = 5min;  // the people on the spot

/// A row of a site's own for the BMCs of this world; it says nothing new.
config::BmcQuirks row_of_this_world() {
  config::BmcQuirks row;
  row.set_name("this-world");
  row.mutable_match()->set_vendor("Metalmesh");
  row.mutable_match()->set_product("bmcsim");
  row.set_boot_target("Cd");
  (*row.mutable_sources())["bootTarget"] = "it is made so";
  return row;
}

agent::AgentSettings settings_of(const std::string& site, const Swarm& swarm) {
  agent::AgentSettings settings;
  settings.site = SiteName(site);
  settings.machine_id = "edge-" + site;
  settings.version = "sim";
  test::open_to_all(settings);
  add_endings(settings.families);
  settings.timeouts.poll = 15s;
  settings.timeouts.first_read = 2min;  // the firmware here is quick
  settings.timeouts.boot = 15min;
  settings.shelf_room = 100'000;  // a few transcripts
  if (swarm.known_bmcs) MM_CHECK(settings.quirks.add(row_of_this_world(), QuirkOrigin::site).has_value());
  return settings;
}

/// Where a thief fills it, it is small enough to be filled.
controller::SiteShare share_of(const Swarm& swarm) {
  return swarm.stolen_box ? controller::SiteShare{.at_once = 100'000, .per_second = 500}
                          : controller::SiteShare();
}

/// The stream whose head row is at `key` has been acknowledged to its end.
bool drained(const SimStore& rows, const std::string& key) {
  record::StreamSender head;
  const auto row = rows.find(key);
  return row && head.ParseFromString(*row) && head.acked() + 1 == head.next_seq();
}

/// Some lack what their type says must be, and of some nobody can say which card a role is.
void make_of_type(bmcsim::BmcOptions& machine, unsigned number) {
  machine.memory_gib = wanted_memory_gib / (number % 3 == 1 ? 2 : 1);
  if (number % 5 == 2) machine.macs.push_back(machine.macs.front().substr(0, 15) + "02");
}

}  // namespace

Mesh::Mesh(const Swarm& given, Random random, const KeyRing& keys, bool print)
    : swarm(given),
      trace(print),
      witness(events, trace),
      bus(events, swarm, random.fork(), witness.marks()),
      bmcs(events, trace, swarm, random.fork(), witness.marks(),
           {[this](Machine& machine) { witness.on_machine(machine); },
            [this](const Machine& machine, const SimMedia& media, int status) {
              witness.on_media_reply(machine, media, status);
            },
            [this](const Machine& machine, const SimMedia& media, const std::string& body, int status,
                   const std::string& says, bool stranger, bool lost) {
              const bool there = std::ranges::any_of(sites, [&](const auto& site) {
                return site->box.media.get() == &media && site->box.node->alive();
              });
              witness.on_asked({machine, body, status, says, stranger, lost, there});
            }}),
      prober(events,
             [this](const std::string& host, std::uint16_t) {
               if (bmcs.by_address().contains(host)) return Listener{Listener::Port::open, {}};
               const Listener found = bmcs.listener(host);
               if (found.port == Listener::Port::open) witness.marks().hit("a port was found open");
               return found;
             }),
      random_(random),
      keys_(keys) {
  for (unsigned i = 0; i < swarm.sites; ++i) build_site(i);
  for (const auto& machine : bmcs.machines()) witness.court().machines.push_back(machine.get());
  build_controller();
}

Mesh::~Mesh() = default;

void Mesh::start() {
  controller->start();
  for (const auto& site : sites) site->box.node->start();
}

Site* Mesh::site_named(const std::string& name) {
  const auto found = std::ranges::find(sites, name, [](const auto& site) { return site->name; });
  return found == sites.end() ? nullptr : found->get();
}

void Mesh::build_controller() {
  controller::PaceLimits& ceilings = witness.court().facts.ceilings;
  if (swarm.starts_per_site > 0) ceilings.per_site = swarm.starts_per_site;
  if (swarm.starts_per_actor > 0) ceilings.per_actor = swarm.starts_per_actor;
  std::vector<std::string> names;
  std::vector<ServerToRegister> servers;
  for (const auto& site : sites) {
    names.push_back(site->name);
    for (const Machine* machine : site->machines) {
      const bmcsim::BmcOptions& bmc = machine->model->options();
      const bool last = machine == site->machines.back() && site->machines.size() > 1;
      const bool in_use = bmc.disk_has_os && servers.size() % 2 == 0 && !swarm.bulk;
      const bool precious = (last && swarm.greedy) || in_use;
      if (precious) witness.court().facts.precious.insert(machine->name);
      servers.push_back(
          {machine->name, site->name, machine->address, bmc.uuid, bmc.serial, precious, bmc.disk_has_os});
    }
  }
  person = std::make_unique<Operator>(
      swarm, events, random_.fork(), trace, witness.marks(), names, servers,
      [this](const std::string& name) {
        if (name == witness.facts().stolen_site) return;  // she takes the thief for its agent
        if (Site* site = site_named(name)) enrol_anew(*site);
        witness.on_quarantine_cleared(name);
      },
      [this](const controller::OperatorRequest& request) {
        witness.court().facts.spared = person->spared();
        witness.on_granted(request);
      });
  const std::string name = "controller";
  Surroundings around;
  around.clock_error = 500ms;  // agents learn the time from it
  around.publish = [this, name](Publish message) {
    for (const auto& site : sites) {
      if (message.topic == topics::down(SiteName(site->name)))
        witness.on_published(name, site->name, true, message, controller->rows());
    }
    bus.publish(name, std::move(message));
  };
  around.durable = [this](const Batch& batch) {
    witness.on_controller_durable(batch);
    controller_committed();
  };
  around.care = [](const RowReader& found) { return controller::care_for_rows(found, {}).value().batch; };
  around.cared = [this](const Batch& batch) { witness.on_controller_durable(batch); };
  around.came_up = [this, name](const Surroundings::Deliver&) {
    witness.on_controller_started();
    bus.connect(name);
  };
  around.went_down = [this, name] {
    witness.on_controller_ended();
    bus.disconnect(name);
  };
  around.log_line = [this, name](std::string_view line) { witness.on_log_line(name, line); };
  controller = std::make_unique<SimNode>(
      name, events, trace, swarm, random_.fork(),
      [this, name](const RowReader& rows, Entropy& entropy) {
        return std::make_unique<OperatedController>(
            rows, keys_.signer(name), keys_.verifier(), entropy, *person,
            // A person may take over a clock's new year; then what is old by it goes rightly.
            controller::ControllerLimits{.entries_kept = swarm.entries_kept,
                                         .planned_at_once = swarm.planned_at_once,
                                         .zones = sim_zones(),
                                         .transcripts = {.age = std::chrono::years(100)},
                                         .site_share = share_of(swarm),
                                         .pace = witness.court().facts.ceilings});
      },
      std::move(around));
  bus.attach(
      name, std::string(topics::every_up), [this](Input input) { controller->deliver(std::move(input)); },
      [this, name](const MessageArrived& bad) {
        controller->try_bad(bad, [this, name](bool ignored) { witness.on_bad_message(name, ignored); });
      });
}

void Mesh::build_site(unsigned index) {
  Site& site = *sites.emplace_back(std::make_unique<Site>());
  site.name = fmt::format("site{}", index + 1);
  site.bmc_password = site.password = std::string(secret_word) + site.name;
  for (unsigned i = 0; i < swarm.servers_per_site; ++i) {
    Machine& machine = bmcs.add(fmt::format("{}-n{}", site.name, i + 1),
                                fmt::format("10.{}.{}.{}", index + 1, i / 250, i % 250 + 1));
    machine.model->options().password = site.bmc_password;
    if (swarm.stalling) machine.model->options().stops_reading_at = 50;
    if (swarm.typed) make_of_type(machine.model->options(), index + i);
    site.machines.push_back(&machine);
  }
  site.box = build_box(site, site.name);
}

Box Mesh::build_box(Site& site, const std::string& name) {
  Box box;
  box.media = std::make_unique<SimMedia>("media." + name, events, trace, random_.fork(),
                                         [this](const std::string& id) { witness.on_guarded_read(id); });
  bmcs.add_media(*box.media);
  box.images = std::make_unique<SimImages>(
      events, [this](const std::string&, std::uint64_t) { return image_source(); });
  if (swarm.asks) box.images->make_room(answer_room_of_askers);
  box.node = std::make_unique<SimNode>(
      name, events, trace, swarm, random_.fork(),
      [this, &site](const RowReader& rows, Entropy& entropy) {
        return std::make_unique<agent::AgentCore>(rows, keys_.signer(site.name), keys_.verifier(), entropy,
                                                  settings_of(site.name, swarm));
      },
      around_agent(site, name, *box.media, *box.images));
  SimNode* node = box.node.get();
  bus.attach(
      name, topics::down(SiteName(site.name)), [node](Input input) { node->deliver(std::move(input)); },
      [this, node](const MessageArrived& bad) {
        node->try_bad(bad, [this, node](bool ignored) { witness.on_bad_message(node->name(), ignored); });
      });
  return box;
}

Surroundings Mesh::around_agent(Site& site, const std::string& name, SimMedia& media, SimImages& images) {
  const auto rows = [&site, name]() -> const SimStore& {
    return (site.box.node->name() == name ? site.box : site.twin).node->rows();
  };
  Surroundings around;
  around.clock_error = swarm.clock_error;
  around.publish = [this, &site, name, rows](Publish message) {
    witness.on_published(name, site.name, false, message, rows());
    bus.publish(name, std::move(message));
  };
  around.http = [this, &site, name, rows](const HttpRequest& request, Surroundings::Deliver deliver) {
    witness.on_call(name, request, rows());
    bmcs.start(name, request, site.password, std::move(deliver));
  };
  around.fetch = [this, &images](const ImageFetch& fetch, const Surroundings::Deliver& deliver) {
    fetch_image(images, fetch, deliver);
  };
  around.drop = [&images](const ImageDrop& drop) { images.drop(drop); };
  around.verify = [&images](const ImageVerify& verify, Surroundings::Deliver deliver) {
    images.verify(verify, std::move(deliver));
  };
  around.media = [&media](const wire::MediaCommand& command) { media.send(command); };
  around.probe = [this](const ProbeStart& probe, Surroundings::Deliver deliver) {
    prober.probe(probe, std::move(deliver));
  };
  around.durable = [this, name](const Batch& batch) { witness.on_agent_durable(name, batch); };
  around.care = [](const RowReader& found) { return agent::care_for_rows(found).value().batch; };
  around.cared = [this, name](const Batch& batch) { witness.on_agent_cared(name, batch); };
  around.came_up = [this, &site, &media, name, rows](const Surroundings::Deliver& deliver) {
    witness.on_agent_started(name, site.name, rows());
    deliver(CredentialsChanged{{{"bmc", std::to_string(site.password_version)}}});
    media.start();
    media.agent_up(deliver);
    bus.connect(name);
  };
  around.went_down = [this, &media, &images, name] {
    media.agent_down();
    images.agent_down();
    bmcs.hang_up(name);
    if (swarm.media_dies_with_agent) media.crash();
    bus.disconnect(name);
  };
  around.log_line = [this, name](std::string_view line) { witness.on_log_line(name, line); };
  return around;
}

SimImages::Source Mesh::image_source() {
  using Gives = SimImages::Source::Gives;
  const Duration most = healed_ ? Duration(10s) : swarm.image_time;
  SimImages::Source source{
      Gives::all,
      1s + Duration(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(most.count()))))};
  if (!healed_ && random_.chance(swarm.image_fault)) {
    const std::uint64_t how = random_.below(10);
    source.gives = how == 0 ? Gives::other_bytes : how < 5 ? Gives::half : Gives::nothing;
  }
  if (source.takes > 5min) witness.marks().hit("an image source was slow");
  return source;
}

void Mesh::fetch_image(SimImages& images, const ImageFetch& fetch, const Surroundings::Deliver& deliver) {
  images.fetch(fetch, deliver);
  if (healed_ || !random_.chance(swarm.image_fault)) return;
  events.after(1min + random_.below(1200) * 1s, [this, &images, sha256 = fetch.sha256, deliver] {
    if (healed_) return;
    images.rot(sha256);
    images.verify({sha256}, [this, deliver](Input told) {
      witness.marks().hit("an image rotted on a site's disk");
      deliver(std::move(told));
    });
  });
}

bool Mesh::repeat_command(const Site& site, const wire::Command& command) {
  controller->crash("repeats itself");
  delivery::StreamSender stream(controller::tables::command_stream(site.name), controller->rows());
  if (!stream.exists()) return false;
  Batch batch;
  if (!stream.append(command.SerializeAsString(), batch) || !controller->rows().commit(batch)) return false;
  witness.marks().hit("an old command was repeated");
  witness.on_controller_durable(batch);
  return true;
}

void Mesh::freeze_controller(Duration length) {
  if (!controller->alive()) return;
  controller->freeze(length);
  witness.on_controller_frozen(length);
}

void Mesh::rotate_password(Site& site, Duration late) {
  trace.line(events.now(), site.name, "changes its BMCs' password");
  witness.marks().hit("a password was changed before the agent knew");
  site.bmc_password = fmt::format("{}{}-{}", secret_word, site.name, ++site.rotations);
  for (Machine* machine : site.machines) machine->model->options().password = site.bmc_password;
  events.after(late, [this, &site, password = site.bmc_password] {
    site.password = password;
    ++site.password_version;
    tell_credentials(site);
  });
}

void Mesh::tell_credentials(Site& site) {
  witness.on_credentials_set();
  for (const Box* box : {&site.box, &site.twin}) {
    if (box->node) box->node->deliver(CredentialsChanged{{{"bmc", std::to_string(site.password_version)}}});
  }
}

/// Who reads that BMCs refused it, and knows it to be right, says so.
void Mesh::release_credentials(Site& site) {
  const SimStore& rows = site.box.node->rows();
  const auto marks = rows.scan(agent::rows::credential, agent::rows::after(agent::rows::credential), 1);
  if (!marks || marks->empty()) return;
  trace.line(events.now(), site.name, "is told to try its credential again");
  ++site.password_version;
  tell_credentials(site);
}

void Mesh::heal() {
  healed_ = true;
  trace.line(events.now(), "world", "heals");
  bus.set_healthy();
  bmcs.set_healthy();
  person->rest();
  controller->set_healthy();
  stop_second_controller();
  for (const auto& site : sites) {
    if (site->name == witness.facts().stolen_site) continue;
    site->box.node->set_healthy();
    for (Machine* machine : site->machines) machine->model->release_sessions();
    events.after(reads_the_log, [this, &site = *site] { release_credentials(site); });
    if (!site->twin.node) continue;
    // Which of the two the controller believes is not known here: neither can be trusted with its history.
    if (site->twin.node->alive() && !site->twin_was_empty) enrol_anew(*site);
    site->twin.node->stop();
    site->twin.node->rows().replace({});
    witness.on_store_replaced(site->twin.node->name(), site->twin.node->rows());
  }
}

bool Mesh::at_rest() const {
  if (controller->core() == nullptr) return false;
  for (const auto& site : sites) {
    if (site->name == witness.facts().stolen_site) continue;
    const SimStore& rows = site->box.node->rows();
    if (!site->box.node->alive() || !drained(rows, std::string(agent::rows::events) + "m")) return false;
    if (!rows.scan(agent::rows::job, agent::rows::after(agent::rows::job), 1)->empty()) return false;
    if (!drained(controller->rows(), controller::tables::command_stream(site->name) + "m")) return false;
  }
  return bus.whole() && witness.all_deployments_ended() && witness.all_events_arrived() &&
         witness.all_transcripts_settled();
}

}  // namespace metalmesh::sim
