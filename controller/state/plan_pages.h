// A plan of a few servers is held by its rollout; a longer one lies in rows of its own, its pages, and the rollout holds
// what is said of all of them. Pure.
#pragma once

#include <cstdint>

#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

/// Servers that take part or are left out.
inline constexpr std::uint32_t plan_shown_most = 1000;
inline constexpr std::uint32_t plan_page_most = 500;

inline bool is_long(const rest::Plan& plan) {
  return plan.server_count() + plan.excluded_count() > plan_shown_most;
}
inline std::uint32_t plan_pages(std::uint32_t entries) {
  return (entries + plan_page_most - 1) / plan_page_most;
}
/// Of who takes part first, then of who does not.
inline std::uint32_t plan_pages(const rest::Plan& plan) {
  return plan_pages(plan.server_count()) + plan_pages(plan.excluded_count());
}

}  // namespace metalmesh::controller
