#include "common/zones/zone.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace metalmesh::zones {
namespace {

using std::chrono::days;
using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::year;

/// Reads one text from its front; what does not fit leaves it where it is.
class Reader {
 public:
  explicit Reader(std::string_view text) : left_(text) {}

  bool take(char letter) {
    if (!left_.starts_with(letter)) return false;
    left_.remove_prefix(1);
    return true;
  }
  std::optional<int> number(int most) {
    int value = 0;
    const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), value);
    if (error != std::errc() || left_.front() == '-' || value > most) return std::nullopt;
    left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
    return value;
  }
  /// "CET" or "<+0530>"
  std::optional<std::string> name() {
    const bool is_quoted = take('<');
    const auto belongs = [&](char c) {
      const bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      return is_letter || (is_quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
    };
    const auto length = static_cast<std::size_t>(std::ranges::find_if_not(left_, belongs) - left_.begin());
    std::string name(left_.substr(0, length));
    left_.remove_prefix(length);
    if (name.size() < 3 || (is_quoted && !take('>'))) return std::nullopt;
    return name;
  }
  /// "-1", "3:30", "167:59:59"
  std::optional<seconds> time(int most_hours) {
    const bool is_negative = take('-');
    if (!is_negative) take('+');
    const auto hours = number(most_hours);
    if (!hours) return std::nullopt;
    int rest = 0;
    for (const int unit : {60, 1}) {
      if (!take(':')) break;
      const auto part = number(59);
      if (!part) return std::nullopt;
      rest += *part * unit;
    }
    const seconds value(*hours * 3600 + rest);
    return is_negative ? -value : value;
  }
  [[nodiscard]] std::string_view left() const { return left_; }

 private:
  std::string_view left_;
};

constexpr int most_offset = 24;   // hours
constexpr int most_of_day = 167;  // hours

std::unexpected<Error> not_a_rule(std::string_view text) {
  return fail(ErrorKind::invalid, "\"" + std::string(text.substr(0, 80)) + "\" is no rule of a time zone");
}

/// POSIX counts to the west.
std::optional<seconds> offset_in(Reader& reader) {
  const auto west = reader.time(most_offset);
  return west ? std::optional(-*west) : std::nullopt;
}

year year_of(local_seconds when) {
  return std::chrono::year_month_day(std::chrono::floor<days>(when)).year();
}
local_seconds local_of(Seconds when, seconds offset) {
  return local_seconds(when.time_since_epoch() + offset);
}
Seconds moment_of(local_seconds when, seconds offset) { return Seconds(when.time_since_epoch() - offset); }

}  // namespace

Result<YearlyRule::Day> YearlyRule::Day::from(std::string_view text) {
  Reader reader(text);
  Day day{1, 1, 0, std::chrono::hours(2)};
  const auto part = [&](char before, int least, int most) -> std::optional<unsigned> {
    if (!reader.take(before)) return std::nullopt;
    const auto value = reader.number(most);
    return value && *value >= least ? std::optional(static_cast<unsigned>(*value)) : std::nullopt;
  };
  const auto month = part('M', 1, 12);
  const auto week = month ? part('.', 1, 5) : std::nullopt;
  const auto weekday = week ? part('.', 0, 6) : std::nullopt;
  if (!weekday) return not_a_rule(text);
  day.month = *month;
  day.week = *week;
  day.weekday = *weekday;
  if (reader.take('/')) {
    const auto time = reader.time(most_of_day);
    if (!time) return not_a_rule(text);
    day.time = *time;
  }
  if (!reader.left().empty()) return not_a_rule(text);
  return day;
}

local_seconds YearlyRule::Day::in(year of) const {
  const std::chrono::weekday on(weekday);
  constexpr unsigned last = 5;
  const std::chrono::local_days day = week == last
                                          ? std::chrono::local_days(of / month / on[std::chrono::last])
                                          : std::chrono::local_days(of / month / on[week]);
  return day + time;
}

Result<YearlyRule> YearlyRule::from(std::string_view text) {
  YearlyRule rule;
  rule.text_ = text;
  const std::size_t comma = text.find(',');
  Reader names(text.substr(0, comma));
  const auto name = names.name();
  const auto offset = name ? offset_in(names) : std::nullopt;
  if (!offset) return not_a_rule(text);
  rule.usual_ = {*offset, *name};
  if (names.left().empty() && comma == text.npos) return rule;
  const auto summer = names.name();
  if (!summer || comma == text.npos) return not_a_rule(text);
  std::optional<seconds> ahead = *offset + std::chrono::hours(1);
  if (!names.left().empty()) ahead = offset_in(names);
  if (!ahead || !names.left().empty()) return not_a_rule(text);
  const std::string_view dates = text.substr(comma + 1);
  const std::size_t between = dates.find(',');
  if (between == dates.npos) return not_a_rule(text);
  const auto from = Day::from(dates.substr(0, between));
  const auto until = Day::from(dates.substr(between + 1));
  if (!from || !until) return not_a_rule(text);
  rule.summer_ = Summer{{*ahead, *summer}, *from, *until};
  return rule;
}

YearlyRule::Span YearlyRule::summer_of(year of) const {
  return {moment_of(summer_->from.in(of), usual_.offset),
          moment_of(summer_->until.in(of), summer_->shown.offset)};
}

Shown YearlyRule::at(Seconds when) const {
  if (!summer_) return usual_;
  const Span span = summer_of(year_of(local_of(when, usual_.offset)));
  // South of the equator the summer is what is left of a year.
  const bool is_summer = span.from < span.until ? when >= span.from && when < span.until
                                                : when >= span.from || when < span.until;
  return is_summer ? summer_->shown : usual_;
}

std::optional<Seconds> YearlyRule::next_change(Seconds when) const {
  if (!summer_) return std::nullopt;
  std::optional<Seconds> next;
  const year now = year_of(local_of(when, usual_.offset));
  for (const year of : {now - std::chrono::years(1), now, now + std::chrono::years(1)}) {
    const Span span = summer_of(of);
    for (const Seconds at : {span.from, span.until}) {
      if (at > when && (!next || at < *next)) next = at;
    }
  }
  return next;
}

const Zone& Zone::utc() {
  static const Zone utc({}, *YearlyRule::from("UTC0"));
  return utc;
}

Shown Zone::at(Seconds when) const {
  if (changes_.empty() || when >= changes_.back().at) {
    // The last one is the beginning of what the rule says, unless the rule came without it.
    return rule_.at(when);
  }
  const auto behind = std::ranges::upper_bound(changes_, when, {}, &Change::at);
  return behind == changes_.begin() ? behind->shown : std::prev(behind)->shown;
}

std::optional<Seconds> Zone::next_change(Seconds when) const {
  const auto behind = std::ranges::upper_bound(changes_, when, {}, &Change::at);
  if (behind != changes_.end()) return behind->at;
  return rule_.next_change(when);
}

Zone Zone::without_the_past(Seconds from) const {
  std::vector<Change> kept = changes_;
  const auto behind = std::ranges::upper_bound(kept, from, {}, &Change::at);
  if (behind != kept.begin()) kept.erase(kept.begin(), std::prev(behind));
  // From the end: as long as the rule shows the same before and behind.
  while (kept.size() >= 2 && rule_.at(kept.back().at) == kept.back().shown &&
         rule_.at(kept.back().at - seconds(1)) == kept[kept.size() - 2].shown)
    kept.pop_back();
  if (kept.size() == 1 && rule_.at(kept.front().at) == kept.front().shown) kept.clear();
  return {std::move(kept), rule_};
}

}  // namespace metalmesh::zones
