// The event log: rows "e/<id, big endian>" -> rest::LogEvent. Append-only; ids rise by one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/ports/store.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

std::string event_key(std::uint64_t id);
/// Events with id > after, ascending, at most `limit`. Committed ones only.
std::vector<rest::LogEvent> read_events(const RowReader& rows, std::uint64_t after, std::size_t limit);

}  // namespace metalmesh::controller
