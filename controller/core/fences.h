// Fences that sites owe. Whoever calls a deployment back (an abort, a cancel, a person's resolve, a journal
// that is lost) wants to know that nothing of it will start any more, and only the site can say so. What is
// owed is a row of its own: it outlives silence, quarantine, restores and new command journals, and is asked
// for again over each. Until it is confirmed the machine takes no other order.
#pragma once

#include <string>
#include <vector>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// From now on the fence is owed by the agent whose events are (were) in `event_journal`; a debt that stands
/// already stays as it is. Without an order or a server that name the machine there is nothing to fence, nor
/// where nothing is changed.
void owe_fence(Work& work, const std::string& deployment, const std::string& reason,
               const std::string& event_journal);

/// Sends what is owed by `site` and was not sent on its present command journal; frees places whose longest
/// run is over.
void serve_fences(Work& work, const std::string& site);

/// The site answered, or told an end: nothing of it starts any more. Its place is free too, unless the answer
/// is of an agent that does not remember the order.
void confirm_fence(Work& work, const std::string& deployment);

/// It ended, but its site keeps the medium in for an installer that may still run: its place stays taken
/// until the site lets go, or the longest run is over.
void keep_place(Work& work, const std::string& deployment);
/// The site let go of the medium.
void leave_place(Work& work, const std::string& deployment);

/// A person put the site away (`how`: "deleted", "revoked"): nobody will ever answer.
void waive_fences(Work& work, const std::string& site, const std::string& how);

/// The newest generation became known: the fence must cover it.
void raise_fence(Work& work, const std::string& deployment, std::uint64_t generation);

/// The deployments whose fence is owed by `site`, by the agent that has `journal`.
[[nodiscard]] std::vector<std::string> fences_owed_by(const MeshState& mesh, const std::string& site,
                                                      const std::string& journal);

/// What has ended here and may still be at work on this machine: its fence is owed, or its place is kept;
/// nullptr: nothing. With the deployment's id.
[[nodiscard]] const std::pair<const std::string, record::OwedFence>* unfinished_at(
    const MeshState& mesh, const std::string& machine);

/// What is owed for this machine and not confirmed; nullptr: nothing. With the deployment's id.
const std::pair<const std::string, record::OwedFence>* fence_owed(const MeshState& mesh,
                                                                  const std::string& machine);

}  // namespace metalmesh::controller
