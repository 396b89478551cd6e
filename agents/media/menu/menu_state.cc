#include "agents/media/menu/menu_state.h"

#include <algorithm>
#include <utility>

namespace metalmesh::media {
namespace {

constexpr std::size_t longest = 1U << 14U;  // no kernel takes as much

/// Not set by menus: firmware, network or the loader's own build says them.
bool is_from_outside(std::string_view name) {
  return name.starts_with("net_") || name == "shim_lock" || name == "lockdown" ||
         name == "check_signatures" || name == "package_version";
}

/// Puts the words of one script word together, as GRUB does: blanks in values split unless quoted.
class WordMaker {
 public:
  explicit WordMaker(std::vector<MenuWord>& out) : out_(out) {}

  void add(const MenuWord& value, bool quoted) {
    note(value);
    if (quoted) {
      begun_ = true;
      append(value.text);
      return;
    }
    for (std::size_t at = 0; at < value.text.size();) {
      const std::size_t blank = value.text.find_first_of(" \t\n", at);
      if (blank != at) {
        begun_ = true;
        append(value.text.substr(at, blank - at));
      }
      if (blank == std::string::npos) return;
      end();
      at = blank + 1;
    }
    if (!value.known) begun_ = true;
  }
  void end() {
    if (begun_) out_.push_back(std::exchange(word_, {}));
    begun_ = false;
  }
  void doubtful(const std::string& because) { note({{}, false, because}); }

 private:
  void note(const MenuWord& value) {
    if (value.known) return;
    word_.known = false;
    word_.because = value.because;
  }
  void append(std::string_view text) {
    if (word_.text.size() + text.size() > longest) {
      doubtful("its length");
      return;
    }
    word_.text += text;
  }

  std::vector<MenuWord>& out_;
  MenuWord word_;
  bool begun_ = false;
};

}  // namespace

void MenuState::set(const std::string& name, std::string text, bool known) {
  MenuValue& value = variables[name];
  value.known = known && text.size() <= longest;
  value.text = value.known ? std::move(text) : std::string();
}

MenuWord MenuState::get(const std::string& name) const {
  if (name == "?") return {last_failed ? "1" : "0", true, {}};
  if (name == "#") return {std::to_string(arguments.size()), true, {}};
  if (name[0] >= '0' && name[0] <= '9') {
    const std::size_t number = name.size() < 4 ? std::stoul(name) : 0;
    return number >= 1 && number <= arguments.size() ? arguments[number - 1] : MenuWord{};
  }
  const auto found = variables.find(name);
  if (found == variables.end()) return {"", !is_from_outside(name), "$" + name};
  return {found->second.text, found->second.known, "$" + name};
}

std::size_t MenuState::bytes() const {
  std::size_t sum = 0;
  for (const auto& [name, value] : variables) sum += name.size() + value.text.size() + 64;
  for (const MenuWord& word : arguments) sum += word.text.size();
  return sum;
}

MenuState MenuState::exported() const {
  MenuState state;
  for (const auto& [name, value] : variables) {
    if (value.exported) state.variables.emplace(name, value);
  }
  state.boot.setup = boot.setup;
  return state;
}

void MenuState::join(const MenuState& other, const std::string& where) {
  for (const auto& [name, value] : other.variables) variables.try_emplace(name);
  for (auto& [name, value] : variables) {
    const MenuWord theirs = other.get(name);
    if (value.known && (!theirs.known || theirs.text != value.text)) value = {"", false, value.exported};
    const auto found = other.variables.find(name);
    value.exported = value.exported || (found != other.variables.end() && found->second.exported);
  }
  for (const MenuLine& line : other.boot.setup) {
    if (std::ranges::find(boot.setup, line) == boot.setup.end()) boot.setup.push_back(line);
  }
  if (boot.lines != other.boot.lines || boot.obstacle != other.boot.obstacle) {
    boot.lines.clear();
    boot.obstacle = "what it starts depends on a condition that is not known before it runs (" + where + ")";
  }
}

std::vector<MenuWord> MenuState::expanded(const std::vector<ScriptWord>& words, std::size_t most) const {
  std::vector<MenuWord> out;
  for (const ScriptWord& word : words) {
    WordMaker maker(out);
    const bool is_path = !word.empty() && word[0].kind == ScriptPiece::Kind::text && !word[0].text.empty() &&
                         std::string_view("/(*?").find(word[0].text[0]) != std::string_view::npos;
    for (const ScriptPiece& piece : word) {
      if (piece.kind == ScriptPiece::Kind::text) {
        if (piece.glob && is_path) maker.doubtful("the files it matches");
        maker.add({piece.text, true, {}}, true);
      } else if (piece.text == "@" || piece.text == "*") {
        for (std::size_t i = 0; i < arguments.size(); ++i) {
          if (i != 0 && piece.quoted && piece.text == "*") maker.add({" ", true, {}}, true);
          if (i != 0 && !(piece.quoted && piece.text == "*")) maker.end();
          maker.add(arguments[i], piece.quoted);
        }
        if (arguments.empty() && piece.quoted) maker.add({}, true);
      } else {
        maker.add(get(piece.text), piece.quoted);
      }
    }
    maker.end();
    if (out.size() > most) out.resize(most);
  }
  return out;
}

DevicePath device_path(std::string_view text) {
  DevicePath out;
  if (const std::size_t end = text.find(')'); text.starts_with('(') && end != std::string_view::npos) {
    out.device = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  }
  std::vector<std::string_view> names;
  while (!text.empty()) {
    const std::size_t end = text.find('/');
    const std::string_view name = text.substr(0, end);
    if (name == "..") {
      if (!names.empty()) names.pop_back();
    } else if (!name.empty() && name != ".") {
      names.push_back(name);
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  for (const std::string_view name : names) out.path += "/" + std::string(name);
  if (out.path.empty()) out.path = "/";
  return out;
}

bool is_medium(std::string_view device) { return device == medium_device || device.starts_with("cd"); }

}  // namespace metalmesh::media
