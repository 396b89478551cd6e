// GRUB's commands, as far as they decide which kernel starts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/media/menu/menu_medium.h"
#include "agents/media/menu/menu_state.h"

namespace metalmesh::media {

/// A line that the entry needs before its kernel is loaded; once.
void note_setup(MenuState& state, MenuLine line);

/// [ and test, without their own names and the last ].
Truth test_holds(const std::vector<MenuWord>& words, const MenuState& state, const MenuMedium& medium);

/// search and its kin: sets the variable that they set when the medium is what they find.
Truth search_medium(const std::vector<MenuWord>& words, MenuState& state, const MenuMedium& medium);

/// linux, initrd, multiboot2, module2 and their kin: notes the line in state.boot. False: another command.
bool load_command(const std::vector<MenuWord>& words, const std::string& at, MenuState& state);

struct EntryHead {
  std::string title;
  std::vector<MenuWord> arguments;
};
/// The words behind menuentry or submenu.
EntryHead entry_head(const std::vector<MenuWord>& words);

/// The path on the medium, or nothing when it is somewhere else.
std::optional<std::string> path_on_medium(const std::string& text, const MenuState& state);

}  // namespace metalmesh::media
