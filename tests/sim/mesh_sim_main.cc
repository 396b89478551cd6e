// mesh_sim --seed 7 --trace        one run, with everything that happened
// mesh_sim --seeds 1..1000         many, on all cores; stops counting at nothing, reports every bad seed
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "tests/sim/swarm_run.h"

using namespace metalmesh::sim;

int main(int argc, char** argv) {
  CLI::App app("The whole mesh in one process, on a virtual clock, in the weather of a seed");
  std::uint64_t seed = 1;
  std::string seeds;
  bool trace = false;
  Plant plant = Plant::none;
  unsigned threads = 0;
  app.add_option("--seed", seed, "the seed to run");
  app.add_option("--seeds", seeds, "a range A..B instead of one seed");
  app.add_flag("--trace", trace, "print everything that happens");
  app.add_option("--threads", threads, "runs side by side (default: one per core)");
  app.add_option("--plant", plant, "plant a defect: no-fence or ack-before-sync")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Plant>{
          {"no-fence", Plant::no_fence}, {"ack-before-sync", Plant::ack_before_sync}}));
  CLI11_PARSE(app, argc, argv);

  std::uint64_t first = seed;
  std::uint64_t last = seed;
  if (!seeds.empty() && std::sscanf(seeds.c_str(), "%lu..%lu", &first, &last) != 2) {
    fmt::print(stderr, "--seeds wants A..B, for example 1..1000\n");
    return 2;
  }
  const SwarmReport report = run_swarm({first, last, trace, plant, trace ? 1 : threads});
  for (const auto& [bad, violations] : report.violations) {
    fmt::print("seed {}:\n", bad);
    for (const std::string& violation : violations) fmt::print("  {}\n", violation);
  }
  fmt::print("{}", summary(report));
  return report.violations.empty() ? 0 : 1;
}
