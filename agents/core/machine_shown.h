// What an installer shows of the machine it runs on (common/answer/installer_check.h), and whether that is the ordered one. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/wire/order.pb.h"

namespace metalmesh::agent {

struct MachineShown {
  std::string uuid;
  std::vector<std::string> serials;  // of system, board, chassis
  std::vector<std::string> macs;
  std::string asker;   // SHA-256 (hex) of a key that it has drawn
  bool calls = false;  // the installed system is given that key
};

/// Nothing: nobody's words. A line that this version does not know is passed over.
std::optional<MachineShown> parse_machine_shown(std::string_view body);

/// Why this is not the ordered machine, with both values; nothing: it is. Of UUID, serial and cards two must be as ordered, or
/// all that both sides know, and the UUID must not be another one. SMBIOS and Redfish may turn a UUID's bytes, may mean serials
/// of different parts, and an installer need not have a driver for every card: so one of these alone refuses nothing.
std::optional<std::string> why_another_machine(const wire::Identity& ordered, const MachineShown& shown);

}  // namespace metalmesh::agent
