// What the clocks on the walls of one time zone show: by how much they differ from UTC, and from when on. Pure, of the rules as
// zone files have them (tzif.h): moments at which they were or will be set, and behind the last one a rule for every year.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::zones {

using Seconds = std::chrono::sys_seconds;

/// What clocks show from a moment on.
struct Shown {
  std::chrono::seconds offset{};  // east of Greenwich
  std::string abbreviation;       // "CEST"
  bool operator==(const Shown&) const = default;
};
struct Change {
  Seconds at{};
  Shown shown;
  bool operator==(const Change&) const = default;
};

/// "CET-1CEST,M3.5.0,M10.5.0/3": how it goes on for ever, as POSIX writes it, with times of up to a week.
class YearlyRule {
 public:
  static Result<YearlyRule> from(std::string_view text);
  [[nodiscard]] Shown at(Seconds when) const;
  /// The first moment behind `when` at which clocks are set; none: they never are.
  [[nodiscard]] std::optional<Seconds> next_change(Seconds when) const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  /// The n-th (5: the last) such day of the week in a month, and how long after its midnight.
  struct Day {
    unsigned month = 1, week = 1, weekday = 0;
    std::chrono::seconds time{};
    [[nodiscard]] std::chrono::local_seconds in(std::chrono::year year) const;
    static Result<Day> from(std::string_view text);
  };
  struct Summer {
    Shown shown;
    Day from, until;
  };
  struct Span {
    Seconds from, until;
  };
  [[nodiscard]] Span summer_of(std::chrono::year year) const;

  std::string text_;
  Shown usual_;
  std::optional<Summer> summer_;
};

class Zone {
 public:
  /// `changes` in their order; what was shown before the first of them is what the first one says.
  Zone(std::vector<Change> changes, YearlyRule rule) : changes_(std::move(changes)), rule_(std::move(rule)) {}
  static const Zone& utc();

  [[nodiscard]] Shown at(Seconds when) const;
  [[nodiscard]] std::optional<Seconds> next_change(Seconds when) const;
  [[nodiscard]] std::chrono::local_seconds local(Seconds when) const {
    return std::chrono::local_seconds(when.time_since_epoch() + at(when).offset);
  }

  /// Without what lies before `from`, and without what the yearly rule says anyway.
  [[nodiscard]] Zone without_the_past(Seconds from) const;
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }
  [[nodiscard]] const YearlyRule& rule() const { return rule_; }

 private:
  std::vector<Change> changes_;
  YearlyRule rule_;
};

}  // namespace metalmesh::zones
