// Which menus a medium has, and in which order they count.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agents/media/menu/menu_medium.h"
#include "agents/media/menu/menu_reader.h"
#include "schemas/config/family.pb.h"

namespace metalmesh::media {

/// Of isolinux and syslinux, by its name in small letters.
bool is_bios_menu(std::string_view path);
/// What GRUB may be told to load when it starts, in small letters.
std::vector<std::string> grub_menus(const MenuMedium& medium, const config::BootEdit& edit);

/// The medium's menus, each read from where it begins.
class MediumMenus {
 public:
  MediumMenus(const MenuMedium& medium, const config::BootEdit& edit);

  /// In the order in which an entry is looked for.
  [[nodiscard]] const std::vector<const ReadMenu*>& in_order() const { return order_; }
  [[nodiscard]] const std::vector<std::string>& troubles() const { return troubles_; }
  /// All that GRUB may be told to load, and all that this loads, in small letters.
  [[nodiscard]] std::set<std::string> files() const;

 private:
  void add(const std::string& path);

  std::vector<std::string> files_;
  std::set<std::string> loaded_;
  std::map<std::string, ReadMenu> menus_;
  std::vector<const ReadMenu*> order_;
  std::vector<std::string> troubles_;
};

}  // namespace metalmesh::media
