// Whether the rows of a stream are whole, asked before anything is built on them: a damaged store is refused
// with the name of the row, and not met half-way through a life. Kinds: corrupt, unsupported (written by a
// newer version).
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/ports/store.h"

namespace metalmesh::delivery {

inline constexpr std::uint32_t sender_row_version = 2;
inline constexpr std::uint32_t receiver_row_version = 2;
/// An entry's row begins with its hash.
inline constexpr std::size_t entry_hash_bytes = 32;

/// Row "m" below `prefix`, and that the journal's last entry is the one it names.
Status check_sender_rows(const std::string& prefix, const RowReader& rows);
Status check_receiver_row(const std::string& key, const RowReader& rows);

}  // namespace metalmesh::delivery
