#include "tests/sim/swarm_run.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace metalmesh::sim {
namespace {

RunResult run_with(const SwarmRun& run, std::uint64_t seed) {
#ifdef MM_PLANTED
  planted_defect = run.defect;
#endif
  return run_seed({seed, run.print, run.cuts, run.keys});
}

void add(SwarmReport& report, std::uint64_t seed, const RunResult& result) {
  ++report.seeds;
  report.sites += result.sites;
  report.servers += result.servers;
  report.events += result.events;
  report.combined_hash ^= result.trace_hash * (2 * seed + 1);
  report.virtual_hours += std::chrono::duration<double, std::ratio<3600>>(result.virtual_time).count();
  report.marks.add(result.marks);
  if (!result.violations.empty()) report.violations[seed] = result.violations;
}

}  // namespace

SwarmReport run_swarm(const SwarmRun& run) {
  SwarmReport report;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{run.first};
  std::atomic<bool> stop{false};
  const auto began = std::chrono::steady_clock::now();
  const auto work = [&] {
    while (!stop) {
      const std::uint64_t seed = next.fetch_add(1);
      if (seed > run.last) return;
      if (run.skip.contains(seed)) continue;
      const RunResult result = run_with(run, seed);
      const std::lock_guard lock(mutex);
      add(report, seed, result);
      if (run.stop_at_first && !result.violations.empty()) stop = true;
    }
  };
  {
    const unsigned threads =
        run.threads != 0 ? run.threads : std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::jthread> workers;
    for (unsigned i = 1; i < threads; ++i) workers.emplace_back(work);
    work();
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return report;
}

std::string summary(const SwarmReport& report) {
  const auto mean = [&](double sum) {
    return sum / static_cast<double>(std::max<std::uint64_t>(1, report.seeds));
  };
  return fmt::format(
      "{} seeds, {} with violations, {:.0f} simulated hours, {} events in {:.1f} s\n"
      "{:.1f} seeds/s, {:.0f} simulated hours/s; a mean run: {:.1f} h, {:.1f} sites, {:.1f} servers, {:.1f} "
      "orders\n"
      "trace {:016x}\n",
      report.seeds, report.violations.size(), report.virtual_hours, report.events, report.seconds,
      static_cast<double>(report.seeds) / report.seconds, report.virtual_hours / report.seconds,
      mean(report.virtual_hours), mean(static_cast<double>(report.sites)),
      mean(static_cast<double>(report.servers)),
      mean(static_cast<double>(report.marks.count("an order was handed out"))), report.combined_hash);
}

}  // namespace metalmesh::sim
