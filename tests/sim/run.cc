#include "tests/sim/run.h"

#include <algorithm>

#include "tests/sim/mesh.h"
#include "tests/sim/stories.h"
#include "tests/sim/weather.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration heal_limit = 8h;
constexpr Duration look_interval = 30s;
/// Of a mesh at rest: cleanup ends, and nothing else may happen any more.
constexpr Duration calm_after = 5min;
/// While the weather lasts: how often the words are held against the disks, if all is told.
constexpr Duration quiet_look = 3min;
constexpr std::uint64_t event_limit = 2'000'000;

/// Stories have numbers of their own: who tells none is what it would be without them.
constexpr std::uint64_t of_stories = 0x5707'1e55;

Swarm scenario(Random& random, std::uint64_t seed, const Cuts& cuts) {
  Swarm swarm = draw_swarm(random);
  draw_story(swarm, Random(seed ^ of_stories), cuts.story);
  for (const FaultClass& fault : fault_classes()) {
    if (cuts.without.contains(std::string(fault.name))) fault.leave_out(swarm);
  }
  if (cuts.sites != 0) swarm.sites = std::min(swarm.sites, cuts.sites);
  if (cuts.servers != 0) swarm.servers_per_site = std::min(swarm.servers_per_site, cuts.servers);
  if (cuts.minutes != 0) swarm.faulty_for = std::min<Duration>(swarm.faulty_for, cuts.minutes * 1min);
  return swarm;
}

class Run {
 public:
  Run(const Swarm& swarm, Random random, Random apart, const KeyRing& keys, bool print)
      : swarm_(swarm),
        mesh_(swarm_, random.fork(), keys, print),
        weather_(mesh_, random.fork()),
        stories_(mesh_, apart) {}

  void safety() {
    mesh_.start();
    weather_.begin();
    stories_.begin();
    const MonoTime until = mesh_.events.now() + swarm_.faulty_for;
    while (sound() && mesh_.events.now() < until && mesh_.events.ran() < event_limit) {
      run_until(std::min(until, mesh_.events.now() + quiet_look));
      if (sound() && mesh_.witness.all_events_arrived()) mesh_.witness.at_quiet();
    }
  }

  void liveness() {
    weather_.heal();
    mesh_.heal();
    if (!comes_to_rest()) return;
    const std::uint64_t written = mesh_.witness.marks().count("a disk was written");
    run_until(mesh_.events.now() + calm_after);
    if (!sound() || !comes_to_rest()) return;
    if (mesh_.witness.marks().count("a disk was written") != written)
      mesh_.trace.violation(mesh_.events.now(), "everything_ends",
                            "a disk was written after everything had ended");
    mesh_.witness.at_end();
  }

  RunResult result() {
    RunResult result;
    result.violations = mesh_.trace.violations();
    result.trace_hash = mesh_.trace.hash();
    result.events = mesh_.events.ran();
    result.virtual_time = mesh_.events.now() - began_;
    result.sites = swarm_.sites;
    result.servers = static_cast<unsigned>(mesh_.bmcs.machines().size());
    result.marks = mesh_.witness.marks();
    unsigned crashes = mesh_.controller->crashes();
    for (const auto& site : mesh_.sites) crashes += site->box.node->crashes();
    result.marks.hit("a node crashed", crashes);
    return result;
  }

 private:
  bool comes_to_rest() {
    const MonoTime deadline = mesh_.events.now() + heal_limit;
    while (sound() && !mesh_.at_rest()) {
      run_until(mesh_.events.now() + look_interval);
      if (mesh_.events.now() < deadline && mesh_.events.ran() < event_limit) continue;
      never_rests();
      return false;
    }
    return sound();
  }
  [[nodiscard]] bool sound() const { return mesh_.trace.violations().empty(); }
  void run_until(MonoTime until) {
    while (mesh_.events.ran() < event_limit && sound() && mesh_.events.run_one(until)) {
    }
  }
  void never_rests() {
    mesh_.witness.at_end();
    mesh_.trace.violation(
        mesh_.events.now(), "everything_ends",
        "the mesh did not come to rest within " + std::to_string(heal_limit / 1h) + " h after it healed");
  }

  Swarm swarm_;
  Mesh mesh_;
  Weather weather_;
  Stories stories_;
  MonoTime began_ = mesh_.events.now();
};

}  // namespace

std::string Cuts::words() const {
  std::string words;
  std::string names;
  for (const std::string& name : without) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) words += " --without " + names;
  if (sites != 0) words += " --sites " + std::to_string(sites);
  if (servers != 0) words += " --servers " + std::to_string(servers);
  if (minutes != 0) words += " --minutes " + std::to_string(minutes);
  if (!story.empty()) words += " --story " + story;
  return words;
}

RunResult run_seed(const RunOptions& options) {
  Random random(options.seed);
  const Swarm swarm = scenario(random, options.seed, options.cuts);
  const CheapKeyRing cheap;
  Run run(swarm, random, Random(~options.seed ^ of_stories), options.keys != nullptr ? *options.keys : cheap,
          options.print);
  run.safety();
  run.liveness();
  return run.result();
}

}  // namespace metalmesh::sim
