#include "tests/sim/sim_bmcs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/digest.h"
#include "tests/sim/odd_bmcs.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

std::string uuid_of(const std::string& hex) {
  return fmt::format("{}-{}-4{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(13, 3),
                     hex.substr(17, 3), hex.substr(20, 12));
}

std::string mac_of(const std::string& hex) {
  return fmt::format("02:{}:{}:{}:{}:01", hex.substr(40, 2), hex.substr(42, 2), hex.substr(44, 2),
                     hex.substr(46, 2));
}

bmcsim::BmcOptions options_of(const std::string& name, const Swarm& swarm, Random& random) {
  const std::string hex = to_hex(sha256("machine/" + name));
  bmcsim::BmcOptions options;
  options.name = name;
  options.uuid = uuid_of(hex);
  options.serial = "SIM" + hex.substr(32, 8);
  options.macs = {mac_of(hex)};
  options.power_time = 2s;
  options.post_time = 20s;
  options.install_time = 1min + random.below(5) * 1min;
  options.os_boot_time = 20s;
  options.media_retry = 3s;
  options.media_give_up = random.chance(swarm.impatient) ? Duration(4s) : Duration(1min);
  options.read_chunk = image_size / 8;
  options.callback_retry = 1min;
  options.async_insert = swarm.async_insert;
  options.media_under_systems = swarm.media_under_systems;
  options.calls_back = random.chance(700);
  options.once_ignored = random.chance(swarm.once_ignored);
  options.cd_first = random.chance(swarm.cd_first);
  options.slot_lag = random.chance(swarm.slot_lag) ? Duration(random.below(20) * 1s) : Duration();
  options.powered_on = random.chance(swarm.running);
  options.disk_has_os = options.powered_on;
  options.boot_mark = boot_mark;
  options.asks_first = swarm.asks;
  return options;
}

/// What the standard leaves open, or hosts do by themselves.
void draw_habits(bmcsim::BmcOptions& options, Random& random) {
  options.boot_progress = random.chance(400);
  options.require_if_match = random.chance(200);
  options.never_reads = random.chance(30);
  options.stops_reading_at = random.chance(30) ? 50 : 0;
  options.reboots_at_end = random.chance(50);
}

/// What there is to see of a restart, and what a firmware makes of a medium then.
void draw_starts(bmcsim::BmcOptions& options, Random& random) {
  options.boot_progress = random.chance(600);
  options.looks_at_media = random.chance(600);
  options.cd_first = random.chance(500);
  options.post_time = 25s + random.below(25) * 1s;
}

}  // namespace

SimBmcs::SimBmcs(EventQueue& events, Trace& trace, const Swarm& swarm, Random random, Marks& marks,
                 Watch watch)
    : events_(events),
      trace_(trace),
      swarm_(swarm),
      random_(random),
      kinds_(Random(random).fork()),
      marks_(marks),
      watch_(std::move(watch)) {}

Machine& SimBmcs::add(std::string name, std::string address, const Adjust& adjust) {
  auto machine = std::make_unique<Machine>();
  machine->key_sha256 = to_hex(sha256(swarm_.keys_differ ? "key/" + name : "the vendor's default key"));
  bmcsim::BmcOptions options = options_of(name, swarm_, random_);
  if (swarm_.odd > 0) draw_habits(options, kinds_);
  if (swarm_.ending != 0) draw_starts(options, kinds_);
  if (swarm_.odd == 0 && swarm_.ending == 0) options.boot_progress = kinds_.chance(400);
  if (adjust) adjust(options);
  machine->model = std::make_unique<bmcsim::BmcModel>(std::move(options));
  machine->stuck_tray = random_.chance(swarm_.stuck_tray);
  if (kinds_.chance(swarm_.odd)) machine->kind = draw_kind();
  machine->address_taken = random_.chance(swarm_.address_taken);
  machine->name = std::move(name);
  if (!machine->kind.empty()) set_fault(*machine, machine->kind);
  machine->address = address;
  by_address_[std::move(address)] = machine.get();
  return *machines_.emplace_back(std::move(machine));
}

std::string_view SimBmcs::draw_kind() {
  const auto kinds = swarm_.rare_kinds ? rare_kinds() : odd_kinds();
  return kinds[kinds_.below(kinds.size())];
}

Listener SimBmcs::listener(const std::string& name) const {
  using Port = Listener::Port;
  const auto machine = std::ranges::find(machines_, name, [](const auto& each) { return each->name; });
  if (machine == machines_.end()) return {Port::silent, {}};
  if ((*machine)->address_taken) return {Port::open, "SSH-2.0-Stranger"};
  switch ((*machine)->model->host().state()) {
    case bmcsim::HostState::old_system:
    case bmcsim::HostState::new_system:
      return {Port::open, "SSH-2.0-System"};
    case bmcsim::HostState::installing:  // some installers offer a login while they run
      if ((*machine)->model->options().cd_first) return {Port::open, "SSH-2.0-Installer"};
      return {Port::refused, {}};
    default:
      return {Port::silent, {}};
  }
}

std::string shown_key(const Machine& machine) {
  const bool second = machine.model->options().tls_key == 2;
  return second ? to_hex(sha256(machine.key_sha256)) : machine.key_sha256;
}

void SimBmcs::advance(Machine& machine) {
  for (const bmcsim::HostWish& wish : machine.model->advance(events_.now())) want(machine, wish);
  watch_.machine(machine);
  const auto due = machine.model->next_due();
  if (!due || machine.wakes_at == due) return;
  machine.wakes_at = due;
  events_.at(*due, [this, &machine, due] {
    if (machine.wakes_at != due) return;
    machine.wakes_at.reset();
    advance(machine);
  });
}

void SimBmcs::self_reset(Machine& machine) {
  bmcsim::Host& host = machine.model->host();
  trace_.line(events_.now(), machine.name, "resets by itself", host.media_inserted() ? "with a medium" : "");
  if (host.media_inserted()) marks_.hit("a host reset by itself with our medium");
  if (host.on()) {
    host.reset(events_.now(), false);
  } else {
    host.power_on(events_.now(), false);
  }
  advance(machine);
}

void SimBmcs::set_fault(Machine& machine, std::string_view name) {
  trace_.line(events_.now(), machine.name, "is odd", name);
  machine.model->set_fault(name);
  const bmcsim::Fault* fault = bmcsim::fault_named(name);
  if (fault->knob != nullptr) marks_.hit("met " + std::string(name));
}

void SimBmcs::clear_fault(Machine& machine, std::string_view name) {
  if (machine.kind == name) return;
  trace_.line(events_.now(), machine.name, "is odd no longer", name);
  machine.model->clear_fault(name);
  if (name == "session_table_full") machine.model->release_sessions();
}

void SimBmcs::restart_bmc(Machine& machine) {
  const bool drops_media = random_.chance(500);
  trace_.line(events_.now(), machine.name, "BMC restarts", drops_media ? "and loses its medium" : "");
  marks_.hit("a BMC restarted");
  if (machine.model->host().state() == bmcsim::HostState::installing && drops_media)
    marks_.hit("a medium was lost while an installer ran");
  machine.model->restart(events_.now(), drops_media);
  machine.silent_until = events_.now() + 20s + random_.below(100) * 1s;
  machine.on_connection = 0;
  advance(machine);
}

void SimBmcs::black_out(Machine& machine, Duration off, Duration away, bool drops_media) {
  if (machine.model->host().state() == bmcsim::HostState::installing)
    marks_.hit("a host lost power with its site while it installed");
  machine.model->host().power_cut(events_.now(), off);
  machine.model->restart(events_.now(), drops_media);
  machine.silent_until = events_.now() + 30s + away;
  machine.on_connection = 0;
  advance(machine);
}

void SimBmcs::lose_medium(Machine& machine) {
  if (!machine.model->host().media_inserted()) return;
  trace_.line(events_.now(), machine.name, "loses its medium");
  if (machine.model->host().state() == bmcsim::HostState::installing)
    marks_.hit("a medium was lost while an installer ran");
  machine.model->host().lose_medium(events_.now());
  advance(machine);
}

void SimBmcs::unplug(Machine& machine) {
  bmcsim::Host& host = machine.model->host();
  machine.model->restart(events_.now(), true);
  host.power_off(events_.now(), false);
  host.set_override("Disabled");
  machine.silent_until = events_.now() + 2min;
  machine.displaced = true;
  machine.forgotten = false;
}

void SimBmcs::swap(const std::string& address, const std::string& other) {
  if (address == other) return;
  trace_.line(events_.now(), address, "swapped with", other);
  marks_.hit("two BMCs were mixed up");
  std::swap(by_address_.at(address), by_address_.at(other));
  for (const std::string& each : {address, other}) {
    by_address_.at(each)->address = each;
    by_address_.at(each)->displaced = true;
    by_address_.at(each)->forgotten = false;
  }
}

void SimBmcs::move(Machine& machine, const std::string& address) {
  trace_.line(events_.now(), machine.name, "is moved to", address);
  marks_.hit("a machine was moved to another site");
  unplug(machine);
  by_address_.erase(machine.address);
  machine.address = address;
  by_address_[address] = &machine;
  advance(machine);
}

void SimBmcs::replace_board(Machine& machine) {
  trace_.line(events_.now(), machine.name, "gets another board");
  marks_.hit("a board was replaced");
  unplug(machine);
  const std::string hex = to_hex(sha256("board/" + machine.name + std::to_string(random_.next())));
  machine.model->options().uuid = uuid_of(hex);
  machine.model->options().macs = {mac_of(hex)};
  advance(machine);
}

}  // namespace metalmesh::sim
