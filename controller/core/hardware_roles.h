// Which drive and which card a role of a hardware type is on one server. Nothing is guessed: where none or several match, or where
// the BMC did not show all of its drives, the role is none, and why is said with the candidates. Pure.
#pragma once

#include <string>
#include <vector>

#include "schemas/rest/api.pb.h"
#include "schemas/wire/host.pb.h"

namespace metalmesh::controller {

inline constexpr char disk_role[] = "disk";  // RoleChoice.kind
inline constexpr char nic_role[] = "nic";

/// As many choices as the rule counts, or one that says why it is none. Of a BMC that lists no drives: one that says what an installer
/// looks for instead.
std::vector<rest::RoleChoice> disks_of_role(const std::string& role, const rest::DiskRule& rule,
                                            const rest::ServerInventory& of);
rest::RoleChoice nic_of_role(const std::string& role, const rest::NicRule& rule,
                             const rest::ServerInventory& of);

/// What an installer looks for where a BMC lists no drives: exactly one disk must match. Never empty, which would be the installer's choice.
wire::DiskChoice looked_for(const rest::DiskRule& rule);

/// Whether a drive is of that medium and protocol; empty: any.
bool is_of_kind(const wire::Inventory::Drive& drive, const std::string& media, const std::string& protocol);
/// For people: "480 GB SSD".
std::string drive_words(std::uint64_t bytes, const std::string& media);
/// "Disk.Bay.10" comes after "Disk.Bay.2".
bool natural_less(std::string_view a, std::string_view b);

}  // namespace metalmesh::controller
