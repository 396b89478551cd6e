// Judges what a command asks for before anything of it is believed: pure questions about one command.
#pragma once

#include <optional>

#include "agents/core/fence_table.h"
#include "agents/core/job_table.h"
#include "common/base/time.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/fault.pb.h"

namespace metalmesh::agent {

/// For which life of this site's journal, and by which controller, it was issued. `journal` and `epoch` are
/// ours.
std::optional<wire::Fault> refuse_origin(const wire::Command& command, const std::string& journal,
                                         std::uint64_t epoch);

/// ORDER_INVALID with the field, or IDENTITY_INSUFFICIENT; nothing when the order is complete.
std::optional<wire::Fault> refuse_form(const wire::StartInstall& order);
std::optional<wire::Fault> refuse_form(const wire::CancelInstall& cancel);
std::optional<wire::Fault> refuse_form(const wire::InspectServer& request);
std::optional<wire::Fault> refuse_form(const wire::PrefetchImage& prefetch);

/// Fence, another open job for the machine, certain expiry. The order is complete and not known yet.
std::optional<wire::Fault> refuse_order(const wire::StartInstall& order, const FenceTable& fences,
                                        JobTable& jobs, const Now& now);

}  // namespace metalmesh::agent
