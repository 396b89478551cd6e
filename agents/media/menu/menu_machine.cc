#include "agents/media/menu/menu_machine.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agents/media/menu/menu_commands.h"

namespace metalmesh::media {
namespace {

using Words = std::vector<MenuWord>;

constexpr std::size_t most_commands = 10'000;
constexpr std::size_t most_bytes = 16U << 20U;
constexpr std::size_t most_words = 1'000;
constexpr std::size_t most_rounds = 64;  // of one loop
constexpr unsigned deepest_run = 48;     // calls, blocks and files inside of each other

/// set, unset, export. False: another command.
bool variables(const Words& words, MenuState& state) {
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
void sets_unknown(const Words& words, MenuState& state) {
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

}  // namespace

void MenuMachine::stop(ErrorKind kind, const std::string& what) {
  if (!error_) error_ = Error{kind, what};
}

void MenuMachine::charge(std::size_t bytes) {
  if ((bytes_ += bytes) > most_bytes) stop(ErrorKind::exhausted, file_ + ": it does too much for a menu");
}

MenuMachine::Flow MenuMachine::run(const Script& script, MenuState& state, Menu& menu) {
  if (++depth_ > deepest_run)
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

MenuMachine::Flow MenuMachine::one(const ScriptCommand& command, MenuState& state, Menu& menu) {
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

MenuMachine::Flow MenuMachine::branch(const ScriptCommand& command, MenuState& state, Menu& menu) {
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

MenuMachine::Flow MenuMachine::each(const ScriptCommand& command, MenuState& state, Menu& menu) {
  const Words words = state.expanded(command.words, most_rounds);
  for (const MenuWord& word : words) {
    state.set(command.name, word.text, word.known);
    const Flow flow = run(*command.body, state, menu);
    if (flow == Flow::leaves_loop) break;
    if (flow == Flow::returns || flow == Flow::stops) return flow;
  }
  return Flow::on;
}

MenuMachine::Flow MenuMachine::repeat(const ScriptCommand& command, MenuState& state, Menu& menu) {
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

MenuMachine::Flow MenuMachine::simple(const ScriptCommand& command, MenuState& state, Menu& menu) {
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

MenuMachine::Flow MenuMachine::call(const ScriptCommand& command, const Words& words, MenuState& state,
                                    Menu& menu) {
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
    if (name == "insmod") last_ = Truth::unknown;  // the loader may be built without it
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

std::optional<MenuMachine::Flow> MenuMachine::control(const Words& words, MenuState& state) {
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

MenuMachine::Flow MenuMachine::evaluate(const Words& words, const std::string& where, MenuState& state,
                                        Menu& menu) {
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
  return run(*script, state, menu);
}

}  // namespace metalmesh::media
