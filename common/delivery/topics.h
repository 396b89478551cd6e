// The whole topic plan. Two topics per site, so that any MQTT 3.1.1 broker will do and one ACL pattern
// (%u = site, from the certificate) covers all of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/id.h"

namespace metalmesh::topics {

/// Controller to site.
std::string down(const SiteName& site);  // mm/1/<site>/down
/// Site to controller.
std::string up(const SiteName& site);  // mm/1/<site>/up
/// What the controller subscribes to.
inline constexpr std::string_view every_up = "mm/1/+/up";
/// The site of an "up" topic, or nothing when it is not one.
std::optional<SiteName> site_of_up(std::string_view topic);

}  // namespace metalmesh::topics
