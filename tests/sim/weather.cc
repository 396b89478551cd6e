#include "tests/sim/weather.h"

#include <algorithm>

#include "agents/core/row_keys.h"
#include "common/base/digest.h"
#include "common/delivery/stream_sender.h"
#include "common/ports/wire_time.h"
#include "controller/state/deployment_states.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/controller.pb.h"
#include "schemas/record/stream.pb.h"
#include "tests/sim/odd_bmcs.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t copies_kept = 4;
constexpr Duration copy_every = 4min;
// A field that no message of this version has.
constexpr std::string_view unknown_kind = "\xfa\x3e\x03new";

std::uint64_t next_event(const SimStore::Rows& rows) {
  record::StreamSender head;
  const auto found = rows.find(std::string(agent::rows::events) + "m");
  return found != rows.end() && head.ParseFromString(found->second) ? head.next_seq() : 0;
}

std::string journal_of(const SimStore::Rows& rows) {
  record::StreamSender head;
  const auto found = rows.find(std::string(agent::rows::events) + "m");
  return found != rows.end() && head.ParseFromString(found->second) ? head.journal_id() : std::string();
}

}  // namespace

void Weather::now_and_then(Duration mean, What what) { repeat(mean, random_.fork(), std::move(what)); }

void Weather::repeat(Duration mean, Random random, What what) {
  if (mean == Duration::zero()) return;
  const Duration wait(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(2 * mean.count()))));
  mesh_.events.after(wait, [this, mean, random, what = std::move(what)]() mutable {
    if (mesh_.healed()) return;
    what(random);
    repeat(mean, random, std::move(what));
  });
}

void Weather::begin() {
  network();
  nodes();
  clocks();
  histories();
  machines();
  odd_bmcs();
  newcomers();
}

std::string Weather::anybody(Random& random) {
  const Site& site = any_site(random);
  return random.chance(200) || site.twin.node ? "controller" : site.name;
}

void Weather::network() {
  const Swarm& swarm = mesh_.swarm;
  now_and_then(swarm.partition_every,
               [this](Random& random) { mesh_.bus.partition(anybody(random), 1s + random.below(600) * 1s); });
  now_and_then(swarm.one_way_every, [this](Random& random) {
    const std::string who = anybody(random);
    const Duration length = 1s + random.below(300) * 1s;
    mesh_.witness.marks().hit("a client was cut off in one direction");
    if (random.chance(500)) {
      mesh_.bus.mute(who, length);
    } else {
      mesh_.bus.deafen(who, length);
    }
  });
  now_and_then(swarm.broker_restart_every, [this](Random& random) {
    mesh_.witness.marks().hit("the broker restarted");
    mesh_.bus.restart(1s + random.below(60) * 1s);
  });
}

void Weather::nodes() {
  const Swarm& swarm = mesh_.swarm;
  now_and_then(swarm.crash_every, [this](Random& random) {
    switch (random.below(3)) {
      case 0:
        return pull_plug(*mesh_.controller, random);
      case 1:
        return pull_plug(*any_site(random).box.node, random);
      default: {
        SimMedia& media = *any_site(random).box.media;
        media.crash();
        mesh_.witness.marks().hit("a media server died alone");
        mesh_.events.after(random.below(20) * 1s, [&media] { media.start(); });
      }
    }
  });
  now_and_then(swarm.disk_full != 0 ? Duration(10min) : Duration(), [this](Random& random) {
    SimStore& rows = random.chance(300) ? mesh_.controller->rows() : any_site(random).box.node->rows();
    rows.set_low(true);
    mesh_.witness.marks().hit("a disk was nearly full");
    mesh_.events.after(1min + random.below(300) * 1s, [&rows] { rows.set_low(false); });
  });
}

namespace {

/// Forward or backward; a bad correction, a time zone taken for UTC, a dead battery.
Duration draw_step(Random& random) {
  const Duration sizes[] = {5s + random.below(60) * 1s, 1min + random.below(7200) * 1s, 24h * 3650};
  const Duration size = sizes[random.below(std::size(sizes))];
  return random.chance(500) ? size : -size;
}

}  // namespace

void Weather::clocks() {
  const Swarm& swarm = mesh_.swarm;
  now_and_then(swarm.clock_step_every, [this](Random& random) {
    mesh_.witness.marks().hit("a clock stepped");
    any_site(random).box.node->step_clock(draw_step(random));
  });
  now_and_then(swarm.controller_step_every, [this](Random& random) { step_controller(random); });
  now_and_then(swarm.freeze_every, [this](Random& random) { freeze(random); });
  now_and_then(swarm.blackout_every, [this](Random& random) { black_out(any_site(random), random); });
}

/// They come back in any order: the box when it has booted, hosts by their own power policy, BMCs minutes
/// after their hosts; media may stay inserted, overrides set.
void Weather::black_out(Site& site, Random& random) {
  if (site.twin.node) return;
  mesh_.trace.line(mesh_.events.now(), site.name, "loses power");
  mesh_.witness.marks().hit("a site lost power at once");
  site.box.node->reboot("the mains are gone");
  site.box.media->lose_power();
  mesh_.events.after(5s + random.below(60) * 1s, [&media = *site.box.media] { media.start(); });
  for (Machine* machine : site.machines) {
    const Duration off = random.chance(700) ? Duration(2s + random.below(60) * 1s) : Duration();
    mesh_.bmcs.black_out(*machine, off, off + random.below(180) * 1s, random.chance(500));
  }
}

/// Some are taken back: at once, before anybody believed them, or long after.
void Weather::step_controller(Random& random) {
  const Duration step = draw_step(random);
  mesh_.witness.marks().hit("the controller's clock stepped");
  mesh_.trace.line(mesh_.events.now(), "controller", "clock steps", std::to_string(step / 1s));
  mesh_.controller->step_clock(step);
  if (random.chance(300)) return;
  mesh_.events.after(1s + random.below(1800) * 1s, [this, step] {
    mesh_.witness.marks().hit("the controller's clock stepped back");
    mesh_.trace.line(mesh_.events.now(), "controller", "clock steps", std::to_string(-step / 1s));
    mesh_.controller->step_clock(-step);
  });
}

void Weather::freeze(Random& random) {
  const Duration length = 20s + random.below(1200) * 1s;
  Site& site = any_site(random);
  const std::uint64_t who = random.below(6);
  if (who == 0) mesh_.freeze_controller(length);
  if (who == 1 || who == 3) site.box.node->freeze(length);
  if (who == 2 || who == 3) site.box.media->freeze(length);
  if (who == 4) mesh_.bus.freeze(length);
  if (who == 5) mesh_.bmcs.freeze(any_machine(random), std::min<Duration>(length, 2min));
  constexpr const char* names[] = {"the controller was frozen", "an agent was frozen",
                                   "a media server was frozen", "a site's box was frozen",
                                   "the broker was frozen",     "a BMC was frozen"};
  mesh_.witness.marks().hit(names[who]);
}

void Weather::pull_plug(SimNode& node, Random& random) {
  if (!random.chance(mesh_.swarm.reboot)) return node.crash("pulled the plug");
  mesh_.witness.marks().hit("a machine was started anew");
  // Written down every ten minutes at least. It only matters to one whose clock is set back meanwhile.
  if (&node == mesh_.controller.get() && mesh_.swarm.controller_step_every != Duration())
    mesh_.witness.on_controller_rebooted(10min + mesh_.swarm.down_for + 2s);
  node.reboot("power failure");
  for (const auto& site : mesh_.sites) {
    if (site->box.node.get() != &node) continue;
    site->box.media->lose_power();
    mesh_.events.after(5s + random.below(20) * 1s, [&media = *site->box.media] { media.start(); });
  }
}

void Weather::histories() {
  const Swarm& swarm = mesh_.swarm;
  if (swarm.restore_every != Duration() || swarm.rollback_every != Duration()) take_copies();
  now_and_then(swarm.store_lost_every, [this](Random& random) {
    Site& site = any_site(random);
    mesh_.witness.marks().hit("a journal was lost");
    mesh_.lose_store(site, "its store does not open");
  });
  now_and_then(swarm.rollback_every, [this](Random& random) { roll_back(any_site(random)); });
  now_and_then(swarm.restore_every, [this](Random& random) { restore_controller(random); });
  now_and_then(swarm.upgrade_every, [this](Random& random) { run_newer_version(random); });
  now_and_then(swarm.repeat_every, [this](Random& random) { order_again(random); });
  now_and_then(swarm.twin_every, [this](Random& random) {
    Site& site = any_site(random);
    if (site.twin.node) {
      mesh_.revive_twin(site);
    } else {
      mesh_.clone_box(site);
    }
  });
}

void Weather::machines() {
  const Swarm& swarm = mesh_.swarm;
  for (const auto& machine : mesh_.bmcs.machines()) {
    now_and_then(swarm.self_reset_every,
                 [this, &machine = *machine](Random&) { mesh_.bmcs.self_reset(machine); });
  }
  now_and_then(swarm.bmc_restart_every,
               [this](Random& random) { mesh_.bmcs.restart_bmc(any_machine(random)); });
  now_and_then(swarm.media_lost_every,
               [this](Random& random) { mesh_.bmcs.lose_medium(any_machine(random)); });
  now_and_then(swarm.sessions_full_every, [this](Random& random) {
    Machine& machine = any_machine(random);
    machine.model->occupy_sessions(8);
    mesh_.witness.marks().hit("a BMC's session table was full");
    mesh_.events.after(1min + random.below(300) * 1s, [&machine] { machine.model->release_sessions(); });
  });
  now_and_then(swarm.swap_every, [this](Random& random) {
    const auto& machines = any_site(random).machines;
    const std::string a = machines[random.below(machines.size())]->address;
    const std::string b = machines[random.below(machines.size())]->address;
    mesh_.bmcs.swap(a, b);
    swapped_.emplace_back(a, b);
  });
  now_and_then(swarm.board_every, [this](Random& random) {
    Machine& machine = any_machine(random);
    if (machine.model->host().state() != bmcsim::HostState::installing) mesh_.bmcs.replace_board(machine);
  });
  now_and_then(swarm.move_every, [this](Random& random) { move_machine(random); });
  now_and_then(swarm.rotation_every, [this](Random& random) {
    mesh_.rotate_password(any_site(random), 10s + random.below(2400) * 1s);
  });
}

void Weather::odd_bmcs() {
  const Swarm& swarm = mesh_.swarm;
  now_and_then(swarm.bout_every, [this](Random& random) {
    const std::string_view name = odd_bouts()[random.below(odd_bouts().size())];
    const Duration length = 10s + random.below(600) * 1s;
    const std::size_t model = random.below(2);  // every other machine is of the same make
    for (std::size_t i = model; i < mesh_.bmcs.machines().size(); i += 2) {
      Machine& machine = *mesh_.bmcs.machines()[i];
      mesh_.bmcs.set_fault(machine, name);
      mesh_.events.after(length, [this, &machine, name] { mesh_.bmcs.clear_fault(machine, name); });
    }
    mesh_.witness.marks().hit("every BMC of one model was odd at once");
  });
  now_and_then(swarm.trouble_every, [this](Random& random) {
    Site& site = any_site(random);
    const auto installs = [](const Machine* machine) {
      return machine->model->host().state() == bmcsim::HostState::installing;
    };
    const auto found = std::ranges::find_if(site.machines, installs);
    if (found == site.machines.end()) return;
    Machine& machine = **found;
    const std::string_view name = odd_troubles()[random.below(odd_troubles().size())];
    mesh_.bmcs.set_fault(machine, name);
    mesh_.events.after(5s + random.below(600) * 1s,
                       [this, &machine, name] { mesh_.bmcs.clear_fault(machine, name); });
    mesh_.witness.marks().hit("a BMC was odd while its installer ran");
    if (!random.chance(mesh_.swarm.trouble_restart)) return;
    mesh_.witness.marks().hit("a BMC was odd while its installer ran, and the agent restarted");
    site.box.node->crash("restarts");
  });
}

/// It is noticed and stopped, or runs for good.
void Weather::newcomers() {
  now_and_then(mesh_.swarm.newcomer_every, [this](Random& random) {
    Site& site = any_site(random);
    if (site.twin.node) return;
    mesh_.start_newcomer(site);
    if (random.chance(300)) return;
    mesh_.events.after(1min + random.below(1200) * 1s, [this, &site] { mesh_.stop_newcomer(site); });
  });
}

void Weather::take_copies() {
  mesh_.events.after(copy_every, [this] {
    if (mesh_.healed()) return;
    const auto keep = [](std::deque<SimStore::Rows>& copies, const SimStore& rows) {
      copies.push_back(rows.rows());
      if (copies.size() > copies_kept) copies.pop_front();
    };
    keep(controller_copies_, mesh_.controller->rows());
    for (const auto& site : mesh_.sites) keep(agent_copies_[site->name], site->box.node->rows());
    take_copies();
  });
}

/// Only to a copy that the controller is ahead of: what nobody else has seen can nobody miss.
void Weather::roll_back(Site& site) {
  if (site.twin.node) return;
  for (const SimStore::Rows& copy : agent_copies_[site.name]) {
    const auto logged = mesh_.witness.facts().logged.find(journal_of(copy));
    const bool current = journal_of(copy) == journal_of(site.box.node->rows().rows());
    if (!current || logged == mesh_.witness.facts().logged.end() || logged->second < next_event(copy))
      continue;
    mesh_.witness.marks().hit("an agent's store was put back to an older copy");
    site.box.node->crash_into(copy, "its store is put back to an older copy");
    mesh_.witness.on_store_replaced(site.name, site.box.node->rows());
    return;
  }
}

void Weather::restore_controller(Random& random) {
  if (controller_copies_.empty()) return;
  mesh_.witness.marks().hit("the controller was restored from an older copy");
  mesh_.controller->crash_into(controller_copies_[random.below(controller_copies_.size())],
                               "restored from a copy");
  controller_copies_.clear();
  mesh_.witness.on_controller_restored(mesh_.controller->rows());
}

/// While the node is down a newer version runs for a moment and journals something this one has no word for.
void Weather::run_newer_version(Random& random) {
  Site& site = any_site(random);
  const bool at_controller = random.chance(500);
  SimNode& node = at_controller ? *mesh_.controller : *site.box.node;
  node.crash("upgraded, and back again");
  const std::string prefix =
      at_controller ? controller::tables::command_stream(site.name) : std::string(agent::rows::events);
  delivery::StreamSender stream(prefix, node.rows());
  if (!stream.exists()) return;
  std::string entry(unknown_kind);
  if (at_controller) {
    wire::Command command;
    command.set_journal_id(journal_of(site.box.node->rows().rows()));
    command.set_controller_epoch(mesh_.witness.facts().agents.at(site.name).epoch);
    entry.insert(0, command.SerializeAsString());
  }
  Batch batch;
  if (!stream.append(std::move(entry), batch)) return;
  if (!node.rows().commit(batch)) return;
  mesh_.witness.marks().hit(at_controller ? "a newer controller ran for a moment"
                                          : "a newer agent ran for a moment");
  if (at_controller) {
    mesh_.witness.on_controller_durable(batch);
  } else {
    mesh_.witness.on_agent_durable(site.name, batch);
  }
}

/// A controller that repeats itself: an order or cancel of an ended deployment comes once more, under a new
/// number.
void Weather::order_again(Random& random) {
  Site& site = any_site(random);
  std::vector<const wire::Command*> old;
  std::vector<const wire::Command*> replaced;  // of a controller that a restored one has followed
  const Facts& facts = mesh_.witness.facts();
  const std::string journal = journal_of(site.box.node->rows().rows());
  const std::uint64_t epoch = facts.agents.at(site.name).epoch;
  for (const auto& [key, command] : facts.commands) {
    const std::string& id = command.has_order() ? command.order().issue().deployment_id()
                                                : command.cancel_order().deployment_id();
    const auto deployment = facts.deployments.find(id);
    if (deployment != facts.deployments.end() && deployment->second.site() == site.name &&
        !controller::is_open(deployment->second.state())) {
      old.push_back(&command);
      if (command.journal_id() == journal && command.controller_epoch() < epoch) replaced.push_back(&command);
    }
  }
  if (old.empty()) return;
  wire::Command command;
  if (replaced.empty()) {
    command = *old[random.below(old.size())];
    // Else as it was: perhaps for a journal that is gone.
    if (command.journal_id() == journal && random.chance(500)) command.set_controller_epoch(epoch);
  } else {
    mesh_.witness.marks().hit("an order of a replaced controller was repeated");
    command = *replaced[random.below(replaced.size())];
  }
  // Drawn from nothing: whether it is altered must not change what is drawn later.
  if (command.has_order() && old.size() % 3 == 0) return alter_order(site, std::move(command));
  mesh_.repeat_command(site, command);
}

/// Between plan and site somebody changed what was agreed to, or where it belongs, and gave it a number that no
/// fence knows.
void Weather::alter_order(Site& site, wire::Command command) {
  const Facts& facts = mesh_.witness.facts();
  wire::Order& order = *command.mutable_order();
  std::string& bytes = order.path().hashes().empty()         ? *order.mutable_agreed()
                       : order.issue().generation() % 2 == 0 ? *order.mutable_agreed()
                                                             : *order.mutable_path()->mutable_hashes(0);
  const std::size_t at = sha256(bytes).front() % bytes.size();
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  order.mutable_issue()->set_deployment_id("altered-" + order.issue().deployment_id());
  order.mutable_issue()->set_generation(order.issue().generation() + 1'000'000);
  *order.mutable_issue()->mutable_start_by() = to_wire(mesh_.events.wall() + 4h);
  *order.mutable_issue()->mutable_launch_by() = to_wire(mesh_.events.wall() + 5h);
  command.set_journal_id(journal_of(site.box.node->rows().rows()));
  command.set_controller_epoch(facts.agents.at(site.name).epoch);
  mesh_.witness.on_order_altered(order);
  mesh_.repeat_command(site, command);
}

void Weather::move_machine(Random& random) {
  Site& from = any_site(random);
  Site& to = any_site(random);
  if (&from == &to || from.machines.size() < 2) return;
  Machine& machine = *from.machines.back();
  if (machine.model->host().state() == bmcsim::HostState::installing) return;
  from.machines.pop_back();
  to.machines.push_back(&machine);
  const std::string address = to.machines.front()->address + "0" + std::to_string(to.machines.size());
  machine.model->options().password = to.bmc_password;
  mesh_.bmcs.move(machine, address);
  mesh_.events.after(random.below(600) * 1s,
                     [this, &machine, &to, address] { mesh_.person->moved(machine.name, to.name, address); });
}

void Weather::heal() {
  for (const auto& machine : mesh_.bmcs.machines()) {
    for (const std::string_view name : machine->model->faults()) mesh_.bmcs.clear_fault(*machine, name);
  }
  for (; !swapped_.empty(); swapped_.pop_back()) {
    const auto& [a, b] = swapped_.back();
    const auto& known = mesh_.bmcs.by_address();
    if (known.contains(a) && known.contains(b)) mesh_.bmcs.swap(a, b);
  }
}

}  // namespace metalmesh::sim
