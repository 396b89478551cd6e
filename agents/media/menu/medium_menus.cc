#include "agents/media/menu/medium_menus.h"

#include <algorithm>
#include <utility>

#include "common/text/glob.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

std::string base_name(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

/// By its name in small letters: what GRUB may be told to load when it starts.
bool is_grub_menu(std::string_view path, const config::BootEdit& edit) {
  if (std::ranges::any_of(edit.paths(), [&](const auto& wanted) { return to_lower(wanted) == path; }))
    return true;
  if (is_bios_menu(path) || base_name(path) == "boot.cfg") return false;
  return glob_matches("*/grub*.cfg", path) || glob_matches("*/loopback.cfg", path) ||
         glob_matches("/boot/grub*/*.cfg", path) || glob_matches("/efi/*.cfg", path);
}

}  // namespace

bool is_bios_menu(std::string_view path) {
  const std::string name = base_name(path);
  return name == "isolinux.cfg" || name == "syslinux.cfg" || name == "extlinux.conf";
}

std::vector<std::string> grub_menus(const MenuMedium& medium, const config::BootEdit& edit) {
  std::vector<std::string> out;
  for (const auto& [path, name] : medium.names()) {
    if (is_grub_menu(path, edit)) out.push_back(path);
  }
  return out;
}

MediumMenus::MediumMenus(const MenuMedium& medium, const config::BootEdit& edit)
    : files_(grub_menus(medium, edit)) {
  for (const std::string& path : files_) {
    auto read = read_menu(medium, medium.names().at(path));
    if (read) {
      loaded_.insert(read->files.begin(), read->files.end());
      menus_.emplace(path, std::move(*read));
    } else {
      const bool unread = read.error().kind == ErrorKind::not_found;
      troubles_.push_back(unread ? medium.names().at(path) + " is too large, or no text"
                                 : read.error().message);
    }
  }
  for (const std::string& path : edit.paths()) {
    const std::string wanted = to_lower(path);
    // What a stub prepares counts, so menus are read from the stub that leads to them.
    for (const auto& [begin, menu] : menus_) {
      if (begin != wanted && menu.files.contains(wanted)) add(begin);
    }
    add(wanted);
  }
  for (const std::string& path : files_) {
    if (base_name(path) != "loopback.cfg") add(path);
  }
  for (const std::string& path : files_) add(path);
}

std::set<std::string> MediumMenus::files() const {
  std::set<std::string> out = loaded_;
  out.insert(files_.begin(), files_.end());
  return out;
}

void MediumMenus::add(const std::string& path) {
  const auto found = menus_.find(path);
  if (found != menus_.end() && std::ranges::find(order_, &found->second) == order_.end())
    order_.push_back(&found->second);
}

}  // namespace metalmesh::media
