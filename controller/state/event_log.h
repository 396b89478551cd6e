// The event log: rows "e/<number, big endian>" -> rest::LogEvent. Append-only; numbers rise by one. Ids are
// not stored: LedgerLives knows them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/ports/store.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

std::string event_key(std::uint64_t number);
/// Events with number > after, ascending, at most `limit`. Committed ones only.
std::vector<rest::LogEvent> read_events(const RowReader& rows, std::uint64_t after, std::size_t limit);

}  // namespace metalmesh::controller
