#include "agents/media/answer_renderer.h"

#include <algorithm>
#include <map>

namespace metalmesh::media {
namespace {

constexpr std::size_t most_rendered = 16U << 20;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '-';
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string at_line(std::string_view tmpl, std::size_t position) {
  const auto newlines = std::count(tmpl.begin(), tmpl.begin() + static_cast<std::ptrdiff_t>(position), '\n');
  return "answer template, line " + std::to_string(newlines + 1) + ": ";
}

}  // namespace

Result<std::string> render_answer(std::string_view tmpl, const std::vector<wire::Variable>& variables) {
  std::map<std::string_view, std::string_view> values;
  for (const wire::Variable& variable : variables) {
    if (!values.emplace(variable.name(), variable.value()).second) {
      return fail(ErrorKind::invalid, "variable " + variable.name() + " is given twice");
    }
  }
  std::string out;
  for (std::size_t at = 0; at < tmpl.size();) {
    const std::size_t open = tmpl.find("{{", at);
    out += tmpl.substr(at, open == std::string_view::npos ? open : open - at);
    if (open == std::string_view::npos) break;
    if (tmpl.substr(open, 4) == "{{{{") {
      out += "{{";
      at = open + 4;
      continue;
    }
    const std::size_t close = tmpl.find("}}", open);
    const std::size_t line_end = std::min(tmpl.find('\n', open), tmpl.size());
    if (close == std::string_view::npos || close > line_end) {
      return fail(ErrorKind::invalid, at_line(tmpl, open) +
                                          "a placeholder that begins with {{ is not closed on its "
                                          "line; write {{{{ for literal braces");
    }
    const std::string_view name = without_blanks(tmpl.substr(open + 2, close - open - 2));
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_character)) {
      return fail(ErrorKind::invalid, at_line(tmpl, open) + "\"" + std::string(name) +
                                          "\" is not a variable name; write {{{{ for literal braces");
    }
    const auto value = values.find(name);
    if (value == values.end()) {
      return fail(ErrorKind::invalid,
                  at_line(tmpl, open) + "variable " + std::string(name) +
                      " is not set for this server; set it or remove it from the profile");
    }
    out += value->second;
    if (out.size() > most_rendered)
      return fail(ErrorKind::exhausted, "the rendered answer file exceeds 16 MiB");
    at = close + 2;
  }
  return out;
}

Status check_answer_fits(std::string_view answer, std::uint64_t room) {
  if (room == 0) {
    return fail(ErrorKind::invalid, "the image has no answer placeholder, so an answer file of " +
                                        std::to_string(answer.size()) +
                                        " bytes has no place: prepare the image with a placeholder file");
  }
  if (answer.size() > room) {
    return fail(ErrorKind::invalid,
                "the answer file has " + std::to_string(answer.size()) +
                    " bytes, the image's placeholder has room for " + std::to_string(room) +
                    ": shorten the template or prepare the image with a larger placeholder");
  }
  return {};
}

}  // namespace metalmesh::media
