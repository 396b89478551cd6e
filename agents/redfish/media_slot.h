// What can be said about a virtual media slot: whether it can hold a CD, how media gets in, whether something
// is in it, and whose it is.
#pragma once

#include <string_view>

#include "agents/redfish/resources.h"

namespace metalmesh::redfish {

enum class InsertStyle {
  none,    // the console client's slot, or nothing we know how to fill
  action,  // InsertMedia is advertised
  vmm,     // Huawei's and its kin's VmmControl is
  patch,   // Lenovo's EXTn: no actions, the resource itself is written
};

bool holds_cd(const Slot& slot);
bool holds_stick(const Slot& slot);
InsertStyle insert_style(const Slot& slot);
/// It can be filled with a CD from a URL.
bool takes_cd(const Slot& slot);
bool is_inserted(const Slot& slot);

/// The slot shows this very image. BMCs drop the scheme or the port and change case, so only the last part of
/// the path counts; our paths end in an unguessable name.
bool shows_image(const Slot& slot, std::string_view url);
/// The slot shows some image of our media server (`base` is "https://host:port").
bool shows_ours(const Slot& slot, std::string_view base);

}  // namespace metalmesh::redfish
