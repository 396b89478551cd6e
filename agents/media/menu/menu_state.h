// What GRUB knows while it runs a menu's script, as far as it is known before it does.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agents/media/menu/grub_script.h"

namespace metalmesh::media {

/// GRUB's name of the device that the menu is on. There is no such device, so nothing else is called that.
inline constexpr char medium_device[] = "metalmesh-medium";

struct MenuValue {
  std::string text;
  bool known = true;  // otherwise it depends on firmware, on other disks, or on a branch
  bool exported = false;
  bool operator==(const MenuValue&) const = default;
};

/// A word as a command gets it.
struct MenuWord {
  std::string text;
  bool known = true;
  std::string because;  // what of it is not known
};

using MenuLine = std::vector<std::string>;

/// What an entry would hand over.
struct MenuBoot {
  std::vector<MenuLine> setup;  // modules, and how the medium is found
  std::vector<MenuLine> lines;  // kernel, initrds, modules
  std::string obstacle;         // why `lines` are not known
  bool operator==(const MenuBoot&) const = default;
};

struct MenuState {
  std::map<std::string, MenuValue> variables;
  std::vector<MenuWord> arguments;  // $1, $2, ...
  MenuBoot boot;
  bool last_failed = false;  // $?

  void set(const std::string& name, std::string text, bool known = true);
  [[nodiscard]] MenuWord get(const std::string& name) const;
  /// About what a copy of it costs.
  [[nodiscard]] std::size_t bytes() const;
  /// As a menu of its own begins: what was not exported is gone.
  [[nodiscard]] MenuState exported() const;
  /// After a branch of which nobody knows whether it was taken: what is the same either way stays known.
  void join(const MenuState& other, const std::string& where);

  /// The words of a command. More than `most` are cut off.
  [[nodiscard]] std::vector<MenuWord> expanded(const std::vector<ScriptWord>& words, std::size_t most) const;
};

struct DevicePath {
  std::string device;  // empty: the one in $root
  std::string path;    // without . .. and double slashes
};
DevicePath device_path(std::string_view text);

/// The medium, or what a menu must mean by it.
bool is_medium(std::string_view device);

}  // namespace metalmesh::media
