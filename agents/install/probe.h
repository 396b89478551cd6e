// Probes of the port that proves the new system.
#pragma once

#include "agents/install/conversation.h"

namespace metalmesh::install {

/// Between two probes.
inline constexpr Duration probe_gap = std::chrono::seconds(10);

/// Asks whether the port answers, unless it was asked a moment ago; calls again when it may be asked anew.
void probe_port(Context& context);

/// An answer came. Before the final power-on a port that is closed is what a later answer is held against:
/// what was open all the time is somebody else's. Afterwards, an answer is a
/// proof once the new system has booted; without that it takes two.
void take_probe(Context& context, const ProbeAnswered& answer);

}  // namespace metalmesh::install
