// boot.cfg of ESXi: lines of key=value, of which `kernelopt=` carries the kernel's arguments. Edited and not
// made anew: there is no entry to choose, and its other lines name the modules of that very image.
#pragma once

#include <string>
#include <vector>

#include "agents/media/menu/boot_menu.h"
#include "agents/media/menu/menu_medium.h"
#include "common/base/result.h"
#include "schemas/config/family.pb.h"

namespace metalmesh::media {

/// All copies that the medium has, wherever they are, keep every byte but those of that line. Fails with
/// `not_found` when there is none, with `unsupported` when one has no such line.
Result<BootChoice> change_options(const wire::ImageFacts& facts, const config::BootEdit& edit,
                                  const MenuLine& arguments);

}  // namespace metalmesh::media
