// The states of a deployment as one table. Facts move it; time never does: a site that is away leaves its
// deployments where they are, because an invented end is how machines get wiped twice.
#pragma once

#include <optional>
#include <string_view>

#include "controller/core/work.h"
#include "schemas/wire/fault.pb.h"

namespace metalmesh::controller {

enum class Happening {
  issued,          // appended to the site's command stream
  taken,           // the agent accepted the order
  refused,         // the agent refused the order: nothing was touched
  progressed,      // the agent reports work on it
  recalled,        // aborted, or too late, before it was handed out
  cancel_asked,    // a cancel was appended
  cancel_granted,  // nothing was and nothing will be launched
  cancel_late,     // launched before the cancel came
  never_seen,      // learned after a restore: the site never got the order
  lost,            // the site's memory of it is gone
  succeeded,
  unproven,
  failed,
  cancelled,
  indeterminate,
  disproved,  // the site tells what cannot be, had it ended: it is open again (late_facts.h)
  doubted,    // it ended by the word of one who cannot know, and nobody else is left to confirm it
};

/// The state that follows, or nothing when the happening changes none (repeated, late, out of place).
std::optional<std::string_view> next_state(std::string_view state, Happening what);

/// Moves the deployment and all that hangs on it: end time, server, stored order. `edit` sets the facts
/// that come with the move and runs even when the state stays, unless the deployment has ended.
/// Returns false when it had ended before: an end changes only when it is disproved.
bool move_deployment(Work& work, const std::string& id, Happening what,
                     const std::function<void(rest::Deployment&)>& edit = {});

}  // namespace metalmesh::controller
