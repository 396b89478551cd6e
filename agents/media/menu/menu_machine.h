// GRUB while it runs a menu: commands, conditions, loops, functions, and the files that they load. Used by
// menu_reader.h alone.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/media/menu/grub_script.h"
#include "agents/media/menu/menu_medium.h"
#include "agents/media/menu/menu_reader.h"
#include "agents/media/menu/menu_state.h"

namespace metalmesh::media {

class MenuMachine {
 public:
  explicit MenuMachine(const MenuMedium& medium) : medium_(medium) {}

  Result<ReadMenu> read(const std::string& path);

 private:
  using Words = std::vector<MenuWord>;
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

  void stop(ErrorKind kind, const std::string& what);
  /// So much was moved about.
  void charge(std::size_t bytes);
  [[nodiscard]] std::string at(std::size_t line) const { return file_ + ":" + std::to_string(line); }

  // menu_reader.cc: files and the menus they make
  /// Runs a file as `configfile` does, and then looks at what each of its entries would do.
  std::vector<MenuEntry> menu_of(const std::string& path, MenuState state);
  std::vector<MenuEntry> entries_of(Menu menu, const MenuState& state);
  void add_entry(const Item& item, MenuState state, std::vector<MenuEntry>& out);
  /// "Back to the main menu" leads to nothing new.
  [[nodiscard]] bool is_under_way(const std::string& key) const;
  /// Runs a file in this menu, as `source` does.
  void include(const std::string& path, MenuState& state, Menu& menu);
  /// source, configfile and their kin. False: another command.
  bool loads_file(const Words& words, MenuState& state, Menu& menu);

  // menu_machine.cc: what its commands do
  Flow run(const Script& script, MenuState& state, Menu& menu);
  Flow one(const ScriptCommand& command, MenuState& state, Menu& menu);
  Flow branch(const ScriptCommand& command, MenuState& state, Menu& menu);
  Flow each(const ScriptCommand& command, MenuState& state, Menu& menu);
  Flow repeat(const ScriptCommand& command, MenuState& state, Menu& menu);
  Flow simple(const ScriptCommand& command, MenuState& state, Menu& menu);
  Flow call(const ScriptCommand& command, const Words& words, MenuState& state, Menu& menu);
  std::optional<Flow> control(const Words& words, MenuState& state);
  Flow evaluate(const Words& words, const std::string& where, MenuState& state, Menu& menu);

  const MenuMedium& medium_;
  std::map<std::string, std::shared_ptr<const Script>> functions_;
  std::vector<std::string> running_;  // files that are being run, in small letters
  std::vector<std::string> shown_;    // files whose menus this one is inside of
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

}  // namespace metalmesh::media
