#include "common/adapters/http_places.h"

#include <algorithm>
#include <utility>

namespace metalmesh::adapters {
namespace {

/// The lower, the sooner it ends.
std::pair<int, std::chrono::steady_clock::time_point> standing(const HttpPlace& place) {
  const std::chrono::steady_clock::time_point since = *place.idle_since;
  const bool over = since == std::chrono::steady_clock::time_point::min();
  return {over ? 0 : place.caller.empty() ? 1 : 2, since};
}

template <class Which>
std::optional<std::size_t> first_place(std::span<const HttpPlace> open, Which which) {
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < open.size(); ++i) {
    if (!open[i].idle_since || !which(open[i])) continue;
    if (!first || standing(open[i]) < standing(open[*first])) first = i;
  }
  return first;
}

template <class Which>
std::size_t places_among(std::span<const HttpPlace> open, Which which) {
  return static_cast<std::size_t>(std::ranges::count_if(open, which));
}

PlaceVerdict instead_of(std::optional<std::size_t> other, PlaceVerdict::Kind kind) {
  return {other ? kind : PlaceVerdict::Kind::none, other};
}

}  // namespace

std::optional<std::size_t> first_to_end(std::span<const HttpPlace> open) {
  return first_place(open, [](const HttpPlace&) { return true; });
}

PlaceVerdict place_for(const HttpPlace& newcomer, std::span<const HttpPlace> open,
                       const HttpPlaceLimits& limits) {
  using Kind = PlaceVerdict::Kind;
  if (newcomer.local) {
    const auto local = [](const HttpPlace& place) { return place.local; };
    if (places_among(open, local) < limits.local) return {};
    return instead_of(first_place(open, local), Kind::ordinary);
  }
  const auto neighbour = [&](const HttpPlace& place) {
    return !place.local && !place.reserved && place.caller.empty() && place.address == newcomer.address;
  };
  const auto ordinary = [](const HttpPlace& place) { return !place.local && !place.reserved; };
  const auto reserved = [](const HttpPlace& place) { return place.reserved; };
  if (places_among(open, neighbour) >= limits.strangers_of_address) {
    if (const auto other = first_place(open, neighbour)) return {Kind::ordinary, other};
  } else if (places_among(open, ordinary) < limits.ordinary) {
    return {};
  } else if (const auto other = first_place(open, ordinary)) {
    return {Kind::ordinary, other};
  }
  if (places_among(open, reserved) < limits.reserved) return {Kind::reserved, {}};
  return instead_of(first_place(open, reserved), Kind::reserved);
}

PlaceVerdict place_of_caller(std::size_t own, const std::string& caller, std::span<const HttpPlace> open,
                             const HttpPlaceLimits& limits) {
  if (open[own].local || open[own].caller == caller) return {};
  const auto others = [&](const HttpPlace& place) {
    return !place.local && place.caller == caller && &place != &open[own];
  };
  if (places_among(open, others) < limits.of_caller) return {};
  return instead_of(first_place(open, others), PlaceVerdict::Kind::ordinary);
}

}  // namespace metalmesh::adapters
