#include "tests/sim/sim_zones.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

// The world begins an hour behind this; the offsets are those of summer and winter.
constexpr Duration begin = std::chrono::hours(24 * 365 * 56) + 1h;
constexpr Duration set_at = begin + 40min;
constexpr Duration before = 2h;
constexpr Duration behind = 1h;

zones::Change change(Duration at, Duration offset, const char* name) {
  const auto seconds = [](Duration value) { return std::chrono::duration_cast<std::chrono::seconds>(value); };
  return {zones::Seconds(seconds(at)), {seconds(offset), name}};
}

}  // namespace

std::shared_ptr<const zones::ZoneBook> sim_zones() {
  static const auto book = [] {
    auto made = std::make_shared<zones::ZoneBook>();
    made->add(zone_that_is_set,
              zones::Zone({change(begin - 24h * 90, before, "SST"), change(set_at, behind, "SWT")},
                          *zones::YearlyRule::from("SWT-1")));
    return made;
  }();
  return book;
}

Duration local_time_in(const std::string& zone, WallTime when) {
  const Duration utc = when.time_since_epoch();
  if (zone != zone_that_is_set) return utc;
  return utc + (utc < set_at ? before : behind);
}

}  // namespace metalmesh::sim
