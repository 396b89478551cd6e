// The stages of a change of power, in order. See agents/work/context.h for how they are written.
#pragma once

#include "agents/power/power_talk.h"

namespace metalmesh::power {

/// Read-only: the order's window, whether it is so already, and what the BMC offers.
Verdict preflight(Context& context);
/// Identity and state once more on the same connection; then ARM.
Verdict arm(Context& context);
/// The call, once; what can be repeated again when it was refused for now.
Verdict change_it(Context& context);
/// Reads back until it is so, or the order's time has passed.
Verdict verify(Context& context);
/// It must be asked for (again): what was told shows no effect, and twice does no harm.
bool wants_another(const Context& context);
/// Deletes the sessions.
Verdict cleanup(Context& context);
/// The job's last event, or another attempt.
void conclude(Context& context);

}  // namespace metalmesh::power
