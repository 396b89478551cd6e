// The images that people asked sites to fetch ahead of need, as status.prefetches of each image tells it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/core/work.h"

namespace metalmesh::controller {

namespace prefetches {
inline constexpr std::string_view asked = "asked";        // by a person; the site does not know yet
inline constexpr std::string_view fetching = "fetching";  // the site was told
inline constexpr std::string_view ready = "ready";
inline constexpr std::string_view failed = "failed";  // the site goes on trying
inline constexpr std::string_view evicted = "evicted";
}  // namespace prefetches

void set_prefetch(Work& work, const std::string& image, const std::string& site, std::string_view state,
                  const std::string& message = {});
/// Names of the images that `site` was asked for and that are in `state` there; in any for an empty one.
std::vector<std::string> prefetches_at(const MeshState& mesh, const std::string& site,
                                       std::string_view state);

}  // namespace metalmesh::controller
