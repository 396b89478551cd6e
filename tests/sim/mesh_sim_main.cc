// mesh_sim --seed 7 --trace        one run, with everything that happened
// mesh_sim --seeds 1..10000        many, on all cores; names every bad seed
// mesh_sim --seed 7 --shrink       a failing scenario, cut down to few faults
// mesh_sim --replay FOLDER         what a flight recorder kept, through the production core
#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/sim/mutants.h"
#include "tests/sim/real_keys.h"
#include "tests/sim/replay.h"
#include "tests/sim/shrink.h"
#include "tests/sim/stories.h"
#include "tests/sim/swarm.h"
#include "tests/sim/swarm_run.h"
#include "tests/sim/wan_cut.h"

using namespace metalmesh::sim;

namespace {

int show_shrunk(std::uint64_t seed, const Cuts& cuts, const std::string& defect) {
  const auto shrunk = shrink(seed, cuts, defect_named(defect));
  if (!shrunk) {
    fmt::print("seed {} breaks nothing\n", seed);
    return 0;
  }
  std::string left;
  for (const FaultClass& fault : fault_classes()) {
    if (!shrunk->cuts.without.contains(std::string(fault.name))) left += fmt::format(" {}", fault.name);
  }
  fmt::print("{}: {}\nfaults that it needs:{}\nafter {} runs; to see it:\n  mesh_sim --seed {}{}{} --trace\n",
             shrunk->violation.invariant, shrunk->violation.what, left.empty() ? " none" : left, shrunk->runs,
             seed, shrunk->cuts.words(), defect.empty() ? "" : " --plant " + defect);
  return 1;
}

int show_wan_cut(const WanCut& cut) {
  const WanCutResult result = run_wan_cut(cut);
  for (const Violation& violation : result.violations)
    fmt::print("{}: {}\n", violation.invariant, violation.what);
  fmt::print("{}", summary(cut, result));
  return result.violations.empty() ? 0 : 1;
}

/// The seeds of a file, one a line, words behind it ignored; '#' starts a comment.
std::set<std::uint64_t> seeds_in(const std::string& file) {
  std::set<std::uint64_t> seeds;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    std::uint64_t seed = 0;
    if (std::sscanf(line.c_str(), " %lu", &seed) == 1) seeds.insert(seed);
  }
  return seeds;
}

/// By name, from lines of a name and a seed; '#' starts a comment.
std::map<std::string, std::uint64_t> named_seeds_in(const std::string& file) {
  std::map<std::string, std::uint64_t> seeds;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t seed = 0;
    if (words >> name >> seed && name.front() != '#') seeds[name] = seed;
  }
  return seeds;
}

/// Bad seeds that nobody has named, and named ones of this run that are good by now.
std::uint64_t surprises(const SwarmRun& run, const SwarmReport& report, const std::string& open_seeds) {
  if (open_seeds.empty()) return report.violations.size();
  const std::set<std::uint64_t> open = seeds_in(open_seeds);
  std::uint64_t found = 0;
  for (const auto& [seed, violations] : report.violations) {
    if (open.contains(seed)) continue;
    ++found;
    fmt::print("seed {} is bad, and not on the list\n", seed);
  }
  for (const std::uint64_t seed : open) {
    if (seed < run.first || seed > run.last || report.violations.contains(seed)) continue;
    ++found;
    fmt::print("seed {} is good by now: take it off the list\n", seed);
  }
  fmt::print("{} seeds are open\n", open.size());
  return found;
}

int show_swarm(const SwarmRun& run, bool marks, const std::string& open_seeds) {
  const SwarmReport report = run_swarm(run);
  for (const auto& [bad, violations] : report.violations) {
    fmt::print("seed {}:\n", bad);
    for (const Violation& violation : violations)
      fmt::print("  {}: {}\n", violation.invariant, violation.what);
  }
  if (marks) fmt::print("{}", table_of(report.marks));
  fmt::print("{}", summary(report));
  const auto missing = run.cuts.story.empty() ? never_hit(report.marks, report.seeds)
                                              : never_hit(report.marks, report.seeds, run.cuts.story);
  for (const std::string& name : missing) fmt::print("never happened: {}\n", name);
  return surprises(run, report, open_seeds) == 0 && missing.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  google::protobuf::SetLogHandler(nullptr);  // damaged messages are the point of it
  CLI::App app("The whole mesh in one process, on a virtual clock, in the weather of a seed");
  std::uint64_t seed = 1;
  std::string seeds;
  std::string defect;
  std::string open_seeds;
  std::string caught_before;
  std::string recording;
  std::vector<std::string> without;
  Cuts cuts;
  bool trace = false;
  bool marks = false;
  bool shrinks = false;
  bool mutants = false;
  bool open_too = false;
  bool wan_cut = false;
  bool real_keys = false;
  unsigned threads = 0;
  app.add_option("--seed", seed, "the seed to run");
  app.add_option("--seeds", seeds, "a range A..B instead of one seed");
  app.add_flag("--trace", trace, "print everything that happens");
  app.add_option("--open-seeds", open_seeds,
                 "a file of seeds that are known to be bad: only others fail the run");
  app.add_flag("--marks", marks, "print how often each rare branch was taken");
  app.add_flag("--shrink", shrinks, "cut the failing scenario of --seed down to few faults");
  app.add_option("--without", without, "kinds of fault to leave out")->delimiter(',');
  app.add_option("--sites", cuts.sites, "at most so many sites");
  app.add_option("--servers", cuts.servers, "at most so many servers per site");
  app.add_option("--minutes", cuts.minutes, "at most so many minutes of weather");
  app.add_option("--story", cuts.story, "every seed tells this story (tests/sim/stories.cc)");
  app.add_flag("--wan-cut", wan_cut, "500 servers at a site that is cut off for 72 h");
  app.add_flag("--real-keys", real_keys, "sign with Ed25519 instead of the cheap stand-in");
  app.add_option("--replay", recording, "play a flight recorder's folder or segment; --trace prints it");
  app.add_option("--threads", threads, "runs side by side (default: one per core)");
  if (can_plant()) {
    app.add_option("--plant", defect, "plant a defect by its name");
    app.add_flag("--mutants", mutants, "plant every defect in turn; each must be caught");
    app.add_option("--caught-before", caught_before,
                   "with --mutants: a file of seeds by defect to begin with");
    app.add_flag("--open-too", open_too, "with --mutants: also those that no judge catches yet");
  }
  CLI11_PARSE(app, argc, argv);
  cuts.without.insert(without.begin(), without.end());
  if (!cuts.story.empty() && !is_story(cuts.story)) {
    fmt::print(stderr, "no story is called {}\n", cuts.story);
    return 2;
  }
  if (!recording.empty()) return replay(recording, trace);
  if (mutants)
    return run_mutants(threads, open_seeds.empty() ? std::set<std::uint64_t>() : seeds_in(open_seeds),
                       open_too, named_seeds_in(caught_before));
  if (wan_cut) {
    WanCut cut{.seed = seed};
    if (cuts.servers != 0) cut.servers = cuts.servers;
    if (cuts.minutes != 0) cut.length = std::chrono::minutes(cuts.minutes);
    return show_wan_cut(cut);
  }
  if (shrinks) return show_shrunk(seed, cuts, defect);

  std::uint64_t first = seed;
  std::uint64_t last = seed;
  if (!seeds.empty() && std::sscanf(seeds.c_str(), "%lu..%lu", &first, &last) != 2) {
    fmt::print(stderr, "--seeds wants A..B, for example 1..1000\n");
    return 2;
  }
  std::unique_ptr<KeyRing> keys;
  if (real_keys) {
    auto made = make_real_keys({"site1", "site2", "site3"});
    if (!made) {
      fmt::print(stderr, "{}\n", made.error().message);
      return 2;
    }
    keys = std::move(*made);
  }
  return show_swarm({.first = first,
                     .last = last,
                     .print = trace,
                     .cuts = cuts,
                     .keys = keys.get(),
                     .defect = defect_named(defect),
                     .threads = trace ? 1 : threads},
                    marks, open_seeds);
}
