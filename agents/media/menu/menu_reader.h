// What GRUB would show and start: a menu's script is run as far as its course is known beforehand. Where it
// is not (`if loadfont`, `search`, what a disk has), both ways are gone, and what differs counts as not known.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "agents/media/menu/menu_medium.h"
#include "agents/media/menu/menu_state.h"
#include "common/base/result.h"

namespace metalmesh::media {

struct MenuEntry {
  std::string title;   // "Advanced options > Expert install", inside of a submenu
  std::string at;      // "/boot/grub/grub.cfg:12"
  unsigned depth = 0;  // in how many menus it is inside
  MenuBoot boot;       // without lines: it starts no kernel, or `boot.obstacle` says why that is not known
};

struct ReadMenu {
  std::vector<MenuEntry> entries;  // in the order in which people come to see them
  std::set<std::string> files;     // of which it is made, in small letters
};

/// The menu that begins with the file at `path`. Errors: not_found (no such text), invalid (GRUB would
/// refuse it; file and line), exhausted (more than any menu has).
Result<ReadMenu> read_menu(const MenuMedium& medium, const std::string& path);

/// The words of one line without variables, as GRUB would take them apart.
Result<MenuLine> menu_words(std::string_view text, std::string_view name);

/// Whether a command of that name begins to load a kernel.
bool starts_kernel(std::string_view command);

}  // namespace metalmesh::media
