// What of a machine is no longer as it was. One reading proves nothing gone: what a BMC does not tell, or a reading did not come
// to, stays as it was, and an item that is missing is told at the second reading that lacks it. Pure.
#pragma once

#include <string>
#include <vector>

#include "schemas/rest/api.pb.h"
#include "schemas/wire/inventory.pb.h"

namespace metalmesh::controller {

/// From here on a clock is off: certificates and logs are wrong by it.
inline constexpr std::int64_t clock_bound = 300;  // seconds

struct InventoryChange {
  rest::ServerInventory row;         // as it is to be kept; `number` and `changed` are the caller's
  std::vector<std::string> changes;  // for people; empty: it is as it was
};

/// `complete`: all was read, of a host that is on; else nothing counts as missing.
InventoryChange compare_inventory(const rest::ServerInventory& before, const wire::Inventory& seen,
                                  bool complete);

/// As ServerInventory.missing has it.
std::string listed_name(const wire::Inventory::Drive& drive);
std::string listed_name(const wire::Inventory::Volume& volume);
std::string listed_name(const wire::Inventory::Nic& nic);

/// What is in memory of it.
rest::ServerFacts facts_of(const wire::Inventory& inventory);

/// "512 GB": as makers and people write sizes of memory, in powers of 1024; of disks in powers of 1000.
std::string memory_for_people(std::uint64_t bytes);
std::string disk_for_people(std::uint64_t bytes);

}  // namespace metalmesh::controller
