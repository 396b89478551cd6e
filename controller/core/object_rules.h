// What an object as a whole may say: fills its defaults in place, then checks fields and references.
// Answers with the first thing that is wrong. Nothing here looks at what is stored under the same name;
// that is object_apply's business.
#pragma once

#include <chrono>

#include "controller/core/field_rules.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// The defaults of operator-facing fields; documents quote them from here.
namespace defaults {
inline constexpr std::uint32_t site_parallel = 10;
inline constexpr std::uint32_t login_refusals = 3;
inline constexpr std::uint32_t parallel_total = 200;
inline constexpr std::uint32_t parallel_per_site = 10;
inline constexpr std::chrono::seconds start_within = std::chrono::hours(4);
inline constexpr std::chrono::seconds launch_within = std::chrono::minutes(30);
inline constexpr std::chrono::seconds max_run = std::chrono::hours(2);
inline constexpr std::chrono::seconds stall_after = std::chrono::minutes(35);
inline constexpr std::chrono::seconds proof_within = std::chrono::minutes(20);
inline constexpr std::uint32_t attempts_before_wipe = 2;
inline constexpr std::uint32_t canary_above = 10;  // servers in the plan
inline constexpr std::chrono::seconds unprotect_for = std::chrono::hours(4);
}  // namespace defaults

rules::Verdict check(rest::Site& site, const MeshState& mesh);
rules::Verdict check(rest::Credential& credential, const MeshState& mesh);
rules::Verdict check(rest::Server& server, const MeshState& mesh);
rules::Verdict check(rest::Image& image, const MeshState& mesh);
rules::Verdict check(rest::Profile& profile, const MeshState& mesh);
rules::Verdict check(rest::SettingsProfile& settings, const MeshState& mesh);
rules::Verdict check(rest::PostureException& exception, const MeshState& mesh);
rules::Verdict check(rest::HardwareType& type, const MeshState& mesh);
rules::Verdict check(rest::User& user, const MeshState& mesh);
rules::Verdict check(rest::Rollout& rollout, const MeshState& mesh);

/// The name of a role of a hardware type.
rules::Verdict check_role(const std::string& field, const std::string& role);

/// The host of a spec. A part of one follows the same rules as a whole one, because lists replace each other as wholes.
rules::Verdict check_host(wire::Host* host);

/// "rocky-base" (newest) or "rocky-base@7"; nullptr when there is none.
const rest::Profile* find_profile(const MeshState& mesh, const std::string& reference);

/// The image whose files a site serves as packages to installs of `image` with this profile; nullptr: none.
const rest::Image* package_image(const MeshState& mesh, const rest::Profile& profile,
                                 const std::string& image);
/// The installer takes its packages from its site.
bool packages_from_site(const rest::Profile& profile);
/// The installer takes its packages from the medium it boots.
bool packages_from_media(const rest::Profile& profile);

}  // namespace metalmesh::controller
