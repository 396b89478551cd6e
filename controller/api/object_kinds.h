// What the six kinds of objects have in common, as traits: the word in the path, the word in the body, and
// the rows that hold them.
#pragma once

#include <optional>
#include <string_view>

#include "controller/core/operator_request.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

inline constexpr std::string_view api_version = "metalmesh/v1";

template <class T>
struct ObjectKind;
template <>
struct ObjectKind<rest::Site> {
  static constexpr std::string_view kind = "Site", plural = "sites";
  static constexpr auto rows = &MeshState::sites;
};
template <>
struct ObjectKind<rest::Credential> {
  static constexpr std::string_view kind = "Credential", plural = "credentials";
  static constexpr auto rows = &MeshState::credentials;
};
template <>
struct ObjectKind<rest::Server> {
  static constexpr std::string_view kind = "Server", plural = "servers";
  static constexpr auto rows = &MeshState::servers;
};
template <>
struct ObjectKind<rest::Image> {
  static constexpr std::string_view kind = "Image", plural = "images";
  static constexpr auto rows = &MeshState::images;
};
template <>
struct ObjectKind<rest::Profile> {
  static constexpr std::string_view kind = "Profile", plural = "profiles";
  static constexpr auto rows = &MeshState::profiles;
};
template <>
struct ObjectKind<rest::Rollout> {
  static constexpr std::string_view kind = "Rollout", plural = "rollouts";
  static constexpr auto rows = &MeshState::rollouts;
};

/// Calls `f.template operator()<T>()` for the kind whose paths start with /api/v1/<plural>; all kinds give
/// the same result type. Routes name only the six.
template <class F>
auto with_kind(std::string_view plural, F&& f) {
  if (plural == ObjectKind<rest::Site>::plural) return f.template operator()<rest::Site>();
  if (plural == ObjectKind<rest::Credential>::plural) return f.template operator()<rest::Credential>();
  if (plural == ObjectKind<rest::Server>::plural) return f.template operator()<rest::Server>();
  if (plural == ObjectKind<rest::Image>::plural) return f.template operator()<rest::Image>();
  if (plural == ObjectKind<rest::Profile>::plural) return f.template operator()<rest::Profile>();
  return f.template operator()<rest::Rollout>();
}

}  // namespace metalmesh::controller
