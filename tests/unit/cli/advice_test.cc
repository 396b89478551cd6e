// Nobody is told to type what does not exist: every command in what the programs say and in what we publish
// is parsed with the grammar of the program that it names.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <utility>

#include "agents/app/agent_options.h"
#include "common/base/command_words.h"
#include "controller/cli/command_line.h"

namespace metalmesh {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string content(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

bool agent_takes(const Words& words) {
  std::vector<const char*> argv = {"metalmesh-agent"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const auto parsed = agent::parse_options(static_cast<int>(argv.size()), argv.data(), "1");
  testing::internal::GetCapturedStdout();
  testing::internal::GetCapturedStderr();
  return parsed.has_value() || parsed.error() == 0;
}

/// The same commands stand in many messages, and making a grammar is slow.
bool takes(const std::string& program, const Words& words) {
  static std::map<std::pair<std::string, Words>, bool> known;
  const auto [at, is_new] = known.try_emplace({program, words});
  if (is_new) at->second = program == "metalmesh" ? !cli::usage_error(words) : agent_takes(words);
  return at->second;
}

Words split(const std::string& text) {
  std::istringstream in(text);
  Words out;
  for (std::string word; in >> word;) {
    word.erase(std::ranges::remove(word, '\'').begin(), word.end());
    out.push_back(std::move(word));
  }
  return out;
}

/// X stands for a value: for a name, a number, a kind.
bool takes_filled(const std::string& program, const Words& words) {
  return std::ranges::any_of(std::array{"X", "7", "servers"}, [&](const char* value) {
    Words filled = words;
    std::ranges::replace(filled, "X", value);
    return takes(program, filled);
  });
}

/// A command may be followed by the rest of a sentence, but by no option that it does not take.
bool is_command(const std::string& program, Words words) {
  while (!words.empty()) {
    if (takes_filled(program, words)) return true;
    if (words.back().starts_with('-')) return false;
    words.pop_back();
  }
  return false;
}

/// What looks like a command and is none.
bool is_prose(const std::string& text) {
  static constexpr std::array<std::string_view, 5> known = {
      "metalmesh plan 1",              // begins what a plan's digest is made of
      "metalmesh credential version",  // salt
      "metalmesh that this system",    // what an installed system's unit is called
      "metalmesh left in its folder",
      "metalmesh-agent there",
  };
  return std::ranges::any_of(known, [&](std::string_view one) { return text.starts_with(one); });
}

/// As a reader's shell gives it on: X is the value of "$NAME".
std::string shell_filled(const std::string& text) {
  static const std::regex variable(R"("\$[A-Z_]+")");
  return std::regex_replace(text, variable, "X");
}

/// The commands in a text, up to what cannot be part of one.
std::vector<std::string> commands_in(const std::string& text, const char* end) {
  static const std::regex start("(^|[^-./A-Za-z0-9_])(metalmesh(-agent)? +[a-z-])");
  std::vector<std::string> out;
  for (std::sregex_iterator at(text.begin(), text.end(), start), none; at != none; ++at) {
    const auto begin = static_cast<std::size_t>(at->position(2));
    std::string command = text.substr(begin, text.find_first_of(end, begin) - begin);
    while (command.ends_with('.') && !command.ends_with("...")) command.pop_back();
    out.push_back(std::move(command));
  }
  return out;
}

/// The literals of a C++ file, joined where one message is made of several; X stands for what is filled in.
std::vector<std::string> messages_in(const std::string& source) {
  static const std::regex comment("(^|\\n)\\s*//[^\\n]*");
  static const std::regex filled(R"(^\s*\+[^";,{}]*\+\s*")");
  static const std::regex more(R"(^\s*")");
  static const std::regex open(R"(^\s*\+)");
  static const std::regex hole(R"(\{[a-z_]*\})");
  const std::string code = std::regex_replace(source, comment, "\n");
  std::vector<std::string> out;
  std::string joined;
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (code[i] == '\'' && i + 2 < code.size()) {  // a character
      i += code[i + 1] == '\\' ? 3 : 2;
      continue;
    }
    if (code[i] != '"') continue;
    for (++i; i < code.size() && code[i] != '"'; ++i) {
      if (code[i] != '\\') {
        joined += code[i];
      } else if (code[++i] == 'n') {
        joined += '\n';
      } else {
        joined += code[i];
      }
    }
    const std::size_t after = code.find_first_not_of(" \n", i + 1);
    if (after == std::string::npos || (code[after] != '+' && code[after] != '"')) {  // most; a regex is slow
      out.push_back(joined.contains('{') ? std::regex_replace(joined, hole, "X") : joined);
      joined.clear();
      continue;
    }
    std::smatch next;
    const auto rest = code.cbegin() + static_cast<std::ptrdiff_t>(std::min(i + 1, code.size()));
    const auto near = rest + std::min<std::ptrdiff_t>(code.cend() - rest, 200);
    if (std::regex_search(rest, near, next, filled)) {
      joined += "X";
    } else if (!std::regex_search(rest, near, next, more)) {
      if (std::regex_search(rest, near, next, open)) joined += "X";
      out.push_back(std::regex_replace(joined, hole, "X"));
      joined.clear();
      continue;
    }
    i += static_cast<std::size_t>(next.length()) - 1;  // before the next literal
  }
  return out;
}

void check(const std::vector<std::string>& commands, const fs::path& file, int& seen) {
  for (const std::string& command : commands) {
    if (is_prose(command)) continue;
    Words words = split(command);
    const std::string program = words.front();
    words.erase(words.begin());
    ++seen;
    EXPECT_TRUE(is_command(program, words)) << file << ": " << command;
  }
}

template <class Visit>
void each_file(const char* folder, std::initializer_list<std::string_view> extensions, const Visit& visit) {
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(MM_SOURCE_DIR) / folder)) {
    if (std::ranges::find(extensions, entry.path().extension().string()) != extensions.end())
      visit(entry.path());
  }
}

TEST(Advice, every_builder_makes_a_command_of_its_program) {
  namespace words = commands;
  for (const std::string& command : {words::set_credential("bmc"),
                                     words::release_credential("bmc"),
                                     words::inspect("s1"),
                                     words::power("off", "s1"),
                                     words::boot_iso("rescue", "s1", "--in-use"),
                                     words::accept("s1"),
                                     words::unprotect("s1"),
                                     words::install("s1"),
                                     words::install("s1", "--reinstall"),
                                     words::install("s1", "--powered-on graceful"),
                                     words::install("s1", "--replace-foreign-media"),
                                     words::describe("server", "s1"),
                                     words::describe("hardware-type", "r650"),
                                     words::list("servers"),
                                     words::capture_hardware("r650", "s1"),
                                     words::inspect_image("rocky"),
                                     words::prefetch_image("rocky"),
                                     words::resolve("s1"),
                                     words::resolve("s1", "succeeded"),
                                     words::apply(),
                                     words::plan("r1"),
                                     words::stop("r1"),
                                     words::pause("r1"),
                                     words::go_on_with("r1", 2, 30),
                                     words::go_on_with("r1", 1, 0, 3),
                                     words::skip("r1", "--site par1"),
                                     words::watch("r1"),
                                     words::cancel("d1"),
                                     words::transcript("d1"),
                                     words::first_contact("par1", "10.20.0.0/24"),
                                     words::bmc("screen", "s1", "FILE"),
                                     words::bmc("trust-ca", "s1"),
                                     words::renew_revocations(),
                                     words::clear_quarantine("par1")}) {
    Words parts = split(command);
    const std::string program = parts.front();
    parts.erase(parts.begin());
    EXPECT_TRUE(takes(program, parts)) << command;
  }
}

TEST(Advice, every_command_in_a_message_or_help_text_exists) {
  int seen = 0;
  for (const char* folder : {"agents", "controller", "common"}) {
    each_file(folder, {".cc", ".h"}, [&](const fs::path& file) {
      if (file.stem() == "command_words") return;  // its pieces are no commands: see every_builder
      for (const std::string& message : messages_in(content(file)))
        check(commands_in(message, ";,()`\"\n"), file, seen);
    });
  }
  EXPECT_GT(seen, 20);
}

TEST(Advice, every_command_in_a_published_text_exists) {
  int seen = 0;
  const fs::path root(MM_SOURCE_DIR);
  std::vector<fs::path> texts = {root / "README.md", root / "ARCHITECTURE.md",
                                 root / "schemas/rest/openapi.yaml"};
  for (const char* folder : {"agents", "controller", "common", "schemas", "deploy", "broker-config"})
    each_file(folder, {".md"}, [&](const fs::path& file) { texts.push_back(file); });
  for (const fs::path& file : texts) check(commands_in(shell_filled(content(file)), ";,()`\"\n|&><#*"), file, seen);
  EXPECT_GT(seen, 20);
}

TEST(Advice, what_does_not_exist_is_found) {
  EXPECT_FALSE(is_command("metalmesh", split("doctor s1 --mount-test")));
  EXPECT_FALSE(is_command("metalmesh", split("credential set bmc")));
  EXPECT_FALSE(is_command("metalmesh", split("deployment resolve s1 --as succeeded")));
  EXPECT_FALSE(is_command("metalmesh", split("install s1 --image i --profile p --power graceful")));
  EXPECT_FALSE(is_command("metalmesh-agent", split("credential set bmc")));
  EXPECT_TRUE(is_command("metalmesh", split("up at every start")));
  EXPECT_EQ(messages_in("f(\"do: metalmesh get site \" + name + \" now\"\n\" or later\");"),
            (std::vector<std::string>{"do: metalmesh get site X now or later"}));
}

}  // namespace
}  // namespace metalmesh
