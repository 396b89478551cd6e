// The event log: rows "e/<number, big endian>" -> rest::LogEvent. Append-only; numbers rise by one. Ids are
// not stored: LedgerLives knows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/ports/store.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

std::string event_key(std::uint64_t number);
/// Nothing for a key that is none of an event.
std::optional<std::uint64_t> event_number(std::string_view key);

/// The line that stands for events `from` to `to`, which are lost.
rest::LogEvent lost_events(std::uint64_t from, std::uint64_t to, const std::string& why);
/// Readers of any part of the log are told of what is lost of it.
bool is_lost(const rest::LogEvent& event);

struct EventPage {
  std::vector<rest::LogEvent> events;
  bool more = false;  // perhaps
};

/// Events with number > after, ascending, about `limit` at most. Committed ones only. Damaged or missing ones are one
/// line (`is_lost`) for each stretch of them, with the number of the first; they hide no other event. Fails
/// (corrupt, unavailable) when nothing behind `after` can be read any more.
Result<EventPage> read_events(const RowReader& rows, std::uint64_t after, std::size_t limit);

}  // namespace metalmesh::controller
