// The seal at the end of every stored row: a checksum over the value, and one over key and value. It is put on
// and taken off by the stores (common/adapters), so that whoever reads rows through the port need not know it.
//
// Two sums tell what is damaged: a row that lies under another key than it was written under has a whole
// value, and its content may say where it belongs.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/ports/store.h"

namespace metalmesh {

std::string seal_row(std::string_view key, std::string_view value);
std::expected<std::string, RowDamage> unseal_row(std::string_view key, std::string stored);

/// A key as people and commands write it: what a shell would not take as it stands is "%xx".
std::string printable_key(std::string_view key);
/// Nothing when it is no such text.
std::optional<std::string> key_of_printable(std::string_view text);

/// Kind corrupt; names the row.
Error damaged_row(std::string_view key, const RowDamage& damage);

}  // namespace metalmesh
