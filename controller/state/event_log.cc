#include "controller/state/event_log.h"

#include "common/base/check.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {

std::string event_key(std::uint64_t id) {
  std::string key(tables::events);
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>((id >> shift) & 0xff));
  return key;
}

std::vector<rest::LogEvent> read_events(const RowReader& rows, std::uint64_t after, std::size_t limit) {
  std::vector<rest::LogEvent> events;
  if (after == UINT64_MAX) return events;
  const auto found = rows.scan(event_key(after + 1), tables::end_of(tables::events), limit);
  events.reserve(found.size());
  for (const Row& row : found) {
    rest::LogEvent event;
    // A damaged line must not hide the ones behind it: its place in the numbering stays, its content is lost.
    if (const Status read = decode_row(row.value, event); !read) {
      event.Clear();
      event.set_type("damaged");
      event.set_message("this line of the event log cannot be read: " + read.error().message);
    }
    std::uint64_t id = 0;
    for (const char c : row.key.substr(tables::events.size())) id = (id << 8) | static_cast<unsigned char>(c);
    event.set_number(id);
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace metalmesh::controller
