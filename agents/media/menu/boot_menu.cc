#include "agents/media/menu/boot_menu.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "agents/media/menu/medium_menus.h"
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

/// Of a menu on another partition, where nobody looked for the medium: the kernel finds it.
MenuBoot found_from_elsewhere(MenuBoot boot, const KernelLine& kernel) {
  const std::string& path = boot.lines[kernel.line][kernel.fixed - 1];
  const bool looks =
      std::ranges::any_of(boot.setup, [](const MenuLine& line) { return line[0] == "search"; });
  if (!looks && path.starts_with('/'))
    boot.setup.push_back({"search", "--no-floppy", "--set=root", "--file", path});
  return boot;
}

Result<BootChoice> made_of(const MenuMedium& medium, const MediumMenus& menus, const MenuEntry& entry,
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
  const unsigned timeout = edit.timeout() == 0 ? 1 : edit.timeout();
  const auto text = menu_text(entry.title, boot, timeout);
  const auto text_elsewhere = menu_text(entry.title, found_from_elsewhere(boot, kernel), timeout);
  if (!text || !text_elsewhere) return std::unexpected((text ? text_elsewhere : text).error());
  const std::set<std::string> replaced = menus.files();
  for (const auto& [path, name] : medium.names()) {
    if (!replaced.contains(path) && !is_bios_menu(path)) continue;
    wire::FileChange& change = choice.changes.emplace_back();
    change.set_path(name);
    change.set_content(is_bios_menu(path)               ? no_bios
                       : medium.in_boot_partition(path) ? *text_elsewhere
                                                        : *text);
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
  const MediumMenus menus(medium, edit);
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
  const MediumMenus menus(medium, edit);
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
