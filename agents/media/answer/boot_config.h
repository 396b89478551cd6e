// Edits a boot loader's configuration as an OS family says (schemas/config/family.proto: BootEdit), line by
// line and without expressions: what is not touched stays byte for byte.
//
// GRUB executes its whole file before it shows a menu, so the entry and the timeout are set at the end, where
// they win over all that comes before.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "schemas/config/family.pb.h"

namespace metalmesh::media {

/// `arguments` are the rendered ones of `edit.append`. Fails with `unsupported` when no line carries kernel
/// arguments or no entry matches.
Result<std::string> edit_boot_config(std::string_view text, const config::BootEdit& edit,
                                     const std::vector<std::string>& arguments);

}  // namespace metalmesh::media
