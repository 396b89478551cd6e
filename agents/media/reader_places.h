// Which reader makes room for a newcomer at the media server. A stranger was never served content of an image: it goes before
// any reader that was, and those of the address that has the most strangers go first, the oldest of them. So connections
// that name no mount keep nobody out, however many they are and wherever they come from; an installer that pauses between
// two reads is the last to make room. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/base/time.h"

namespace metalmesh::media {

/// A reader for whom nothing is under way. Those at work make no room.
struct IdleReader {
  std::uint64_t id = 0;
  std::string_view address;
  MonoTime since;  // when it came, or was answered last
  bool stranger = true;
};

/// Nothing: there are none.
std::optional<std::uint64_t> makes_room(std::span<const IdleReader> idle);

/// The oldest stranger of `address`, if it has more of them than `most`.
std::optional<std::uint64_t> beyond_share(std::span<const IdleReader> idle, std::string_view address,
                                          std::size_t most);

}  // namespace metalmesh::media
