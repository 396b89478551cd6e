#include "tests/sim/swarm_run.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace metalmesh::sim {

SwarmReport run_swarm(const SwarmRun& run) {
  SwarmReport report;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{run.first};
  const auto began = std::chrono::steady_clock::now();
  const auto work = [&] {
    for (;;) {
      const std::uint64_t seed = next.fetch_add(1);
      if (seed > run.last) return;
      const RunResult result = run_seed({seed, run.print, run.plant});
      const std::lock_guard lock(mutex);
      ++report.seeds;
      report.events += result.events;
      report.combined_hash ^= result.trace_hash * (2 * seed + 1);
      report.virtual_hours += std::chrono::duration<double, std::ratio<3600>>(result.virtual_time).count();
      report.sightings.add(result.sightings);
      if (!result.violations.empty()) report.violations[seed] = result.violations;
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
  const Sightings& s = report.sightings;
  return fmt::format(
      "{} seeds, {} with violations, {:.0f} virtual hours, {} events, {:.1f} s, trace {:016x}\n"
      "  orders {} (again for the same machine {}), armed {}, launched {}, disks written {}\n"
      "  succeeded {}, failed {}, indeterminate {}, cancelled {}, cancel too late {}\n"
      "  crashes {}, resets by themselves with our medium {} (half-way {}), journalled events {}\n",
      report.seeds, report.violations.size(), report.virtual_hours, report.events, report.seconds,
      report.combined_hash, s.orders, s.repeated_generations, s.armed, s.launched, s.disks_written,
      s.succeeded, s.failed, s.indeterminate, s.cancelled, s.cancelled_too_late, s.crashes,
      s.self_resets_with_medium, s.restarted_by_themselves, s.events);
}

}  // namespace metalmesh::sim
