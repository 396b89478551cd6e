// What one seed is like: how many sites and servers, and how much of which fault. The parameters are drawn
// from the seed as well, so that a thousand seeds are a thousand kinds of weather, calm ones included.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/base/random.h"
#include "common/base/time.h"

namespace metalmesh::sim {

/// What her rollouts are about, where a story says so.
enum class Habit : std::uint8_t { any, short_time, person_is_late, sick_wave, windows };

struct Swarm {
  unsigned sites = 2;
  unsigned servers_per_site = 2;
  Duration faulty_for = std::chrono::hours(1);

  // Chances are per mille; an interval of zero means never.
  // The bus.
  std::uint32_t loss = 0;
  std::uint32_t duplicate = 0;
  std::uint32_t replay = 0;  // with each message an old one comes again
  std::uint32_t forge = 0;   // with each message a bad one comes
  Duration bus_delay{};      // at most, uniformly
  Duration partition_every{};
  Duration one_way_every{};  // a client is heard and does not hear, or the other way round
  Duration broker_restart_every{};

  // Nodes and their stores.
  std::uint32_t crash_at_commit = 0;
  Duration crash_every{};  // of any node, at any moment
  Duration down_for{};     // at most
  std::uint32_t disk_full = 0;
  Duration clock_error{};            // how well an agent knows the time by itself
  Duration clock_step_every{};       // and how often that turns out to be wrong
  Duration controller_step_every{};  // steps of the controller's clock, by which all go
  std::uint32_t reboot = 0;    // of the crashes: the machine starts anew, and with it the monotone clock
  Duration freeze_every{};     // a node is not run for a while
  Duration blackout_every{};   // the box, BMCs and hosts of a site lose power together
  bool one_client_id = false;  // two agents of one identity throw each other off the broker
  bool media_dies_with_agent = false;
  Duration store_lost_every{};
  Duration rollback_every{};
  Duration restore_every{};  // of the controller, from an older copy
  Duration upgrade_every{};  // a newer version ran for a moment and left kinds that this one does not know
  Duration repeat_every{};   // the controller's journal orders again what was ordered long ago
  Duration twin_every{};
  Duration newcomer_every{};            // an empty agent starts under the name of a site that lives
  std::size_t planned_at_once = 512;    // servers that a controller looks at in one go
  std::uint64_t entries_kept = 10'000;  // at a site, behind what the controller acknowledged

  // Machines.
  std::uint32_t bmc_fault = 0;  // per request
  Duration self_reset_every{};  // per machine
  Duration bmc_restart_every{};
  Duration media_lost_every{};
  Duration sessions_full_every{};
  Duration swap_every{};      // the addresses of two BMCs are mixed up
  Duration board_every{};     // a board is replaced by another
  Duration move_every{};      // a machine is moved to another site
  Duration rotation_every{};  // the BMCs' password is changed before the agent knows
  bool keys_differ = true;    // between BMCs of one site
  bool async_insert = false;
  bool known_bmcs = false;  // a row of the sites' own holds for them
  bool media_under_systems = true;
  std::uint32_t running = 150;  // of the machines: on, with a system of somebody's, when we come
  std::uint32_t once_ignored = 0;
  std::uint32_t cd_first = 0;
  std::uint32_t slot_lag = 0;
  std::uint32_t impatient = 0;        // gives a medium up after seconds without a server
  std::uint32_t stuck_tray = 0;       // never ejects
  std::uint32_t address_taken = 0;    // something else listens at the new system's address
  std::uint32_t odd = 0;              // is odd in one way, for good
  bool rare_kinds = false;            // that way is one of those that seldom show
  Duration bout_every{};              // every BMC of one model is odd for minutes
  Duration trouble_every{};           // one BMC is, while it installs
  std::uint32_t trouble_restart = 0;  // and the agent restarts
  std::uint32_t image_fault = 0;      // per fetch
  Duration image_time{};              // at most

  // People.
  std::uint32_t abort = 0;     // of a running rollout, per look of the operator
  std::uint32_t meddling = 0;  // cancels one deployment, or resolves it wrongly early
  std::uint32_t tidiness = 0;  // deletes a rollout that is done
  bool reinstalls = false;
  bool greedy = false;             // selects everything, protected servers too
  bool bulk = false;               // one rollout over everything, as fast as it goes
  std::uint32_t carelessness = 0;  // plans anew before she has looked at what is unclear
  std::uint32_t haste = 0;  // a second person, or a tool, asks the same again, later or by the same key
  std::uint32_t odd_wishes =
      0;                        // excludes with a slip of the pen, names that labels or sites cut, late edits
  std::uint32_t reachable = 0;  // the profile wants the new system to answer
  std::uint32_t works = 0;      // begins a rollout of power or of inspections beside what runs
  std::uint32_t rescues = 300;  // of these, what neither reads nor switches: it starts machines from an image
  std::uint32_t discoveries = 0;  // looks which BMCs stand at a site's addresses
  bool typed = false;  // a type of hardware says what memory there must be; not every machine has it
  std::uint32_t waves =
      0;  // of her rollouts, in waves with gates; and pauses, skips, limits that are set meanwhile
  Habit habit = Habit::any;
  std::size_t ending = 0;   // how its installers end (endings.h)
  bool one_by_one = false;  // one install at a time, whatever fails
  bool patient = false;     // plans nothing new while the controller holds
  bool forgetful = false;   // unprotects what is installed, and does not say that it is to be installed anew

  bool thief = false;     // somebody has a tool's token, and starts what he may, one server at a time
  bool stalling = false;  // every installer stops in the middle
  std::uint32_t starts_per_site = 0;  // within an hour, at most; 0: as the controller has it
  std::uint32_t starts_per_actor = 0;

  // Of stories that are told by their name only.
  bool asks = false;                 // installers show their machines and wait for a go
  std::uint32_t answers_lost = 0;    // of what they are told
  std::uint32_t strange_askers = 0;  // somebody asks in their place
  bool stolen_box = false;           // one site's key is a thief's
  bool hostile = false;              // so is the broker

  std::string_view story{};  // the one disaster that this seed tells (stories.h); empty: none
};

/// Where a type of hardware says so, a machine must have this; those that it must keep out have half of it.
inline constexpr std::uint32_t wanted_memory_gib = 64;

Swarm draw_swarm(Random& random);

/// A kind of fault that can be left out, to find the few that matter for a failure.
struct FaultClass {
  std::string_view name;
  void (*leave_out)(Swarm&);
};
std::span<const FaultClass> fault_classes();

}  // namespace metalmesh::sim
