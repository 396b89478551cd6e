// The time zones of the machine's tzdata, as they are from now on.
#pragma once

#include <filesystem>

#include "common/base/log.h"
#include "common/zones/zone_book.h"

namespace metalmesh::adapters {

/// What is there and does not fit is told, and is not in the book; without a folder the book is empty.
zones::ZoneBook load_zones(const std::filesystem::path& folder, zones::Seconds now, LogSink& log);

}  // namespace metalmesh::adapters
