#include "agents/media/menu/boot_menu.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "agents/media/menu/menu_text.h"
#include "common/text/glob.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::string_view argument_end = "---";  // Debian, Ubuntu: what follows is for the installed system
constexpr std::size_t most_shown = 12;
constexpr char no_bios[] =
    "SAY This medium was made for one server, which starts it by UEFI. Nothing starts by BIOS.\n"
    "PROMPT 1\nTIMEOUT 0\n";

std::string base_name(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

bool is_bios_menu(std::string_view path) {
  const std::string name = base_name(path);
  return name == "isolinux.cfg" || name == "syslinux.cfg" || name == "extlinux.conf";
}

/// By its name in small letters: what GRUB may be told to load when it starts.
bool is_grub_menu(std::string_view path, const config::BootEdit& edit) {
  if (std::ranges::any_of(edit.paths(), [&](const auto& wanted) { return to_lower(wanted) == path; }))
    return true;
  if (is_bios_menu(path) || base_name(path) == "boot.cfg") return false;
  return glob_matches("*/grub*.cfg", path) || glob_matches("*/loopback.cfg", path) ||
         glob_matches("/boot/grub*/*.cfg", path) || glob_matches("/efi/*.cfg", path);
}

std::vector<std::string> grub_menus(const MenuMedium& medium, const config::BootEdit& edit) {
  std::vector<std::string> out;
  for (const auto& [path, name] : medium.names()) {
    if (is_grub_menu(path, edit)) out.push_back(path);
  }
  return out;
}

/// The medium's menus, each read from where it begins.
class Menus {
 public:
  Menus(const MenuMedium& medium, const config::BootEdit& edit) : files_(grub_menus(medium, edit)) {
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

  /// In the order in which an entry is looked for.
  [[nodiscard]] const std::vector<const ReadMenu*>& in_order() const { return order_; }
  [[nodiscard]] const std::vector<std::string>& troubles() const { return troubles_; }
  /// All that GRUB may be told to load, and all that this loads, in small letters.
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> out = loaded_;
    out.insert(files_.begin(), files_.end());
    return out;
  }

 private:
  void add(const std::string& path) {
    const auto found = menus_.find(path);
    if (found != menus_.end() && std::ranges::find(order_, &found->second) == order_.end())
      order_.push_back(&found->second);
  }

  std::vector<std::string> files_;
  std::set<std::string> loaded_;
  std::map<std::string, ReadMenu> menus_;
  std::vector<const ReadMenu*> order_;
  std::vector<std::string> troubles_;
};

struct KernelLine {
  std::size_t line = 0;   // in MenuBoot::lines
  std::size_t fixed = 0;  // words before its arguments
};

std::optional<KernelLine> kernel_line(const MenuBoot& boot, const config::BootEdit& edit) {
  for (std::size_t i = 0; i < boot.lines.size(); ++i) {
    const MenuLine& line = boot.lines[i];
    if (edit.kernel().empty() && starts_kernel(line[0]) && line.size() > 1) return KernelLine{i, 2};
    for (const std::string& beginning : edit.kernel()) {
      const auto wanted = menu_words(beginning, "kernel");
      if (wanted && line.size() >= wanted->size() && line.size() > 1 &&
          std::equal(wanted->begin(), wanted->end(), line.begin()))
        return KernelLine{i, std::max<std::size_t>(wanted->size(), 2)};
    }
  }
  return std::nullopt;
}

bool is_named(const MenuEntry& entry, const std::string& pattern) {
  const std::size_t inner = entry.title.rfind(" > ");
  const std::string own = inner == std::string::npos ? entry.title : entry.title.substr(inner + 3);
  return glob_matches(pattern, own, LetterCase::ignored) ||
         glob_matches(pattern, entry.title, LetterCase::ignored);
}

/// The outer ones first: what is inside of a submenu is rarely meant.
const MenuEntry* find_entry(const ReadMenu& menu, const std::string& pattern, const config::BootEdit& edit) {
  const MenuEntry* found = nullptr;
  for (const MenuEntry& entry : menu.entries) {
    const bool starts = kernel_line(entry.boot, edit) || !entry.boot.obstacle.empty();
    if (!starts || !is_named(entry, pattern)) continue;
    if (!found || entry.depth < found->depth) found = &entry;
  }
  return found;
}

MenuLine with_arguments(const MenuLine& line, std::size_t fixed, const config::BootEdit& edit,
                        const MenuLine& arguments) {
  MenuLine out(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(fixed));
  const auto end = std::find(line.begin() + static_cast<std::ptrdiff_t>(fixed), line.end(), argument_end);
  for (auto word = line.begin() + static_cast<std::ptrdiff_t>(fixed);; ++word) {
    if (word == end) out.insert(out.end(), arguments.begin(), arguments.end());
    if (word == line.end()) return out;
    if (!word->empty() && !is_dropped(*word, edit)) out.push_back(*word);
  }
}

std::string entry_names(const MenuList& list) {
  std::string out;
  std::size_t shown = 0;
  for (const MenuEntry& entry : list.entries) {
    if (entry.boot.lines.empty() && entry.boot.obstacle.empty()) continue;
    if (++shown <= most_shown) out += (out.empty() ? "\"" : ", \"") + entry.title + "\"";
  }
  if (shown > most_shown) out += " and " + std::to_string(shown - most_shown) + " more";
  return out;
}

constexpr char ways_out[] =
    ": name one in the variable bootEntry (vars of the profile; * stands for anything), or give the site a "
    "family file with an entry of its own";

Error no_entry(const MenuList& list, const std::string& pattern, const std::string& obstacle) {
  std::string why;
  const std::string names = entry_names(list);
  if (!obstacle.empty()) {
    why = obstacle + "; its menus have " + names + ways_out;
  } else if (names.empty()) {
    why = "its boot menus have no entry that starts a kernel";
  } else {
    why = "no entry is named " + pattern + "; its menus have " + names + ways_out;
  }
  for (const std::string& trouble : list.troubles) why += "; not understood: " + trouble;
  return {ErrorKind::unsupported, valid_utf8(why)};
}

/// What GRUB would make of the new medium, from wherever it begins: one entry, with these lines.
Status check_changed(MenuMedium medium, const BootChoice& choice, const MenuBoot& boot,
                     const config::BootEdit& edit) {
  for (const wire::FileChange& change : choice.changes) medium.replace(change.path(), change.content());
  for (const std::string& path : grub_menus(medium, edit)) {
    const auto read = read_menu(medium, medium.names().at(path));
    if (read && read->entries.size() == 1 && read->entries[0].boot.lines == boot.lines &&
        read->entries[0].boot.obstacle.empty())
      continue;
    return fail(ErrorKind::unsupported, medium.names().at(path) + " would not start the entry \"" +
                                            choice.entry + "\" as it was ordered" +
                                            (read ? "" : ": " + read.error().message));
  }
  return {};
}

Result<BootChoice> made_of(const MenuMedium& medium, const Menus& menus, const MenuEntry& entry,
                           const config::BootEdit& edit, const MenuLine& arguments) {
  const KernelLine kernel = *kernel_line(entry.boot, edit);
  MenuBoot boot = entry.boot;
  BootChoice choice{.entry = entry.title, .at = entry.at, .own = readable(boot.lines[kernel.line])};
  boot.lines[kernel.line] = with_arguments(boot.lines[kernel.line], kernel.fixed, edit, arguments);
  choice.ours = readable(boot.lines[kernel.line]);
  bool initrd = edit.initrd().empty();
  for (MenuLine& line : boot.lines) {
    if (!line[0].starts_with("initrd")) continue;
    line.insert(line.end(), edit.initrd().begin(), edit.initrd().end());
    initrd = true;
  }
  if (!initrd)
    return fail(ErrorKind::unsupported,
                "its entry \"" + entry.title + "\" loads no initrd that another could join");
  const auto text = menu_text(entry.title, boot, edit.timeout() == 0 ? 1 : edit.timeout());
  if (!text) return std::unexpected(text.error());
  const std::set<std::string> replaced = menus.files();
  for (const auto& [path, name] : medium.names()) {
    if (!replaced.contains(path) && !is_bios_menu(path)) continue;
    wire::FileChange& change = choice.changes.emplace_back();
    change.set_path(name);
    change.set_content(is_bios_menu(path) ? no_bios : *text);
  }
  if (auto well = check_changed(medium, choice, boot, edit); !well) return std::unexpected(well.error());
  return choice;
}

}  // namespace

bool is_dropped(const std::string& argument, const config::BootEdit& edit) {
  return std::ranges::any_of(edit.drop(), [&](const std::string& drop) {
    return glob_matches(drop.ends_with('=') ? drop + "*" : drop, argument, LetterCase::ignored);
  });
}

MenuList list_entries(const MenuMedium& medium, const config::BootEdit& edit) {
  const Menus menus(medium, edit);
  MenuList list{.entries = {}, .troubles = menus.troubles()};
  std::set<std::string> seen;
  for (const ReadMenu* menu : menus.in_order()) {
    for (const MenuEntry& entry : menu->entries) {
      if (seen.insert(entry.at + " " + entry.title).second) list.entries.push_back(entry);
    }
  }
  return list;
}

Result<BootChoice> choose_entry(const MenuMedium& medium, const config::BootEdit& edit,
                                const std::string& entry, const MenuLine& arguments) {
  for (const auto& [path, name] : medium.names()) {
    if (!glob_matches("/loader/entries/*.conf", path)) continue;
    return fail(
        ErrorKind::unsupported,
        "it starts systemd-boot (" + name +
            "), whose entries are not changed here: take an image that starts GRUB under UEFI, or one "
            "that has the arguments already, with a family file that has no boot");
  }
  const Menus menus(medium, edit);
  if (menus.in_order().empty() && menus.troubles().empty())
    return fail(ErrorKind::not_found, "the image has no boot menu that is known");
  const std::string pattern = entry.empty() ? "*" : entry;
  std::string obstacle;
  for (const ReadMenu* menu : menus.in_order()) {
    const MenuEntry* found = find_entry(*menu, pattern, edit);
    if (!found) continue;
    if (found->boot.obstacle.empty()) return made_of(medium, menus, *found, edit, arguments);
    if (obstacle.empty()) obstacle = "its entry \"" + found->title + "\": " + found->boot.obstacle;
  }
  return std::unexpected(no_entry(list_entries(medium, edit), pattern, obstacle));
}

}  // namespace metalmesh::media
