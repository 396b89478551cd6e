// What each change of power is: how the BMC is asked for it, what shows that it is so, and whether it may be asked for
// twice. Pure; a new one is a row in power_change.cc.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "agents/redfish/resources.h"
#include "schemas/record/job.pb.h"

namespace metalmesh::power {

/// Who is asked, and in which way.
enum class Way {
  reset,      // the system: a reset into a state that can be seen
  restart,    // the system: off and on again
  bmc_reset,  // the manager
  light,
  setup,
};

struct Change {
  wire::Power::Change change;
  Way way;
  record::Job::Intent intent;
  std::string_view words;               // "to switch the host on"
  std::string_view state;               // "the host is on"
  std::vector<std::string_view> types;  // reset values that do it, the best first
  bool repeatable;                      // asked for twice it is what it is
};

/// Of an order that was taken in.
const Change& change_of(const wire::Power& power);
bool is_known(wire::Power::Change change);

/// The first of its types that is offered; the first of all where the BMC does not tell. Empty: none.
std::string_view choose(const Change& change, const redfish::ResetAction& action);
/// Whether it is so; nothing: not told, or nothing shows it.
std::optional<bool> shows(const Change& change, const redfish::System& system);
/// Likewise in words: "the host is Off".
std::string seen(const Change& change, const redfish::System& system);
/// It undoes what it did, and what somebody else did.
constexpr std::string_view button = "PushPowerButton";
/// Asked for twice by this reset value, it is what it is.
bool may_repeat(const Change& change, std::string_view type);
/// Likewise where nobody knows by which of its values it was asked for.
bool may_repeat(const Change& change, const redfish::ResetAction* action);

}  // namespace metalmesh::power
