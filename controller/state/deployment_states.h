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

/// Deployment.fence: whether the site has confirmed that nothing (more) of this deployment will start.
namespace fences {
inline constexpr std::string_view none = "none";  // nobody called it back
inline constexpr std::string_view owed = "owed";
inline constexpr std::string_view confirmed = "confirmed";
}  // namespace fences

/// With the site: its agent may act on it.
constexpr bool is_in_flight(std::string_view state) {
  return state == states::issued || state == states::running || state == states::cancelling;
}
constexpr bool is_open(std::string_view state) { return state == states::pending || is_in_flight(state); }
/// Counts for the limits: it is with the site, or nobody can say that it no longer runs there.
inline bool holds_place(const rest::Deployment& deployment) {
  return is_in_flight(deployment.state()) || deployment.keeps_place();
}
/// Ended without anybody knowing how, and nobody has decided yet.
inline bool is_unresolved(const rest::Deployment& deployment) {
  return deployment.state() == states::indeterminate && deployment.resolved_by().empty();
}
constexpr bool may_have_wiped_disk(wire::DiskState disk) {
  return disk != wire::DISK_UNTOUCHED && disk != wire::DISK_STATE_UNSPECIFIED;
}
/// It ended by a person's word, and its site has not said yet what became of it.
inline bool is_unconfirmed_word(const rest::Deployment& deployment) {
  return !deployment.resolved_by().empty() && deployment.fence() == fences::owed;
}
/// The disk may have changed: no automatic retry, counts as a failure after the wipe.
inline bool may_have_wiped(const rest::Deployment& deployment) {
  return deployment.launched() || may_have_wiped_disk(deployment.disk());
}
/// A person took it out of its rollout before anything came of it.
inline bool is_skipped(const rest::Deployment& deployment) {
  return deployment.skipped() && deployment.state() == states::cancelled;
}
/// It ended, and its disk is what it was before.
inline bool says_untouched(const rest::Deployment& deployment) {
  const bool named = deployment.state() == states::failed || deployment.state() == states::cancelled;
  return named && !may_have_wiped(deployment);
}

}  // namespace metalmesh::controller
