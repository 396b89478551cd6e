// Judges what a command asks for before anything of it is believed: pure questions about one command.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "agents/core/fence_table.h"
#include "agents/core/job_table.h"
#include "common/base/time.h"
#include "common/orders/order_parts.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/fault.pb.h"

namespace metalmesh::agent {

/// For which life of this site's journal, and by which controller, it was issued. `journal` and `epoch` are
/// ours.
std::optional<wire::Fault> refuse_origin(const wire::Command& command, const std::string& journal,
                                         std::uint64_t epoch);

/// ORDER_INVALID when it is not what its plan says, UNSUPPORTED_COMMAND when it asks for more than this agent
/// (`version`) knows.
std::expected<orders::Parts, wire::Fault> open_order(const wire::Order& order, const std::string& version);

/// ORDER_INVALID with the field, or IDENTITY_INSUFFICIENT; nothing when the order is complete.
std::optional<wire::Fault> refuse_form(const orders::Parts& order);
std::optional<wire::Fault> refuse_form(const wire::CancelOrder& cancel);
std::optional<wire::Fault> refuse_form(const wire::InspectServer& request);
std::optional<wire::Fault> refuse_form(const wire::PrefetchImage& prefetch);

/// Fence, another open job for the machine, certain expiry. The order is complete and not known yet.
std::optional<wire::Fault> refuse_order(const orders::Parts& order, const FenceTable& fences, JobTable& jobs,
                                        const Now& now);

/// The command itself is not known to this agent (`version`).
wire::Fault unsupported_command(std::string what, const std::string& version);

}  // namespace metalmesh::agent
