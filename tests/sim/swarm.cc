#include "tests/sim/swarm.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

/// Often nothing at all, otherwise up to `most`.
std::uint32_t rate(Random& random, std::uint32_t most) {
  return random.chance(350) ? 0 : static_cast<std::uint32_t>(random.below(most + 1));
}
Duration interval(Random& random, Duration least, Duration most) {
  if (random.chance(400)) return {};
  return least + Duration(static_cast<std::int64_t>(
                     random.below(static_cast<std::uint64_t>((most - least).count()))));
}

}  // namespace

Swarm draw_swarm(Random& random) {
  Swarm swarm;
  swarm.sites = 1 + static_cast<unsigned>(random.below(2));
  swarm.servers_per_site = 1 + static_cast<unsigned>(random.below(3));
  swarm.faulty_for = 20min + random.below(40) * 1min;
  swarm.loss = rate(random, 300);
  swarm.duplicate = rate(random, 200);
  swarm.replay = rate(random, 50);
  swarm.bus_delay = random.chance(500) ? Duration(50ms) : Duration(random.below(10) * 1s + 10ms);
  swarm.partition_every = interval(random, 2min, 30min);
  swarm.broker_restart_every = interval(random, 2min, 30min);
  swarm.crash_at_commit = rate(random, 40);
  swarm.crash_every = interval(random, 2min, 30min);
  swarm.down_for = random.chance(700) ? Duration(20s) : Duration(10min);
  swarm.disk_full = rate(random, 10);
  swarm.clock_error = random.chance(700) ? Duration(500ms) : Duration(20min);
  swarm.media_dies_with_agent = random.chance(500);
  swarm.bmc_fault = rate(random, 60);
  swarm.self_reset_every = interval(random, 30s, 10min);
  swarm.swap_every = random.chance(300) ? Duration(8min) : Duration();
  swarm.keys_differ = random.chance(500);
  swarm.async_insert = random.chance(300);
  swarm.media_under_systems = random.chance(500);
  swarm.abort = random.chance(500) ? 0 : static_cast<std::uint32_t>(random.below(100));
  swarm.reinstalls = random.chance(500);
  return swarm;
}

}  // namespace metalmesh::sim
