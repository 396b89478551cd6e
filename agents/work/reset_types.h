// Which reset does what, and how long it is waited for before it may be sent again.
#pragma once

#include <algorithm>
#include <string_view>

#include "agents/redfish/requests.h"
#include "agents/work/context.h"

namespace metalmesh::work {

/// BMCs that do not tell what they offer are asked for everything.
inline bool offers(const redfish::ResetAction& reset, std::string_view type) {
  return reset.allowed.empty() || std::ranges::find(reset.allowed, type) != reset.allowed.end();
}
inline std::string_view type_for_on(const redfish::ResetAction& reset) {
  return redfish::pick_reset(reset, {"On", "ForceOn", "PushPowerButton"});
}
/// The button undoes what it did: pushing again is only for a state that was wrong for longer than any lag.
inline bool toggles_on(const redfish::ResetAction& reset) { return type_for_on(reset) == "PushPowerButton"; }

/// How long an unanswered power-on may still show.
inline Duration settle_time(const Context& context, const redfish::ResetAction& reset) {
  return toggles_on(reset) ? context.timeouts.power : Duration(std::chrono::seconds(15));
}
/// How long after an answered one PowerState may be the old one.
inline Duration lag_time(const Context& context, const redfish::ResetAction& reset) {
  return toggles_on(reset) ? context.timeouts.power : context.timeouts.power / 4;
}

}  // namespace metalmesh::work
