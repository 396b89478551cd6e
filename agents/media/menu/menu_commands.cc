#include "agents/media/menu/menu_commands.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agents/media/menu/menu_reader.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

using Words = std::vector<MenuWord>;

constexpr std::array<std::string_view, 8> starters = {
    "linux", "linux16", "linuxefi", "multiboot", "multiboot2", "xen_hypervisor", "chainloader", "xen_linux"};
constexpr std::array<std::string_view, 3> initrds = {"initrd", "initrd16", "initrdefi"};
constexpr std::array<std::string_view, 5> modules = {"module", "module2", "xen_module", "xen_initrd",
                                                     "devicetree"};
constexpr std::size_t most_setup = 64;

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& list) {
  return std::ranges::find(list, word) != list.end();
}

struct SearchWish {
  enum class By { file, label, uuid };
  By by = By::file;
  std::string name;
  std::string variable;
  bool known = true;
};

SearchWish search_wish(const Words& words) {
  SearchWish wish;
  const std::string& command = words[0].text;
  if (command == "search.fs_label") wish.by = SearchWish::By::label;
  if (command == "search.fs_uuid") wish.by = SearchWish::By::uuid;
  std::vector<std::string> plain;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i].text;
    wish.known = wish.known && words[i].known;
    if (word == "--file" || word == "-f") wish.by = SearchWish::By::file;
    if (word == "--label" || word == "-l") wish.by = SearchWish::By::label;
    if (word == "--fs-uuid" || word == "-u") wish.by = SearchWish::By::uuid;
    if (word == "--set" || word == "-s") wish.variable = "root";
    if (word.starts_with("--set=")) wish.variable = word.substr(6);
    if (word == "--hint" || word == "-h") ++i;
    if (!word.starts_with('-')) plain.push_back(word);
  }
  // `search --set root --label X`: a word behind --set without = names the variable if another follows.
  if (plain.size() > 1 && command == "search" && !wish.variable.empty()) {
    wish.variable = plain.front();
    plain.erase(plain.begin());
  }
  if (plain.size() > 1 && command != "search") wish.variable = plain[1];
  if (!plain.empty()) wish.name = plain[0];
  return wish;
}

/// A path as the new entry says it: on the medium, whatever variable had led there.
std::optional<std::string> moved(const std::string& text, const MenuState& state) {
  if (text.starts_with("newc:")) {
    const std::size_t path = text.find(':', 5);
    if (path == std::string::npos) return std::nullopt;
    const auto there = moved(text.substr(path + 1), state);
    if (!there) return std::nullopt;
    return text.substr(0, path + 1) + *there;
  }
  return path_on_medium(text, state);
}

}  // namespace

void note_setup(MenuState& state, MenuLine line) {
  auto& setup = state.boot.setup;
  if (setup.size() < most_setup && std::ranges::find(setup, line) == setup.end())
    setup.push_back(std::move(line));
}

bool starts_kernel(std::string_view command) { return is_one_of(command, starters); }

Truth search_medium(const Words& words, MenuState& state, const MenuMedium& medium) {
  const SearchWish wish = search_wish(words);
  if (!wish.known || wish.name.empty()) {
    if (!wish.variable.empty()) state.set(wish.variable, "", false);
    return Truth::unknown;
  }
  Truth found = Truth::unknown;
  if (wish.by == SearchWish::By::label) found = wish.name == medium.volume_id() ? Truth::yes : Truth::no;
  if (wish.by == SearchWish::By::file) found = medium.has_file(device_path(wish.name).path);
  if (found == Truth::no || wish.variable.empty()) return found;
  state.set(wish.variable, medium_device);
  constexpr std::array<std::string_view, 3> how = {"--file", "--label", "--fs-uuid"};
  note_setup(state, {"search", "--no-floppy", "--set=root",
                     std::string(how[static_cast<std::size_t>(wish.by)]), wish.name});
  return found;
}

bool load_command(const Words& words, const std::string& at, MenuState& state) {
  const std::string& command = words[0].text;
  const bool starts = starts_kernel(command);
  const bool initrd = is_one_of(command, initrds);
  if (command == "insmod") {
    if (words.size() == 2 && words[1].known) note_setup(state, {"insmod", words[1].text});
    return true;
  }
  if (!starts && !initrd && !is_one_of(command, modules)) return false;
  if (starts) {
    state.boot.lines.clear();
    state.boot.obstacle.clear();
  }
  if (initrd)
    std::erase_if(state.boot.lines, [](const MenuLine& line) { return is_one_of(line[0], initrds); });
  if (command == "chainloader") return true;
  MenuLine line = {command};
  bool path = true;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!words[i].known) {
      state.boot.obstacle = "its " + command + " line uses " + words[i].because +
                            ", which is not known before it runs (" + at + ")";
      return true;
    }
    const bool is_path = initrd || (path && !words[i].text.starts_with("--"));
    if (is_path) path = false;
    const auto place = is_path ? moved(words[i].text, state) : words[i].text;
    if (!place) {
      state.boot.obstacle = words[i].text + " is not on this medium (" + at + ")";
      return true;
    }
    line.push_back(*place);
  }
  state.boot.lines.push_back(std::move(line));
  return true;
}

EntryHead entry_head(const Words& words) {
  constexpr std::array<std::string_view, 6> with_value = {"--class",  "--users", "--hotkey",
                                                          "--format", "--id",    "--source"};
  EntryHead head;
  bool options = true;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i].text;
    if (options && word == "--") {
      options = false;
    } else if (options && is_one_of(word, with_value)) {
      ++i;
    } else if (!options || !word.starts_with('-') || word == "-") {
      head.arguments.push_back(words[i]);
    }
  }
  if (!head.arguments.empty())
    head.title = head.arguments[0].known ? head.arguments[0].text : head.arguments[0].because;
  return head;
}

std::optional<std::string> path_on_medium(const std::string& text, const MenuState& state) {
  DevicePath path = device_path(text);
  if (path.device.empty()) {
    const MenuWord root = state.get("root");
    if (!root.known) return std::nullopt;
    path.device = root.text;
  }
  if (!is_medium(path.device)) return std::nullopt;
  return path.path;
}

}  // namespace metalmesh::media
