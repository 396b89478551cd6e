#include "common/ports/clock_row.h"

#include "common/ports/wire_time.h"

namespace metalmesh {

std::optional<record::Clock> clock_row(const TimeKeeper& keeper, const Now& now) {
  const auto line = keeper.line(now.mono);
  if (!line) return std::nullopt;
  record::Clock row;
  row.set_boot(now.boot);
  *row.mutable_mono() = to_wire(now.mono.time_since_epoch());
  *row.mutable_low() = to_wire(line->low);
  *row.mutable_high() = to_wire(line->high);
  *row.mutable_steps() = to_wire(keeper.steps());
  if (const auto doubted = keeper.doubted()) {
    *row.mutable_doubted()->mutable_mono() = to_wire(doubted->at.time_since_epoch());
    *row.mutable_doubted()->mutable_low() = to_wire(doubted->low);
    *row.mutable_doubted()->mutable_high() = to_wire(doubted->high);
  }
  return row;
}

std::optional<WallFix> line_of(const record::Clock& row, const Now& now) {
  const MonoTime at(from_wire(row.mono()));
  if (!row.has_low() || now.boot == 0 || row.boot() != now.boot || at > now.mono) return std::nullopt;
  return WallFix{at, from_wire(row.low()), from_wire(row.high())};
}

std::optional<WallFix> doubted_of(const record::Clock& row) {
  if (!row.has_doubted()) return std::nullopt;
  return WallFix{MonoTime(from_wire(row.doubted().mono())), from_wire(row.doubted().low()),
                 from_wire(row.doubted().high())};
}

void follow_steps(wire::Issue& issue, Duration steps) {
  const Duration by = steps - from_wire(issue.clock_steps());
  *issue.mutable_clock_steps() = to_wire(steps);
  if (by >= Duration::zero()) return;  // an account that was put back to an older copy gives nobody more time
  if (issue.has_start_by()) *issue.mutable_start_by() = to_wire(from_wire(issue.start_by()) + by);
  if (issue.has_launch_by()) *issue.mutable_launch_by() = to_wire(from_wire(issue.launch_by()) + by);
}

std::string step_words(Duration by) {
  using Days = std::chrono::duration<std::int64_t, std::ratio<86400>>;
  const Duration size = by < Duration::zero() ? -by : by;
  const auto whole = [](auto value) { return std::to_string(value.count()); };
  std::string text;
  if (size >= std::chrono::hours(48)) {
    text = whole(std::chrono::floor<Days>(size)) + " days";
  } else if (size >= std::chrono::hours(1)) {
    const auto hours = std::chrono::floor<std::chrono::hours>(size);
    text = whole(hours) + " h " + whole(std::chrono::floor<std::chrono::minutes>(size - hours)) + " min";
  } else {
    text = whole(std::chrono::round<std::chrono::seconds>(size)) + " s";
  }
  return text + (by < Duration::zero() ? " behind" : " ahead");
}

}  // namespace metalmesh
