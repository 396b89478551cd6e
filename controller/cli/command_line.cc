#include "controller/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "common/text/near_miss.h"
#include "controller/cli/grammar.h"

namespace metalmesh::cli {
namespace {

/// The option of `app`, or of what it is a command of, that `word` names.
const CLI::Option* option_of(const CLI::App* app, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  for (; app != nullptr; app = app->get_parent()) {
    if (const CLI::Option* option = app->get_option_no_throw(name)) return option;
  }
  return nullptr;
}

/// The first word that stands where a command should and is none.
std::optional<std::string> unknown_command(const CLI::App& whole, const std::vector<std::string>& arguments) {
  const CLI::App* app = &whole;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word.starts_with('-')) {
      const CLI::Option* option = option_of(app, word);
      if (option != nullptr && option->get_items_expected_max() > 0 && word.find('=') == std::string::npos)
        ++i;
      continue;
    }
    std::vector<std::string> known;
    const CLI::App* next = nullptr;
    for (const CLI::App* one : app->get_subcommands([](const CLI::App*) { return true; })) {
      known.push_back(one->get_name());
      if (one->get_name() == word) next = one;
    }
    if (known.empty()) return std::nullopt;  // the words of a command itself
    if (next == nullptr) {
      const std::string near = near_miss(word, known);
      return fmt::format("unknown command \"{}\"{}", word,
                         near.empty() ? fmt::format("; known: {}", fmt::join(known, ", "))
                                      : fmt::format("; did you mean \"{}\"?", near));
    }
    app = next;
  }
  return std::nullopt;
}

constexpr char purpose[] = "Operating systems on bare metal, at many sites, over Redfish virtual media.";

/// CLI11 takes them last first.
void parse(CLI::App& app, const std::vector<std::string>& arguments) {
  app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
}

}  // namespace

ExitCode run(const std::vector<std::string>& arguments, const std::string& version) {
  Session session(version);
  CLI::App app(purpose, "metalmesh");
  Grammar grammar(app, session);
  try {
    parse(app, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      if (const auto unknown = unknown_command(app, arguments)) {
        session.console().complain(*unknown + "\nRun with --help for more information.\n");
        return ExitCode::usage;
      }
    }
    // Help and version are no errors to it.
    return app.exit(error) == 0 ? ExitCode::ok : ExitCode::usage;
  }
  const CommandResult result = grammar.chosen();
  const ExitCode code = result ? *result : session.console().report(result.error());
  const std::string& unwritten = session.console().write_failure();
  if (unwritten.empty()) return code;
  session.console().complain(fmt::format("error: cannot write the result: {}\n", unwritten));
  return code == ExitCode::ok ? ExitCode::refused : code;
}

std::optional<std::string> usage_error(const std::vector<std::string>& arguments) {
  Session session("");
  CLI::App app(purpose, "metalmesh");
  const Grammar grammar(app, session);
  try {
    parse(app, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return std::nullopt;
    return unknown_command(app, arguments).value_or(error.what());
  }
  return std::nullopt;
}

}  // namespace metalmesh::cli
