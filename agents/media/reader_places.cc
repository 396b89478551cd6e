#include "agents/media/reader_places.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace metalmesh::media {

std::optional<std::uint64_t> makes_room(std::span<const IdleReader> idle) {
  std::map<std::string_view, std::size_t> strangers;
  for (const IdleReader& one : idle) {
    if (one.stranger) ++strangers[one.address];
  }
  const auto standing = [&](const IdleReader& one) {
    const std::size_t neighbours = one.stranger ? strangers.at(one.address) : 0;
    return std::tuple(!one.stranger, idle.size() - neighbours, one.since, one.id);
  };
  const auto first = std::ranges::min_element(idle, {}, standing);
  return first == idle.end() ? std::nullopt : std::optional(first->id);
}

std::optional<std::uint64_t> beyond_share(std::span<const IdleReader> idle, std::string_view address,
                                          std::size_t most) {
  const IdleReader* oldest = nullptr;
  std::size_t count = 0;
  for (const IdleReader& one : idle) {
    if (!one.stranger || one.address != address) continue;
    ++count;
    if (oldest == nullptr || std::tuple(one.since, one.id) < std::tuple(oldest->since, oldest->id))
      oldest = &one;
  }
  return count > most ? std::optional(oldest->id) : std::nullopt;
}

}  // namespace metalmesh::media
