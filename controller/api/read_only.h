// What the mesh knows of an object is not an operator's to write; it may be sent back after a GET and is skipped.
#pragma once

#include <array>
#include <string_view>

namespace metalmesh::controller {

inline constexpr std::array<std::string_view, 6> read_only_fields = {
    "status", "metadata.version", "metadata.ledger", "metadata.created", "metadata.changed", "metadata.feed"};

}  // namespace metalmesh::controller
