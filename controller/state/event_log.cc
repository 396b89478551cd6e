#include "controller/state/event_log.h"

#include <algorithm>
#include <utility>

#include "common/ports/row_seal.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t number_bytes = 8;
constexpr char lost_type[] = "damaged";

using Page = Result<std::vector<Row>>;

Page scan_behind(const RowReader& rows, std::uint64_t after, std::size_t limit) {
  return rows.scan(event_key(after + 1), tables::end_of(tables::events), limit);
}

/// The next place behind one that cannot be read, by longer and longer steps and then back. Numbers are dense, so
/// that some event is near each of them.
std::optional<std::uint64_t> readable_behind(const RowReader& rows, std::uint64_t after) {
  std::uint64_t step = 1;
  while (step < (std::uint64_t{1} << 40U) && !scan_behind(rows, after + step, 1)) step *= 2;
  if (step >= (std::uint64_t{1} << 40U)) return std::nullopt;
  std::uint64_t bad = step / 2;
  while (bad + 1 < step) {
    const std::uint64_t middle = bad + (step - bad) / 2;
    (scan_behind(rows, after + middle, 1) ? step : bad) = middle;
  }
  return after + step;
}

/// Puts events in order and tells of those that are not there.
class PageBuilder {
 public:
  explicit PageBuilder(std::uint64_t after) : last_(after) {}

  void take(const Row& row) {
    const auto number = event_number(row.key);
    if (!number || *number <= last_) return;  // under a damaged key: its own place is empty
    if (*number > last_ + 1) lost(*number - 1, "they are not in the store");
    rest::LogEvent event;
    const Status read = row.value ? decode_row(*row.value, event)
                                  : Status(std::unexpected(damaged_row(row.key, row.value.error())));
    if (!read) return lost(*number, read.error().message);
    event.set_number(*number);
    last_ = is_lost(event) && event.has_gap() ? std::max(*number, event.gap().to()) : *number;
    page_.events.push_back(std::move(event));
  }
  /// Everything up to `to`.
  void lost(std::uint64_t to, const std::string& why) {
    page_.events.push_back(lost_events(last_ + 1, to, why));
    last_ = to;
  }
  [[nodiscard]] std::uint64_t last() const { return last_; }
  EventPage finish(bool more) {
    page_.more = more;
    return std::move(page_);
  }

 private:
  std::uint64_t last_;
  EventPage page_;
};

}  // namespace

std::string event_key(std::uint64_t id) {
  std::string key(tables::events);
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>((id >> shift) & 0xff));
  return key;
}

std::optional<std::uint64_t> event_number(std::string_view key) {
  if (!key.starts_with(tables::events) || key.size() != tables::events.size() + number_bytes)
    return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : key.substr(tables::events.size()))
    number = (number << 8U) | static_cast<unsigned char>(c);
  return number;
}

rest::LogEvent lost_events(std::uint64_t from, std::uint64_t to, const std::string& why) {
  rest::LogEvent line;
  line.set_number(from);
  line.set_type(lost_type);
  line.set_message((from == to ? "event " + std::to_string(from) + " of this log is lost: "
                               : "events " + std::to_string(from) + " to " + std::to_string(to) +
                                     " of this log are lost: ") +
                   why);
  return line;
}

bool is_lost(const rest::LogEvent& event) { return event.type() == lost_type; }

Result<EventPage> read_events(const RowReader& rows, std::uint64_t after, std::size_t limit) {
  if (after == UINT64_MAX) return EventPage{};
  PageBuilder page(after);
  auto found = scan_behind(rows, after, limit);
  if (!found) {
    const auto behind = readable_behind(rows, after);
    if (!behind) return std::unexpected(std::move(found.error()));
    page.lost(*behind, found.error().message);
    return page.finish(true);
  }
  for (const Row& row : *found) page.take(row);
  return page.finish(found->size() == limit);
}

}  // namespace metalmesh::controller
