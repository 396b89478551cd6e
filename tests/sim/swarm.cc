#include "tests/sim/swarm.h"

#include <algorithm>

#include "tests/sim/endings.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

/// Often nothing at all, otherwise up to `most`.
std::uint32_t rate(Random& random, std::uint32_t most) {
  return random.chance(350) ? 0 : static_cast<std::uint32_t>(random.below(most + 1));
}
Duration between(Random& random, Duration least, Duration most) {
  return least + Duration(static_cast<std::int64_t>(
                     random.below(static_cast<std::uint64_t>((most - least).count()))));
}
Duration interval(Random& random, Duration least, Duration most) {
  if (random.chance(400)) return {};
  return between(random, least, most);
}
/// Once or a few times in a run, and only in `per_mille` of the runs: what shakes everything hides the rest.
Duration seldom(Random& random, std::uint32_t per_mille) {
  if (!random.chance(per_mille)) return {};
  return between(random, 10min, 60min);
}

constexpr FaultClass classes[] = {
    {"loss", [](Swarm& s) { s.loss = 0; }},
    {"duplicate", [](Swarm& s) { s.duplicate = 0; }},
    {"replay", [](Swarm& s) { s.replay = 0; }},
    {"forge", [](Swarm& s) { s.forge = 0; }},
    {"delay", [](Swarm& s) { s.bus_delay = 50ms; }},
    {"partition", [](Swarm& s) { s.partition_every = {}; }},
    {"one-way", [](Swarm& s) { s.one_way_every = {}; }},
    {"broker", [](Swarm& s) { s.broker_restart_every = {}; }},
    {"crash", [](Swarm& s) { s.crash_every = {}; }},
    {"commit-crash", [](Swarm& s) { s.crash_at_commit = 0; }},
    {"disk-full", [](Swarm& s) { s.disk_full = 0; }},
    {"clock", [](Swarm& s) { s.clock_error = 500ms, s.clock_step_every = {}; }},
    {"controller-clock", [](Swarm& s) { s.controller_step_every = {}; }},
    {"reboot", [](Swarm& s) { s.reboot = 0; }},
    {"freeze", [](Swarm& s) { s.freeze_every = {}; }},
    {"blackout", [](Swarm& s) { s.blackout_every = {}; }},
    {"client-id", [](Swarm& s) { s.one_client_id = false; }},
    {"carelessness", [](Swarm& s) { s.carelessness = 0; }},
    {"haste", [](Swarm& s) { s.haste = 0; }},
    {"odd-wishes", [](Swarm& s) { s.odd_wishes = 0; }},
    {"store-lost", [](Swarm& s) { s.store_lost_every = {}; }},
    {"rollback", [](Swarm& s) { s.rollback_every = {}; }},
    {"restore", [](Swarm& s) { s.restore_every = {}; }},
    {"upgrade", [](Swarm& s) { s.upgrade_every = {}; }},
    {"repeat", [](Swarm& s) { s.repeat_every = {}; }},
    {"twin", [](Swarm& s) { s.twin_every = {}; }},
    {"newcomer", [](Swarm& s) { s.newcomer_every = {}; }},
    {"short-journals", [](Swarm& s) { s.entries_kept = 10'000; }},
    {"bmc", [](Swarm& s) { s.bmc_fault = 0; }},
    {"self-reset", [](Swarm& s) { s.self_reset_every = {}; }},
    {"bmc-restart", [](Swarm& s) { s.bmc_restart_every = {}; }},
    {"media-lost", [](Swarm& s) { s.media_lost_every = {}; }},
    {"sessions-full", [](Swarm& s) { s.sessions_full_every = {}; }},
    {"swap", [](Swarm& s) { s.swap_every = {}; }},
    {"board", [](Swarm& s) { s.board_every = {}; }},
    {"move", [](Swarm& s) { s.move_every = {}; }},
    {"rotation", [](Swarm& s) { s.rotation_every = {}; }},
    {"odd", [](Swarm& s) { s.odd = 0; }},
    {"bout", [](Swarm& s) { s.bout_every = {}; }},
    {"trouble", [](Swarm& s) { s.trouble_every = {}; }},
    {"quirks",
     [](Swarm& s) {
       s.once_ignored = s.cd_first = s.slot_lag = s.impatient = s.stuck_tray = s.address_taken = 0;
     }},
    {"image", [](Swarm& s) { s.image_fault = 0, s.image_time = 10s; }},
    {"abort", [](Swarm& s) { s.abort = 0; }},
    {"meddling", [](Swarm& s) { s.meddling = 0; }},
    {"tidiness", [](Swarm& s) { s.tidiness = 0; }},
    {"works", [](Swarm& s) { s.works = 0; }},
    {"discoveries", [](Swarm& s) { s.discoveries = 0; }},
    {"types", [](Swarm& s) { s.typed = false; }},
    {"waves", [](Swarm& s) { s.waves = 0; }},
    {"reinstall", [](Swarm& s) { s.reinstalls = false; }},
    {"greedy", [](Swarm& s) { s.greedy = false; }},
    {"thief", [](Swarm& s) { s.thief = s.stalling = false; }},
    {"story", [](Swarm& s) { s.story = {}; }},
};

/// What BMCs do beside the standard. From numbers of its own: what else a seed is like does
/// not depend on it.
void draw_odd(Swarm& swarm, Random random) {
  swarm.odd = random.chance(250) ? 500 : 0;
  swarm.bout_every = seldom(random, 150);
  swarm.trouble_every = random.chance(150) ? between(random, 3min, 15min) : Duration();
  swarm.trouble_restart = random.chance(500) ? 500 : 0;
}

/// Who is who; from numbers of its own, too.
void draw_newcomers(Swarm& swarm, Random random) {
  swarm.newcomer_every = random.chance(150) ? between(random, 4min, 30min) : Duration();
  if (swarm.restore_every != Duration() && random.chance(600)) swarm.entries_kept = 2 + random.below(30);
}

/// Other works beside installs; from numbers of its own, too.
void draw_works(Swarm& swarm, Random random) { swarm.works = random.chance(330) ? 40 : 0; }
/// Plans that take their time, as those of a fleet do.
void draw_slices(Swarm& swarm, Random random) {
  if (random.chance(300)) swarm.planned_at_once = 1 + random.below(2);
}

void draw_ending(Swarm& swarm, Random random) {
  swarm.ending = random.chance(300) ? 1 + random.below(endings.size() - 1) : 0;
}

/// What machines are made of, and looks around; from numbers of their own, too.
void draw_hardware(Swarm& swarm, Random random) {
  swarm.typed = random.chance(150);
  swarm.discoveries = random.chance(200) ? 20 : 0;
}

/// Rollouts in waves, with people between them; from numbers of their own, too.
void draw_waves(Swarm& swarm, Random random) {
  if (swarm.thief || !random.chance(300)) return;
  swarm.waves = 700;
  swarm.servers_per_site = std::max(swarm.servers_per_site, 2U + static_cast<unsigned>(random.below(2)));
}

/// Nothing that hides the one thing.
void calm(Swarm& swarm) {
  swarm.loss = swarm.duplicate = swarm.replay = swarm.forge = 0;
  swarm.bus_delay = 50ms;
  swarm.partition_every = swarm.one_way_every = swarm.broker_restart_every = {};
  swarm.crash_at_commit = swarm.disk_full = swarm.bmc_fault = swarm.image_fault = 0;
  swarm.crash_every = swarm.store_lost_every = swarm.bmc_restart_every = swarm.media_lost_every = {};
  swarm.sessions_full_every = swarm.move_every = swarm.board_every = {};
  swarm.down_for = 20s;
  swarm.odd = 0;
  swarm.image_time = 60s;
}

/// Seeds that are about one thing, which the mixture of everything meets too seldom. From numbers of their
/// own.
void draw_theme(Swarm& swarm, Random random) {
  swarm.haste = random.chance(100) ? 100 : 0;
  swarm.odd_wishes = random.chance(100) ? 400 : 0;
  swarm.carelessness = random.chance(150) ? 700 : 0;
  if (!random.chance(320)) return;
  switch (random.below(8)) {
    case 0:  // wakes late, and a twin speaks
      calm(swarm);
      swarm.twin_every = between(random, 4min, 12min);
      swarm.freeze_every = between(random, 3min, 8min);
      swarm.one_client_id = random.chance(500);
      break;
    case 1:  // machines change places under the agent's hands
      calm(swarm);
      swarm.servers_per_site = 3;
      swarm.keys_differ = false;
      swarm.swap_every = between(random, 15s, 60s);
      swarm.self_reset_every = {};
      swarm.image_fault = 0;
      break;
    case 2:  // a site's mains
      calm(swarm);
      swarm.blackout_every = between(random, 4min, 12min);
      break;
    case 3:  // folders that were put back
      calm(swarm);
      swarm.rollback_every = between(random, 5min, 15min);
      swarm.meddling = 30;
      break;
    case 4:  // a controller that was put back, and people who forget less than it
      calm(swarm);
      swarm.restore_every = between(random, 6min, 15min);
      swarm.abort = 60;
      swarm.store_lost_every = random.chance(400) ? between(random, 6min, 20min) : Duration();
      break;
    case 5:  // others listen at the addresses of the new systems
      swarm.reachable = 800;
      swarm.address_taken = 600;
      break;
    case 6:  // what is unclear, installed or deleted is planned over
      calm(swarm);
      swarm.store_lost_every = between(random, 5min, 15min);
      swarm.carelessness = 900;
      swarm.tidiness = 200;
      swarm.reinstalls = random.chance(700);
      swarm.greedy = false;
      break;
    default:  // people who meddle, and a line that is down when they do
      calm(swarm);
      swarm.partition_every = between(random, 2min, 6min);
      swarm.meddling = 60;
      swarm.self_reset_every = {};
      break;
  }
}

/// A token that was stolen, or a tool that runs wild; from numbers of its own, too.
void draw_thief(Swarm& swarm, Random random) {
  if (!random.chance(60)) return;
  calm(swarm);
  swarm.restore_every = swarm.controller_step_every = swarm.rollback_every = swarm.twin_every = {};
  swarm.thief = true;
  swarm.servers_per_site = 5;
  swarm.crash_every = between(random, 4min, 10min);
  swarm.faulty_for = 90min;
  swarm.stalling = random.chance(500);
  if (swarm.stalling) return;
  swarm.starts_per_site = 2 + static_cast<std::uint32_t>(random.below(3));
  swarm.starts_per_actor = 1 + static_cast<std::uint32_t>(random.below(3));
}

}  // namespace

Swarm draw_swarm(Random& random) {
  Swarm swarm;
  swarm.sites = 1 + static_cast<unsigned>(random.below(3));
  swarm.servers_per_site = 1 + static_cast<unsigned>(random.below(3));
  swarm.faulty_for = between(random, 30min, 75min);
  swarm.loss = rate(random, 300);
  swarm.duplicate = rate(random, 200);
  swarm.replay = rate(random, 50);
  swarm.forge = rate(random, 20);
  swarm.bus_delay = random.chance(500) ? Duration(50ms) : Duration(random.below(10) * 1s + 10ms);
  swarm.partition_every = interval(random, 2min, 30min);
  swarm.one_way_every = interval(random, 5min, 40min);
  swarm.broker_restart_every = interval(random, 2min, 30min);
  swarm.crash_at_commit = rate(random, 40);
  swarm.crash_every = interval(random, 2min, 30min);
  swarm.down_for = random.chance(700) ? Duration(20s) : Duration(10min);
  swarm.disk_full = rate(random, 10);
  swarm.clock_error = random.chance(700) ? Duration(500ms) : Duration(20min);
  swarm.clock_step_every = interval(random, 5min, 60min);
  swarm.media_dies_with_agent = random.chance(500);
  swarm.store_lost_every = seldom(random, 100);
  swarm.rollback_every = seldom(random, 100);
  swarm.restore_every = seldom(random, 100);
  swarm.upgrade_every = seldom(random, 200);
  // What a restored controller repeats is the most telling: it is of an epoch that is over.
  swarm.repeat_every = seldom(random, swarm.restore_every == Duration() ? 200 : 600);
  swarm.twin_every = seldom(random, 100);
  swarm.bmc_fault = rate(random, 60);
  swarm.self_reset_every = interval(random, 30s, 10min);
  swarm.bmc_restart_every = random.chance(300) ? between(random, 2min, 20min) : Duration();
  swarm.media_lost_every = random.chance(200) ? between(random, 2min, 20min) : Duration();
  swarm.sessions_full_every = random.chance(200) ? between(random, 5min, 20min) : Duration();
  swarm.swap_every = random.chance(300) ? Duration(8min) : Duration();
  swarm.board_every = seldom(random, 100);
  swarm.move_every = seldom(random, 150);
  swarm.rotation_every = seldom(random, 150);
  swarm.keys_differ = random.chance(500);
  swarm.async_insert = random.chance(300);
  swarm.media_under_systems = random.chance(500);
  swarm.once_ignored = random.chance(150) ? 300 : 0;
  swarm.cd_first = random.chance(200) ? 300 : 0;
  swarm.slot_lag = random.chance(300) ? 400 : 0;
  swarm.impatient = random.chance(200) ? 400 : 0;
  swarm.stuck_tray = random.chance(100) ? 300 : 0;
  swarm.address_taken = random.chance(200) ? 300 : 0;
  swarm.image_fault = rate(random, 200);
  swarm.image_time = random.chance(800) ? Duration(60s) : Duration(15min);
  swarm.abort = random.chance(500) ? 0 : static_cast<std::uint32_t>(random.below(100));
  swarm.meddling = random.chance(600) ? 0 : static_cast<std::uint32_t>(random.below(40));
  swarm.tidiness = random.chance(600) ? 0 : static_cast<std::uint32_t>(random.below(60));
  swarm.reinstalls = random.chance(500);
  swarm.greedy = random.chance(300);
  swarm.controller_step_every = seldom(random, 250);
  swarm.reboot = random.chance(500) ? 0 : static_cast<std::uint32_t>(random.below(1000));
  swarm.freeze_every = seldom(random, 250);
  Random apart = Random(random).fork();
  draw_odd(swarm, apart);
  draw_theme(swarm, apart.fork());
  Random other(random);
  other.next();
  draw_newcomers(swarm, other.fork());
  draw_works(swarm, other.fork());
  draw_slices(swarm, other.fork());
  draw_ending(swarm, other.fork());
  draw_thief(swarm, other.fork());
  draw_hardware(swarm, other.fork());
  draw_waves(swarm, other.fork());
  return swarm;
}

std::span<const FaultClass> fault_classes() { return classes; }

}  // namespace metalmesh::sim
