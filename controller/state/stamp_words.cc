#include "controller/state/stamp_words.h"

#include <fmt/format.h>

#include <chrono>

#include "common/ports/wire_time.h"

namespace metalmesh::controller {

std::string for_people(const google::protobuf::Timestamp& stamp) {
  const auto since = std::chrono::floor<std::chrono::seconds>(from_wire(stamp).time_since_epoch());
  const std::chrono::sys_seconds at{since};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{at - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace metalmesh::controller
