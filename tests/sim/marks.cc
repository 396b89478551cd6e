#include "tests/sim/marks.h"

#include <fmt/format.h>

#include <utility>

#include "tests/sim/odd_bmcs.h"
#include "tests/sim/stories.h"

namespace metalmesh::sim {
namespace {

/// A branch, and in how many seeds it must have been taken at least once.
struct Rare {
  std::string_view name;
  std::uint64_t within;
};

/// A class of weather, which a long swarm must have met in plenty: at least once in fifty seeds.
constexpr std::string_view weather_classes[] = {
    "a site lost power at once",
    "an agent was thrown off the broker by another one with its client id",
    "a request was repeated by its key",
    "a second person asked the same later",
    "a plan was made in slices",
    "a server was edited while its order was under way",
    "a server was to be spared",
    "the broker was frozen",
    "a BMC was frozen",
    "a port was found open",
    "an image rotted on a site's disk",
    "a machine ran what was on an image",
    "a discovery found a BMC",
    "a discovery left a BMC alone",
    "a server was left out for its hardware",
    "a server was left out for a role",
    "a role was frozen in an order",
};
constexpr std::uint64_t plenty = 50;
constexpr std::uint64_t plenty_of_a_story =
    200;  // a moment that is sought does not come in each of its seeds
constexpr std::uint64_t many_seeds = 2000;

constexpr Rare rare_branches[] = {
    // ends
    {"a deployment ended SUCCEEDED", 100},
    {"a deployment ended FAILED", 100},
    {"a deployment ended CANCELLED", 100},
    {"a deployment ended INDETERMINATE", 200},
    {"a deployment ended UNPROVEN", 2000},
    {"succeeded with PROOF_POWEROFF", 100},
    {"succeeded with PROOF_BOOTED", 100},
    {"succeeded with PROOF_CALLBACK", 100},
    // crashes and histories
    {"a host lost power with its site while it installed", 100},
    {"servers were named that the sites cut", 100},
    {"a crash between an intent and its answer", 200},
    {"a crash between ARM and the power-on", 500},
    {"a media server died alone", 100},
    {"a journal was lost", 200},
    {"an agent's store was put back to an older copy", 200},
    {"an agent quarantined itself", 200},
    {"a site was quarantined", 200},
    {"two agents had one identity", 200},
    {"a person settled a damaged row of an agent", 500},
    {"a person settled a damaged row of the controller", 1000},
    {"a box that was given up came back", 1000},
    {"an empty agent ran under the name of a site that lived", 100},
    {"events were missing behind a restore, and told", 500},
    // what was said with BMCs
    {"a transcript came whole", 100},
    {"a transcript came in pieces", 200},
    {"a transcript made room at its site", 500},
    {"a transcript was told to be gone", 1000},
    // works beside installs
    {"a machine was switched by an order", 100},
    {"nobody knows whether a machine was cycled", 2000},
    {"a machine was inspected while it was installed", 2000},
    {"what is in use was started from an image, as asked", 500},
    {"a start from an image was called back", 200},
    {"a start from an image ended by a person's word", 1000},
    {"a start from an image ended as its time was over", 1000},
    {"a start from an image ended as its host went off or started anew", 1000},
    {"what a lost store had not told was told as a gap", 500},
    {"the controller was restored from an older copy", 200},
    {"an old command was repeated", 200},
    {"an order of a replaced controller was repeated", 1000},
    {"a command of an unknown kind was answered UNSUPPORTED", 200},
    {"an order that somebody altered was refused", 200},
    {"an event of an unknown kind was logged", 200},
    {"told GENERATION_FENCED", 200},
    {"told SITE_QUARANTINED", 500},
    {"told CLOCK_UNPROVEN", 100},
    {"a clock stepped", 100},
    {"the controller's clock stepped", 100},
    {"the controller's clock stepped back", 200},
    {"the controller's doubted clock agreed again", 200},
    {"the controller's clock was set and believed", 500},
    {"a site doubted the time", 500},
    {"the controller was frozen", 200},
    {"an agent was frozen", 200},
    {"a media server was frozen", 200},
    {"a site's box was frozen", 200},
    {"a machine was started anew", 200},
    {"nobody knows what was done to a machine between a backup and a lost journal", 1000},
    {"a disk was nearly full", 100},
    {"told DISK_LOW", 200},
    // the bus
    {"a gap was asked for again", 100},
    {"an old message came again", 100},
    {"a forged or damaged message was rejected", 100},
    {"a client was cut off in one direction", 100},
    {"the broker restarted", 100},
    // machines
    {"a host reset by itself with our medium", 100},
    {"a firmware found a medium that starts nothing any more", 100},
    {"an installer went on from the disk", 100},
    {"a medium was lost while an installer ran", 500},
    {"a BMC restarted", 100},
    {"a BMC's session table was full", 100},
    {"told BMC_SESSIONS_FULL", 500},
    {"two BMCs were mixed up", 100},
    {"told BMC_KEY_CHANGED", 100},
    {"told IDENTITY_MISMATCH", 200},
    {"a board was replaced", 200},
    {"a machine was moved to another site", 500},
    {"a BMC would not eject", 200},
    {"every BMC of one model was odd at once", 200},
    {"a BMC was odd while its installer ran", 500},
    {"a BMC was odd while its installer ran, and the agent restarted", 1000},
    {"a password was changed before the agent knew", 200},
    {"a credential was held", 500},
    {"a credential was released", 500},
    {"told BOOT_IGNORED", 200},
    {"told INSTALLER_STALLED", 200},
    {"told INSTALLER_REBOOTED", 2000},
    {"told INSTALLER_TIMEOUT", 2000},
    {"a medium left its custody", 200},
    {"told IMAGE_UNAVAILABLE", 200},
    {"an image source was slow", 100},
    {"an attempt was repeated before the wipe", 100},
    // people
    {"a cancel came too late", 200},
    {"a cancel raced ARM and won", 200},
    {"an operator resolved a deployment that still ran", 100},
    {"a rollout was stopping", 100},
    {"a rollout in waves was drawn", 100},
    {"a rollout was paused", 200},
    {"a rollout was continued", 200},
    {"failures were accepted", 500},
    {"a server was skipped", 200},
    {"limits were set while a rollout ran", 200},
    {"a wave came behind a soak", 500},
    {"a wave came behind a person's word", 500},
    {"a rollout was deleted", 100},
    {"a server was protected while its order was under way", 200},
    {"an installer was given up by a person", 500},
    {"an installer that never ends was given up", 2000},
    {"an installer died because its media server was down", 500},
    {"a machine was installed again because somebody asked for it", 100},
    {"a rollout was stopped", 500},
    {"a rollout ran at its limit", 100},
    {"told POWERED_ON", 100},
    {"told MACHINE_BUSY", 500},
    {"told ORDER_EXPIRED", 200},
    {"a machine was ordered again", 100},
};

/// Each fault of a BMC changed answers in plenty, in so many seeds.
constexpr std::uint64_t every_fault_within = 5000;

}  // namespace

void Marks::hit(std::string_view name, std::uint64_t times) {
  const auto found = counts_.find(name);
  if (found != counts_.end()) {
    found->second += times;
  } else {
    counts_.emplace(name, times);
  }
}

void Marks::add(const Marks& other) {
  for (const auto& [name, count] : other.counts_) hit(name, count);
}

std::uint64_t Marks::count(std::string_view name) const {
  const auto found = counts_.find(name);
  return found == counts_.end() ? 0 : found->second;
}

std::vector<std::string> never_hit(const Marks& marks, std::uint64_t seeds) {
  std::vector<std::string> missing;
  for (const Rare& rare : rare_branches) {
    if (seeds >= rare.within && marks.count(rare.name) == 0) missing.emplace_back(rare.name);
  }
  for (const std::string_view weather : weather_classes) {
    if (seeds >= many_seeds && marks.count(weather) < seeds / plenty)
      missing.push_back(std::string(weather) + " (fewer than once in " + std::to_string(plenty) + " seeds)");
  }
  for (const std::string_view story : story_marks()) {
    if (seeds >= many_seeds && marks.count(story) < seeds / plenty_of_a_story)
      missing.push_back(std::string(story) + " (fewer than once in " + std::to_string(plenty_of_a_story) +
                        " seeds)");
  }
  for (const auto faults : {odd_kinds(), odd_bouts(), odd_troubles()}) {
    for (const std::string_view fault : faults) {
      std::string met = "met " + std::string(fault);
      if (seeds >= every_fault_within && marks.count(met) < seeds / plenty) missing.push_back(std::move(met));
    }
  }
  return missing;
}

std::vector<std::string> never_hit(const Marks& marks, std::uint64_t seeds, std::string_view story) {
  std::vector<std::string> missing;
  for (const std::string_view name : classes_of(story)) {
    if (seeds >= seeds_of_a_class && marks.count(name) < least_of_a_class)
      missing.push_back(std::string(name) + " (fewer than " + std::to_string(least_of_a_class) + " times)");
  }
  return missing;
}

std::string table_of(const Marks& marks) {
  std::string table;
  for (const auto& [name, count] : marks.all()) table += fmt::format("  {:9}  {}\n", count, name);
  return table;
}

}  // namespace metalmesh::sim
