// Which machine is this? The controller numbers orders per machine and the agent fences them per
// machine, so both must reduce the same identity to the same key: these are the only rules for that.
//
// Vendors ship placeholders (all zero, all F, "To be filled by O.E.M."): they identify nothing and count
// as absent. Sources of the list: DMTF DSP0134 7.2.1 on UUIDs, and what boards in the field report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metalmesh {

/// Lower case, without braces, "urn:uuid:" or blanks. Not validated. All three change nothing when they are asked
/// for what they gave.
std::string normal_uuid(std::string_view uuid);
/// Is one of two usable UUIDs the other with the bytes of its first three fields turned? Some firmware tells one order
/// to SMBIOS and the other to Redfish. For people: never a reason to take two machines for one.
bool uuid_bytes_turned(std::string_view a, std::string_view b);
/// Without blanks around it; case is kept, because vendors distinguish it.
std::string normal_serial(std::string_view serial);
/// Lower case, colons: "AA-BB-CC-DD-EE-FF" becomes "aa:bb:cc:dd:ee:ff". Not validated.
std::string normal_mac(std::string_view mac);

/// Well-formed and no placeholder. Each takes its value in any form.
bool usable_uuid(std::string_view uuid);
bool usable_serial(std::string_view serial);
bool usable_mac(std::string_view mac);

/// The key of the machine with this BMC-reported identity: "<uuid>/<serial>", a field that is not usable
/// left empty. Without both, the lowest usable MAC stands in ("mac/<mac>"). Empty: nothing identifies it.
std::string machine_key(std::string_view uuid, std::string_view serial,
                        const std::vector<std::string>& macs = {});

}  // namespace metalmesh
