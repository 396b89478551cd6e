#include "agents/media/menu/menu_commands.h"

#include <algorithm>
#include <array>
#include <charconv>
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

Truth truth_of(bool holds) { return holds ? Truth::yes : Truth::no; }

/// GRUB's test: ! binds to one test, -a before -o.
class Test {
 public:
  Test(const Words& words, const MenuState& state, const MenuMedium& medium)
      : words_(words), state_(state), medium_(medium) {}

  Truth any() {
    Truth result = all();
    while (take("-o")) result = either(result, all());
    return result;
  }

 private:
  [[nodiscard]] std::string_view ahead(std::size_t by = 0) const {
    return at_ + by < words_.size() ? std::string_view(words_[at_ + by].text) : std::string_view();
  }
  bool take(std::string_view word) {
    if (at_ >= words_.size() || ahead() != word) return false;
    ++at_;
    return true;
  }
  static Truth either(Truth a, Truth b) {
    if (a == Truth::yes || b == Truth::yes) return Truth::yes;
    return a == Truth::no && b == Truth::no ? Truth::no : Truth::unknown;
  }
  static Truth both(Truth a, Truth b) { return negated(either(negated(a), negated(b))); }

  Truth all() {
    Truth result = one();
    while (take("-a")) result = both(result, one());
    return result;
  }

  Truth one() {
    if (at_ >= words_.size()) return Truth::no;
    if (take("!")) return negated(one());
    if (ahead() == "(" && at_ + 1 < words_.size()) {
      ++at_;
      const Truth inner = ++depth_ < 16 ? any() : Truth::unknown;
      --depth_;
      take(")");
      return inner;
    }
    if (at_ + 2 < words_.size()) {
      if (const auto compared = comparison(ahead(1))) {
        at_ += 3;
        return *compared;
      }
    }
    if (at_ + 1 < words_.size() && ahead().size() == 2 && ahead()[0] == '-') {
      const char letter = ahead()[1];
      if (std::string_view("nzdefs").find(letter) != std::string_view::npos) {
        at_ += 2;
        return unary(letter, words_[at_ - 1]);
      }
    }
    const MenuWord& word = words_[at_++];
    return word.known ? truth_of(!word.text.empty()) : Truth::unknown;
  }

  Truth unary(char letter, const MenuWord& word) {
    if (!word.known) return Truth::unknown;
    if (letter == 'n') return truth_of(!word.text.empty());
    if (letter == 'z') return truth_of(word.text.empty());
    const auto path = path_on_medium(word.text, state_);
    if (!path) return Truth::unknown;
    if (letter == 'd') return medium_.has_folder(*path);
    const Truth file = medium_.has_file(*path);
    return letter != 'e' || file == Truth::yes ? file : medium_.has_folder(*path);
  }

  [[nodiscard]] std::optional<Truth> comparison(std::string_view sign) const {
    const MenuWord& left = words_[at_];
    const MenuWord& right = words_[at_ + 2];
    constexpr std::array<std::string_view, 17> signs = {"=",   "==",  "!=",  "<",    "<=",  ">",
                                                        ">=",  "-eq", "-ne", "-lt",  "-le", "-gt",
                                                        "-ge", "-nt", "-ot", "-pgt", "-plt"};
    if (!is_one_of(sign, signs)) return std::nullopt;
    if (!left.known || !right.known) return Truth::unknown;
    if (sign == "=" || sign == "==") return truth_of(left.text == right.text);
    if (sign == "!=") return truth_of(left.text != right.text);
    if (sign == "<") return truth_of(left.text < right.text);
    if (sign == "<=") return truth_of(left.text <= right.text);
    if (sign == ">") return truth_of(left.text > right.text);
    if (sign == ">=") return truth_of(left.text >= right.text);
    const long long a = number(left.text);
    const long long b = number(right.text);
    if (sign == "-eq") return truth_of(a == b);
    if (sign == "-ne") return truth_of(a != b);
    if (sign == "-lt") return truth_of(a < b);
    if (sign == "-le") return truth_of(a <= b);
    if (sign == "-gt") return truth_of(a > b);
    if (sign == "-ge") return truth_of(a >= b);
    return Truth::unknown;
  }
  static long long number(const std::string& text) {
    long long value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  const Words& words_;
  const MenuState& state_;
  const MenuMedium& medium_;
  std::size_t at_ = 0;
  unsigned depth_ = 0;
};

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

Truth test_holds(const Words& words, const MenuState& state, const MenuMedium& medium) {
  return Test(words, state, medium).any();
}

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
