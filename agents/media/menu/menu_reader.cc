#include "agents/media/menu/menu_reader.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "agents/media/menu/grub_script.h"
#include "agents/media/menu/menu_commands.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

using Words = std::vector<MenuWord>;

constexpr std::size_t most_commands = 50'000;
constexpr std::size_t most_bytes = 64U << 20U;  // moved about
constexpr std::size_t most_entries = 512;
constexpr std::size_t most_files = 64;
constexpr std::size_t most_words = 1'000;
constexpr std::size_t most_rounds = 64;  // of one loop
constexpr unsigned deepest = 24;         // calls, files and menus inside of each other
constexpr std::array<std::string_view, 10> features = {
    "feature_chainloader_bpb",      "feature_ntldr",
    "feature_platform_search_hint", "feature_default_font_path",
    "feature_all_video_module",     "feature_menuentry_id",
    "feature_menuentry_options",    "feature_200_final",
    "feature_nativedisk_cmd",       "feature_timeout_style"};

enum class Flow { on, leaves_loop, next_round, returns, stops };

struct Item {
  std::string title;
  std::string at;
  std::string file;
  std::shared_ptr<const Script> body;
  Words arguments;
  bool submenu = false;
};

/// A menu while its file runs.
struct Menu {
  std::vector<MenuEntry> shown_before;  // of files whose own menus come first
  std::vector<Item> items;
};

class Machine {
 public:
  explicit Machine(const MenuMedium& medium) : medium_(medium) {}

  Result<ReadMenu> read(const std::string& path) {
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

 private:
  void stop(ErrorKind kind, const std::string& what) {
    if (!error_) error_ = Error{kind, what};
  }
  void charge(std::size_t bytes) {
    if ((bytes_ += bytes) > most_bytes) stop(ErrorKind::exhausted, file_ + ": it does too much for a menu");
  }
  [[nodiscard]] std::string at(std::size_t line) const { return file_ + ":" + std::to_string(line); }

  /// Runs a file as `configfile` does, and then looks at what each of its entries would do.
  std::vector<MenuEntry> menu_of(const std::string& path, MenuState state) {
    state.set("config_file", "(" + std::string(medium_device) + ")" + path);
    state.set("config_directory", "(" + std::string(medium_device) + ")" + path.substr(0, path.rfind('/')));
    Menu menu;
    include(path, state, menu);
    shown_.push_back(to_lower(path));
    auto entries = entries_of(std::move(menu), state);
    shown_.pop_back();
    return entries;
  }

  std::vector<MenuEntry> entries_of(Menu menu, const MenuState& state) {
    std::vector<MenuEntry> out = std::move(menu.shown_before);
    for (const Item& item : menu.items) {
      if (error_) break;
      if (++depth_ > deepest) stop(ErrorKind::exhausted, item.at + ": menus are nested too deep");
      const std::string outer = std::exchange(file_, item.file);
      charge(state.bytes());
      add_entry(item, item.submenu ? state.exported() : state, out);
      file_ = outer;
      --depth_;
    }
    return out;
  }

  void add_entry(const Item& item, MenuState state, std::vector<MenuEntry>& out) {
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

  /// "Back to the main menu" leads to nothing new.
  [[nodiscard]] bool is_under_way(const std::string& key) const {
    return std::ranges::find(running_, key) != running_.end() ||
           std::ranges::find(shown_, key) != shown_.end();
  }

  /// Runs a file in this menu, as `source` does.
  void include(const std::string& path, MenuState& state, Menu& menu) {
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
    scripts_.push_back(std::make_shared<Script>(std::move(*script)));
    const auto kept = scripts_.back();
    running_.push_back(key);
    const std::string outer = std::exchange(file_, path);
    run(*kept, state, menu);
    file_ = outer;
    running_.pop_back();
  }

  Flow run(const Script& script, MenuState& state, Menu& menu) {
    if (++depth_ > deepest * 2)
      stop(ErrorKind::exhausted, file_ + ": its functions and blocks call each other too deep");
    Flow flow = Flow::on;
    for (const ScriptCommand& command : script) {
      if (++commands_ > most_commands) stop(ErrorKind::exhausted, file_ + ": it does too much for a menu");
      if (error_) break;
      flow = one(command, state, menu);
      if (flow != Flow::on) break;
    }
    --depth_;
    return error_ ? Flow::stops : flow;
  }

  Flow one(const ScriptCommand& command, MenuState& state, Menu& menu) {
    switch (command.kind) {
      case ScriptCommand::Kind::function:
        functions_[command.name] = command.block;
        return Flow::on;
      case ScriptCommand::Kind::branch:
        return branch(command, state, menu);
      case ScriptCommand::Kind::each:
        return each(command, state, menu);
      case ScriptCommand::Kind::repeat:
        return repeat(command, state, menu);
      case ScriptCommand::Kind::simple:
        return simple(command, state, menu);
    }
    return Flow::on;
  }

  Flow branch(const ScriptCommand& command, MenuState& state, Menu& menu) {
    if (const Flow flow = run(*command.test, state, menu); flow != Flow::on) return flow;
    const Truth holds = last_;
    last_ = Truth::yes;
    if (holds == Truth::yes) return run(*command.body, state, menu);
    if (holds == Truth::no) return command.other ? run(*command.other, state, menu) : Flow::on;
    charge(state.bytes());
    MenuState otherwise = state;
    const Flow taken = run(*command.body, state, menu);
    last_ = Truth::yes;
    const Flow not_taken = command.other ? run(*command.other, otherwise, menu) : Flow::on;
    last_ = Truth::unknown;
    // A way that ends here takes no part in what follows.
    if (taken != Flow::on && taken == not_taken) {
      state.join(otherwise, at(command.line));
      return taken;
    }
    if (taken != Flow::on) {
      state = std::move(otherwise);
      return not_taken;
    }
    if (not_taken == Flow::on) state.join(otherwise, at(command.line));
    return Flow::on;
  }

  Flow each(const ScriptCommand& command, MenuState& state, Menu& menu) {
    const Words words = state.expanded(command.words, most_rounds);
    for (const MenuWord& word : words) {
      state.set(command.name, word.text, word.known);
      const Flow flow = run(*command.body, state, menu);
      if (flow == Flow::leaves_loop) break;
      if (flow == Flow::returns || flow == Flow::stops) return flow;
    }
    return Flow::on;
  }

  Flow repeat(const ScriptCommand& command, MenuState& state, Menu& menu) {
    for (std::size_t round = 0; round < most_rounds; ++round) {
      if (const Flow flow = run(*command.test, state, menu); flow != Flow::on) return flow;
      if (last_ == (command.until ? Truth::yes : Truth::no)) return Flow::on;
      const bool once = last_ == Truth::unknown;
      const Flow flow = run(*command.body, state, menu);
      if (flow == Flow::leaves_loop || (once && flow == Flow::on)) return Flow::on;
      if (flow == Flow::returns || flow == Flow::stops) return flow;
    }
    return Flow::on;
  }

  Flow simple(const ScriptCommand& command, MenuState& state, Menu& menu) {
    Words words = state.expanded(command.words, most_words);
    if (words.empty()) return Flow::on;
    for (const MenuWord& word : words) charge(word.text.size());
    if (!words[0].known) {
      state.boot.lines.clear();
      state.boot.obstacle = "its command is " + words[0].because + ", which is not known before it runs (" +
                            at(command.line) + ")";
      last_ = Truth::unknown;
      return Flow::on;
    }
    bool inverted = false;
    while (words.size() > 1 && words[0].text == "!") {
      words.erase(words.begin());
      inverted = !inverted;
    }
    const Flow flow = call(command, words, state, menu);
    if (inverted) last_ = negated(last_);
    state.last_failed = last_ == Truth::no;
    return flow;
  }

  Flow call(const ScriptCommand& command, const Words& words, MenuState& state, Menu& menu) {
    const std::string& name = words[0].text;
    last_ = Truth::yes;
    if ((name == "menuentry" || name == "submenu") && command.block) {
      EntryHead head = entry_head(words);
      menu.items.push_back({std::move(head.title), at(command.line), file_, command.block,
                            std::move(head.arguments), name == "submenu"});
      return Flow::on;
    }
    if (const auto flow = control(words, state)) return *flow;
    if (name == "[" || name == "test") {
      Words inner(words.begin() + 1, words.end());
      if (name == "[" && !inner.empty()) inner.pop_back();
      last_ = test_holds(inner, state, medium_);
      return Flow::on;
    }
    if (name == "search" || name.starts_with("search.")) {
      last_ = search_medium(words, state, medium_);
      return Flow::on;
    }
    if (loads_file(words, state, menu) || variables(words, state)) return Flow::on;
    if (name == "eval") return evaluate(words, at(command.line), state, menu);
    if (load_command(words, at(command.line), state)) {
      last_ = Truth::unknown;
      return Flow::on;
    }
    if (const auto found = functions_.find(name); found != functions_.end()) {
      const auto body = found->second;
      const Words outer = std::exchange(state.arguments, Words(words.begin() + 1, words.end()));
      const Flow flow = run(*body, state, menu);
      state.arguments = outer;
      return flow == Flow::stops ? flow : Flow::on;
    }
    if (const std::size_t equals = name.find('='); equals != std::string::npos && equals != 0) {
      state.set(name.substr(0, equals), name.substr(equals + 1));
      return Flow::on;
    }
    last_ = Truth::unknown;
    sets_unknown(words, state);
    return Flow::on;
  }

  std::optional<Flow> control(const Words& words, MenuState& state) {
    const std::string& name = words[0].text;
    if (name == "true" || name == "echo") return Flow::on;
    if (name == "false") {
      last_ = Truth::no;
      return Flow::on;
    }
    if (name == "break") return Flow::leaves_loop;
    if (name == "continue") return Flow::next_round;
    if (name == "return") {
      if (words.size() > 1)
        last_ = !words[1].known ? Truth::unknown : words[1].text == "0" ? Truth::yes : Truth::no;
      return Flow::returns;
    }
    if (name == "shift") {
      if (!state.arguments.empty()) state.arguments.erase(state.arguments.begin());
      return Flow::on;
    }
    if (name == "setparams") {
      state.arguments = Words(words.begin() + 1, words.end());
      return Flow::on;
    }
    constexpr std::array<std::string_view, 7> ends = {"boot",        "exit",    "halt",    "reboot",
                                                      "normal_exit", "fwsetup", "poweroff"};
    if (std::ranges::find(ends, name) != ends.end()) return Flow::stops;
    return std::nullopt;
  }

  /// source, configfile and their kin.
  bool loads_file(const Words& words, MenuState& state, Menu& menu) {
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

  static bool variables(const Words& words, MenuState& state) {
    const std::string& name = words[0].text;
    if (name == "set") {
      if (words.size() < 2) return true;
      const std::size_t equals = words[1].text.find('=');
      if (equals != std::string::npos && equals != 0) {
        std::string value = words[1].text.substr(equals + 1);
        const std::string variable = words[1].text.substr(0, equals);
        // set root=(cd0) and set root=cd0 are the same
        if (variable == "root" && value.starts_with('(') && value.ends_with(')'))
          value = value.substr(1, value.size() - 2);
        if (variable == "gfxpayload" && words[1].known) note_setup(state, {"set", words[1].text});
        state.set(variable, std::move(value), words[1].known);
      }
      return true;
    }
    if (name == "unset" || name == "export") {
      for (std::size_t i = 1; i < words.size(); ++i) {
        if (name == "export") {
          state.variables[words[i].text].exported = true;
        } else {
          state.variables.erase(words[i].text);
        }
      }
      return true;
    }
    return false;
  }

  /// regexp, probe, smbios, read, load_env ...: what they set nobody knows yet.
  static void sets_unknown(const Words& words, MenuState& state) {
    const std::string& name = words[0].text;
    for (std::size_t i = 1; i < words.size(); ++i) {
      const std::string& word = words[i].text;
      std::string variable;
      if (word == "--set" || word == "-s") {
        if (i + 1 < words.size()) variable = words[i + 1].text;
      } else if (word.starts_with("--set=")) {
        variable = word.substr(word.find(':') == std::string::npos ? 6 : word.find(':') + 1);
      } else if ((name == "read" || name == "load_env") && !word.starts_with('-')) {
        variable = word;
      }
      if (!variable.empty()) state.set(variable, "", false);
    }
  }

  Flow evaluate(const Words& words, const std::string& where, MenuState& state, Menu& menu) {
    std::string text;
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (!words[i].known) {
        last_ = Truth::unknown;
        state.boot.obstacle = "what it evaluates is not known before it runs (" + where + ")";
        return Flow::on;
      }
      text += (i == 1 ? "" : " ") + words[i].text;
    }
    auto script = read_script(text, where);
    if (!script) {
      stop(script.error().kind, script.error().message);
      return Flow::stops;
    }
    scripts_.push_back(std::make_shared<Script>(std::move(*script)));
    const auto kept = scripts_.back();
    return run(*kept, state, menu);
  }

  const MenuMedium& medium_;
  std::map<std::string, std::shared_ptr<const Script>> functions_;
  std::vector<std::shared_ptr<const Script>> scripts_;  // bodies point into them
  std::vector<std::string> running_;                    // files that are being run, in small letters
  std::vector<std::string> shown_;                      // files whose menus this one is inside of
  std::set<std::string> files_;
  std::string file_;
  Truth last_ = Truth::yes;
  std::optional<Error> error_;
  std::size_t commands_ = 0;
  std::size_t bytes_ = 0;
  std::size_t entries_ = 0;
  std::size_t includes_ = 0;
  unsigned depth_ = 0;
};

}  // namespace

Result<ReadMenu> read_menu(const MenuMedium& medium, const std::string& path) {
  return Machine(medium).read(path);
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
