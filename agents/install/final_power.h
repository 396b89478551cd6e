// The power-on into the new system, and what must be known before it: FINALISE sends it, VERIFY looks whether
// it did anything.
#pragma once

#include "agents/install/conversation.h"

namespace metalmesh::install {

/// Asks whether anybody answers at the port of the proof while the host is off. Busy while the answer is out.
Verdict ask_for_closed_port(Context& context);

/// Sends the power-on until the BMC has taken it, or the host is on. A BMC that still powers off refuses it
/// with 409: that is waited out for minutes.
Verdict power_on_new_system(Context& context);

/// In VERIFY: the BMC took the power-on, and the host reads as off. Looks again, sends it again; fails at
/// last.
Verdict still_off(Context& context, const redfish::System& system);

/// What BootProgress tells; never empty. Not since when: that is by the BMC's clock, which others set, and which
/// begins anew when the BMC restarts.
std::string progress_of(const redfish::System& system);

}  // namespace metalmesh::install
