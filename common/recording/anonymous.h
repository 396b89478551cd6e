// What was said with a BMC, fit to be given away: secrets, serial numbers, addresses and names are replaced, each by
// one and the same stand-in of its own length and kind wherever it stands, so that what is left can be played.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace metalmesh::recording {

/// `lines`: of a transcript, one JSON object each, or of several. Of the lines that say whose they are only what names
/// nobody is kept. `key` is kept nowhere, so that nobody can find out what stood there by trying.
std::string anonymous(std::string_view lines, std::uint64_t key);

}  // namespace metalmesh::recording
