#include "agents/media/menu/menu_text.h"

#include <algorithm>

#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

bool is_plain(char c) {
  return is_alnum(c) || std::string_view("_./:,=+@%-").find(c) != std::string_view::npos;
}

Status add_line(const MenuLine& line, std::string_view indent, std::string& out) {
  out += indent;
  for (std::size_t i = 0; i < line.size(); ++i) {
    auto word = quoted_word(line[i]);
    if (!word) return std::unexpected(word.error());
    out += (i == 0 ? "" : " ") + *word;
  }
  out += '\n';
  return {};
}

}  // namespace

Result<std::string> quoted_word(std::string_view word) {
  if (std::ranges::any_of(word, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }))
    return fail(ErrorKind::unsupported, "a line for GRUB cannot hold control characters");
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return std::string(word);
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

Result<std::string> menu_text(std::string_view title, const MenuBoot& boot, unsigned timeout) {
  auto name = quoted_word(title);
  if (!name) return name;
  std::string out =
      "# Written for one server: every menu of its medium is this one.\n"
      "set default=0\nset timeout_style=menu\nset timeout=" +
      std::to_string(timeout) + "\n";
  for (const MenuLine& line : boot.setup) {
    if (auto added = add_line(line, "", out); !added) return std::unexpected(added.error());
  }
  out += "menuentry " + *name + " --unrestricted {\n";
  for (const MenuLine& line : boot.lines) {
    if (auto added = add_line(line, "  ", out); !added) return std::unexpected(added.error());
  }
  return out + "}\n";
}

std::string readable(const MenuLine& line) {
  std::string out;
  for (const std::string& word : line) {
    const bool plain = !word.empty() && word.find_first_of(" \t\n") == std::string::npos;
    out += (out.empty() ? "" : " ") + (plain ? word : "\"" + word + "\"");
  }
  return out;
}

}  // namespace metalmesh::media
