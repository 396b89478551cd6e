// One entry for every menu of a medium: the one that a family or a profile names becomes, with our arguments,
// all that any boot configuration of the medium shows. Editing lines could not promise that: which of them
// count is for GRUB's language to say (common/decisions/0039-one-entry-replaces-every-menu.md).
//
// isolinux and syslinux serve legacy BIOS, and servers are started by UEFI: their configuration is replaced by
// one that starts nothing.
#pragma once

#include <string>
#include <vector>

#include "agents/media/menu/menu_medium.h"
#include "agents/media/menu/menu_reader.h"
#include "common/base/result.h"
#include "schemas/config/family.pb.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

/// What `image inspect` shows: every entry that a medium's menus have, and what was not understood.
struct MenuList {
  std::vector<MenuEntry> entries;
  std::vector<std::string> troubles;  // "/boot/grub/grub.cfg:7: a ' without its end"
};
/// `paths`: where a family looks first; the other boot configurations follow.
MenuList list_entries(const MenuMedium& medium, const config::BootEdit& edit);

/// What a medium's boot becomes, and what `profile render` shows of it.
struct BootChoice {
  std::string entry;  // its title; of boot.cfg the file
  std::string at;     // file and line of the image
  std::string own;    // the image's kernel line
  std::string ours;
  std::vector<wire::FileChange> changes;
};

/// `entry` is a pattern on titles; empty: the first that starts a kernel. `arguments` are words, as the
/// kernel is to get them. Fails with `not_found` when the medium has no boot configuration at all, with
/// `unsupported` when none of its entries will do, naming those it has.
Result<BootChoice> choose_entry(const MenuMedium& medium, const config::BootEdit& edit,
                                const std::string& entry, const MenuLine& arguments);

/// Whether an argument is one that `edit` drops: a whole word, "name=" for any value, with * in either; case
/// does not count, as for linuxrc.
bool is_dropped(const std::string& argument, const config::BootEdit& edit);

}  // namespace metalmesh::media
