#include "agents/media/menu/module_options.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

std::string key_of(const config::BootEdit& edit) {
  std::string key = edit.kernel().empty() ? "kernelopt" : edit.kernel(0);
  if (key.ends_with('=')) key.pop_back();
  return key;
}

/// Where the value begins, if the line has this key.
std::optional<std::size_t> value_of(std::string_view line, std::string_view key) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  if (!line.substr(begin).starts_with(key)) return std::nullopt;
  const std::size_t equals = line.find_first_not_of(" \t", begin + key.size());
  if (equals == std::string_view::npos || line[equals] != '=') return std::nullopt;
  return std::min(line.find_first_not_of(" \t", equals + 1), line.size());
}

std::string with_arguments(std::string_view value, const config::BootEdit& edit, const MenuLine& arguments) {
  std::string out;
  const auto add = [&](std::string_view word) { (out += out.empty() ? "" : " ") += word; };
  while (!(value = trimmed(value, " \t")).empty()) {
    const std::string word(value.substr(0, value.find_first_of(" \t")));
    value.remove_prefix(word.size());
    if (!is_dropped(word, edit)) add(word);
  }
  for (const std::string& argument : arguments) add(argument);
  return out;
}

Result<std::string> changed(std::string_view text, const config::BootEdit& edit, const MenuLine& arguments,
                            BootChoice& choice) {
  const std::string key = key_of(edit);
  std::string out;
  bool found = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (const auto at = value_of(line, key)) {
      choice.own = line;
      choice.ours = std::string(line.substr(0, *at)) + with_arguments(line.substr(*at), edit, arguments);
      out += choice.ours;
      found = true;
    } else {
      out += line;
    }
    out += text.substr(line.size(), end + 1 - line.size());  // as it ended
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!found)
    return fail(ErrorKind::unsupported,
                "it has no line \"" + key + "=\", which would carry the installer's options");
  return out;
}

std::string lower_name(std::string_view path) { return to_lower(path.substr(path.rfind('/') + 1)); }

}  // namespace

Result<BootChoice> change_options(const wire::ImageFacts& facts, const config::BootEdit& edit,
                                  const MenuLine& arguments) {
  BootChoice choice;
  for (const wire::FileChange& text : facts.survey().texts()) {
    const bool meant = std::ranges::any_of(
        edit.paths(), [&](const auto& path) { return lower_name(path) == lower_name(text.path()); });
    if (!meant) continue;
    auto content = changed(text.content(), edit, arguments, choice);
    if (!content) return std::unexpected(std::move(content.error()).with(text.path()));
    choice.entry = choice.at = text.path();
    wire::FileChange& change = choice.changes.emplace_back();
    change.set_path(text.path());
    change.set_content(std::move(*content));
  }
  if (choice.changes.empty())
    return fail(ErrorKind::not_found, "the image has no boot configuration that is known");
  return choice;
}

}  // namespace metalmesh::media
