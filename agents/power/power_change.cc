#include "agents/power/power_change.h"

#include <algorithm>
#include <array>
#include <string>

#include "agents/redfish/requests.h"
#include "common/base/check.h"

namespace metalmesh::power {
namespace {

using record::Job;
using wire::Power;

const std::array<Change, 8>& changes() {
  static const std::array<Change, 8> table = {{
      {Power::ON,
       Way::reset,
       Job::RESET_ON,
       "to switch the host on",
       "the host is on",
       {"On", "ForceOn", button},
       true},
      {Power::OFF,
       Way::reset,
       Job::RESET_OFF,
       "to switch the host off",
       "the host is off",
       {"ForceOff"},
       true},
      {Power::GRACEFUL,
       Way::reset,
       Job::RESET_OFF,
       "to ask the host to shut down",
       "the host is off",
       {"GracefulShutdown", button},
       true},
      {Power::CYCLE,
       Way::restart,
       Job::RESET_CYCLE,
       "to switch the host off and on again",
       "",
       {"PowerCycle", "ForceRestart"},
       false},
      {Power::BMC_RESET,
       Way::bmc_reset,
       Job::RESET_BMC,
       "to restart the BMC",
       "",
       {"GracefulRestart", "ForceRestart"},
       false},
      {Power::LIGHT_ON,
       Way::light,
       Job::SET_LIGHT,
       "to switch the indicator light on",
       "the indicator light is on",
       {},
       true},
      {Power::LIGHT_OFF,
       Way::light,
       Job::SET_LIGHT,
       "to switch the indicator light off",
       "the indicator light is off",
       {},
       true},
      {Power::SETUP_ONCE,
       Way::setup,
       Job::SET_BOOT,
       "to let the next start go into setup",
       "the next start goes into setup",
       {},
       true},
  }};
  return table;
}

}  // namespace

bool is_known(Power::Change change) {
  return std::ranges::find(changes(), change, &Change::change) != changes().end();
}

const Change& change_of(const Power& power) {
  const auto* row = std::ranges::find(changes(), power.change(), &Change::change);
  MM_CHECK(row != changes().end());
  return *row;
}

std::string_view choose(const Change& change, const redfish::ResetAction& action) {
  if (action.target.empty()) return {};
  const std::string_view type = redfish::pick_reset(action, change.types);
  const bool told = !action.allowed.empty();
  return told && std::ranges::find(action.allowed, type) == action.allowed.end() ? std::string_view() : type;
}

std::optional<bool> shows(const Change& change, const redfish::System& system) {
  switch (change.way) {
    case Way::reset:
      if (system.power.empty()) return std::nullopt;
      return change.change == Power::ON ? system.on() : system.off();
    case Way::light:
      if (!system.light.offered()) return std::nullopt;
      return system.light.on() == (change.change == Power::LIGHT_ON);
    case Way::setup:
      return redfish::boots_setup(system.boot);
    case Way::restart:
    case Way::bmc_reset:
      break;
  }
  return std::nullopt;
}

std::string seen(const Change& change, const redfish::System& system) {
  if (change.way == Way::light) return std::string("the light is ") + (system.light.on() ? "on" : "off");
  if (change.way == Way::setup)
    return "the boot override is " + system.boot.enabled + "/" + system.boot.target;
  return system.power.empty() ? "the BMC does not tell the host's power" : "the host is " + system.power;
}

bool may_repeat(const Change& change, std::string_view type) { return change.repeatable && type != button; }

bool may_repeat(const Change& change, const redfish::ResetAction* action) {
  const bool has_button = std::ranges::find(change.types, button) != change.types.end();
  if (!has_button || !change.repeatable) return change.repeatable;
  return action != nullptr && !action->allowed.empty() &&
         std::ranges::find(action->allowed, button) == action->allowed.end();
}

}  // namespace metalmesh::power
