#include "agents/media/menu/menu_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agents/media/menu/grub_script.h"
#include "agents/media/menu/menu_commands.h"
#include "agents/media/menu/menu_machine.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t most_entries = 512;
constexpr std::size_t most_files = 64;
constexpr unsigned deepest_menu = 24;  // menus inside of each other
constexpr std::array<std::string_view, 10> features = {
    "feature_chainloader_bpb",      "feature_ntldr",
    "feature_platform_search_hint", "feature_default_font_path",
    "feature_all_video_module",     "feature_menuentry_id",
    "feature_menuentry_options",    "feature_200_final",
    "feature_nativedisk_cmd",       "feature_timeout_style"};

}  // namespace

Result<ReadMenu> MenuMachine::read(const std::string& path) {
  MenuState state;
  const auto given = [&](const char* name, std::string text) {
    state.set(name, std::move(text));
    state.variables[name].exported = true;
  };
  given("root", medium_device);
  given("prefix", "(" + std::string(medium_device) + ")" + path.substr(0, path.rfind('/')));
  given("cmdpath", "(" + std::string(medium_device) + ")/EFI/BOOT");
  given("grub_cpu", std::string(medium_.cpu()));
  given("grub_platform", "efi");
  for (const std::string_view feature : features) given(feature.data(), "y");
  ReadMenu out;
  out.entries = menu_of(path, std::move(state));
  if (error_) return std::unexpected(*error_);
  out.files = std::move(files_);
  return out;
}

std::vector<MenuEntry> MenuMachine::menu_of(const std::string& path, MenuState state) {
  state.set("config_file", "(" + std::string(medium_device) + ")" + path);
  state.set("config_directory", "(" + std::string(medium_device) + ")" + path.substr(0, path.rfind('/')));
  Menu menu;
  include(path, state, menu);
  shown_.push_back(to_lower(path));
  auto entries = entries_of(std::move(menu), state);
  shown_.pop_back();
  // A file may start a kernel without any menu.
  if (!state.boot.lines.empty()) entries.insert(entries.begin(), {path, path + ":1", 0, state.boot});
  return entries;
}

std::vector<MenuEntry> MenuMachine::entries_of(Menu menu, const MenuState& state) {
  std::vector<MenuEntry> out = std::move(menu.shown_before);
  for (const Item& item : menu.items) {
    if (error_) break;
    if (++depth_ > deepest_menu) stop(ErrorKind::exhausted, item.at + ": menus are nested too deep");
    const std::string outer = std::exchange(file_, item.file);
    charge(state.bytes());
    add_entry(item, item.submenu ? state.exported() : state, out);
    file_ = outer;
    --depth_;
  }
  return out;
}

void MenuMachine::add_entry(const Item& item, MenuState state, std::vector<MenuEntry>& out) {
  state.arguments = item.arguments;
  state.boot.lines.clear();
  state.boot.obstacle.clear();
  Menu inner;
  run(*item.body, state, inner);
  auto below = entries_of(std::move(inner), state);
  if (below.empty()) {
    if (++entries_ > most_entries) stop(ErrorKind::exhausted, item.at + ": there are too many entries");
    out.push_back({item.title, item.at, 0, std::move(state.boot)});
    return;
  }
  for (MenuEntry& entry : below) {
    entry.title = item.title + " > " + entry.title;
    ++entry.depth;
    out.push_back(std::move(entry));
  }
}

bool MenuMachine::is_under_way(const std::string& key) const {
  return std::ranges::find(running_, key) != running_.end() || std::ranges::find(shown_, key) != shown_.end();
}

void MenuMachine::include(const std::string& path, MenuState& state, Menu& menu) {
  const std::string key = to_lower(path);
  if (is_under_way(key)) return;
  const auto text = medium_.text(path);
  if (!text) {
    if (running_.empty()) stop(ErrorKind::not_found, "there is no " + path + " that could be read");
    return;
  }
  if (++includes_ > most_files) stop(ErrorKind::exhausted, path + ": too many files load each other");
  files_.insert(key);
  auto script = read_script(*text, path);
  if (!script) stop(script.error().kind, script.error().message);
  if (error_) return;
  running_.push_back(key);
  const std::string outer = std::exchange(file_, path);
  run(*script, state, menu);
  file_ = outer;
  running_.pop_back();
}

bool MenuMachine::loads_file(const Words& words, MenuState& state, Menu& menu) {
  const std::string& name = words[0].text;
  const bool here = name == "source" || name == ".";
  const bool menu_of_its_own = name == "configfile" || name == "normal";
  if (!here && !menu_of_its_own) return false;
  last_ = Truth::unknown;
  Words target(words.begin() + 1, words.end());
  if (target.empty() && name == "normal") {
    target.push_back(state.get("prefix"));
    target[0].text += "/grub.cfg";
  }
  if (target.empty() || !target[0].known) return true;
  const auto path = path_on_medium(target[0].text, state);
  if (!path) return true;
  if (here) {
    include(*path, state, menu);
  } else if (medium_.text(*path) && !is_under_way(to_lower(*path))) {
    for (MenuEntry& entry : menu_of(*path, state.exported())) menu.shown_before.push_back(std::move(entry));
  }
  return true;
}

Result<ReadMenu> read_menu(const MenuMedium& medium, const std::string& path) {
  return MenuMachine(medium).read(path);
}

Result<MenuLine> menu_words(std::string_view text, std::string_view name) {
  auto script = read_script(text, name);
  if (!script) return std::unexpected(script.error());
  MenuLine out;
  for (const ScriptCommand& command : *script) {
    if (command.kind != ScriptCommand::Kind::simple || command.block || script->size() != 1)
      return fail(ErrorKind::invalid, std::string(name) + ": these are no plain words");
    for (const ScriptWord& word : command.words) {
      std::string all;
      for (const ScriptPiece& piece : word) {
        if (piece.kind == ScriptPiece::Kind::variable)
          return fail(ErrorKind::invalid, std::string(name) + ": GRUB would take $" + piece.text +
                                              " for a variable: quote it with '");
        all += piece.text;
      }
      if (!word.empty()) out.push_back(std::move(all));
    }
  }
  return out;
}

}  // namespace metalmesh::media
