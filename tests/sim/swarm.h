// What one seed is like: how many sites and servers, and how much of which fault. The parameters are drawn
// from the seed as well, so that a thousand seeds are a thousand kinds of weather, calm ones included.
#pragma once

#include <cstdint>

#include "common/base/random.h"
#include "common/base/time.h"

namespace metalmesh::sim {

/// Defects that are planted to see that the checkers catch them.
enum class Plant { none, no_fence, ack_before_sync };

struct Swarm {
  unsigned sites = 1;
  unsigned servers_per_site = 2;
  Duration faulty_for = std::chrono::hours(1);

  // Chances are per mille.
  std::uint32_t loss = 0;
  std::uint32_t duplicate = 0;
  std::uint32_t replay = 0;    // with each message an old one comes again
  Duration bus_delay{};        // at most, uniformly
  Duration partition_every{};  // zero: never
  Duration broker_restart_every{};

  std::uint32_t crash_at_commit = 0;
  Duration crash_every{};  // of any node, at any moment
  Duration down_for{};     // at most
  std::uint32_t disk_full = 0;
  Duration clock_error{};  // how well an agent knows the time by itself
  bool media_dies_with_agent = false;

  std::uint32_t bmc_fault = 0;  // per request
  Duration self_reset_every{};  // per machine
  Duration swap_every{};        // the addresses of two BMCs are mixed up
  bool keys_differ = true;      // between BMCs of one site
  bool async_insert = false;
  bool media_under_systems = true;

  std::uint32_t abort = 0;  // of a running rollout, per look of the operator
  bool reinstalls = false;
};

Swarm draw_swarm(Random& random);

}  // namespace metalmesh::sim
