// The states of a deployment, as the REST objects spell them, and what they have in common.
#pragma once

#include <string_view>

#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

namespace states {
inline constexpr std::string_view pending = "PENDING";        // in a started rollout, not handed out
inline constexpr std::string_view issued = "ISSUED";          // in the site's command stream
inline constexpr std::string_view running = "RUNNING";        // the agent took it
inline constexpr std::string_view cancelling = "CANCELLING";  // asked to stop, no answer yet
inline constexpr std::string_view succeeded = "SUCCEEDED";
inline constexpr std::string_view unproven = "UNPROVEN";
inline constexpr std::string_view failed = "FAILED";
inline constexpr std::string_view cancelled = "CANCELLED";
inline constexpr std::string_view indeterminate = "INDETERMINATE";  // over, but nobody knows how
}  // namespace states

/// With the site: its agent may act on it.
constexpr bool is_in_flight(std::string_view state) {
  return state == states::issued || state == states::running || state == states::cancelling;
}
constexpr bool is_open(std::string_view state) { return state == states::pending || is_in_flight(state); }
/// Ended without anybody knowing how, and nobody has decided yet.
inline bool is_unresolved(const rest::Deployment& deployment) {
  return deployment.state() == states::indeterminate && deployment.resolved_by().empty();
}
/// The disk may have changed: no automatic retry, counts as a failure after the wipe.
inline bool may_have_wiped(const rest::Deployment& deployment) {
  return deployment.launched() ||
         (deployment.disk() != wire::DISK_UNTOUCHED && deployment.disk() != wire::DISK_STATE_UNSPECIFIED) ||
         deployment.state() == states::indeterminate;
}

}  // namespace metalmesh::controller
