#include "controller/cli/json_path.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <charconv>
#include <utility>

namespace metalmesh::cli {
namespace {

namespace json = boost::json;

std::unexpected<Error> wrong(std::string_view what) {
  return fail(
      ErrorKind::invalid,
      fmt::format(
          "-o jsonpath: {}; expected such as '{{.metadata.name}}', or '{{range .items[*]}}{{.metadata.name}}"
          "{{\"\\n\"}}{{end}}'",
          what));
}

std::string words_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

/// "\n" and "\t" of a text in quotes.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
  }
  return out;
}

}  // namespace

Result<std::vector<JsonPath::Step>> JsonPath::steps_of(std::string_view path) {
  std::vector<Step> out;
  if (path.starts_with('$')) path.remove_prefix(1);
  while (!path.empty()) {
    if (path.starts_with('[')) {
      const auto end = path.find(']');
      if (end == std::string_view::npos) return wrong("a bracket is opened and not closed");
      const std::string_view inner = path.substr(1, end - 1);
      path.remove_prefix(end + 1);
      Step step;
      if (inner.size() > 2 && inner.front() == '\'' && inner.back() == '\'') {
        step.field = std::string(inner.substr(1, inner.size() - 2));
      } else if (inner != "*") {
        const auto read = std::from_chars(inner.data(), inner.data() + inner.size(), step.index);
        if (read.ec != std::errc() || read.ptr != inner.data() + inner.size() || step.index < 0)
          return wrong(fmt::format("[{}] is no index", inner));
      }
      out.push_back(std::move(step));
      continue;
    }
    if (!path.starts_with('.')) return wrong(fmt::format("\"{}\" is no path", path));
    path.remove_prefix(1);
    if (path.empty()) break;
    const std::string_view field = path.substr(0, path.find_first_of(".["));
    if (field.empty()) return wrong("a name is missing behind a dot");
    path.remove_prefix(field.size());
    Step step;
    if (field != "*") step.field = std::string(field);
    out.push_back(std::move(step));
  }
  return out;
}

Result<JsonPath> JsonPath::of(std::string_view text) {
  JsonPath out;
  std::size_t open = 0;
  if (!text.empty() && !text.contains('{')) {  // without braces it is one path
    auto steps = steps_of(text);
    if (!steps) return std::unexpected(steps.error());
    out.parts_.push_back({Part::Kind::path, {}, std::move(*steps)});
    return out;
  }
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find('{'), text.size());
    if (begin > 0) out.parts_.push_back({Part::Kind::text, std::string(text.substr(0, begin)), {}});
    text.remove_prefix(begin);
    if (text.empty()) break;
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos) return wrong("a brace is opened and not closed");
    std::string_view inner = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    Part part{Part::Kind::path, {}, {}};
    if (inner.size() >= 2 && inner.front() == '"' && inner.back() == '"') {
      out.parts_.push_back({Part::Kind::text, unescaped(inner.substr(1, inner.size() - 2)), {}});
      continue;
    }
    if (inner == "end") {
      if (open == 0) return wrong("{end} ends nothing");
      --open;
      out.parts_.push_back({Part::Kind::end, {}, {}});
      continue;
    }
    if (inner.starts_with("range ")) {
      ++open;
      part.kind = Part::Kind::range;
      inner.remove_prefix(6);
    }
    auto steps = steps_of(inner);
    if (!steps) return std::unexpected(steps.error());
    part.steps = std::move(*steps);
    out.parts_.push_back(std::move(part));
  }
  if (out.parts_.empty()) return wrong("it is empty");
  if (open > 0) return wrong("{range} has no {end}");
  return out;
}

std::size_t JsonPath::write(const json::value& value, std::size_t part, std::string& out) const {
  const auto found = [&](const std::vector<Step>& steps) {
    std::vector<const json::value*> at = {&value};
    for (const Step& step : steps) {
      std::vector<const json::value*> next;
      for (const json::value* one : at) {
        if (const auto* object = one->if_object()) {
          if (const auto* member = step.field.empty() ? nullptr : object->if_contains(step.field))
            next.push_back(member);
          if (step.field.empty() && step.index < 0)
            for (const auto& member : *object) next.push_back(&member.value());
        } else if (const auto* list = one->if_array(); list != nullptr && step.field.empty()) {
          for (std::size_t i = 0; i < list->size(); ++i)
            if (step.index < 0 || static_cast<std::size_t>(step.index) == i) next.push_back(&(*list)[i]);
        }
      }
      at = std::move(next);
    }
    return at;
  };
  for (; part < parts_.size(); ++part) {
    const Part& each = parts_[part];
    if (each.kind == Part::Kind::end) return part;
    if (each.kind == Part::Kind::text) {
      out += each.text;
    } else if (each.kind == Part::Kind::path) {
      bool first = true;
      for (const json::value* one : found(each.steps))
        out += (std::exchange(first, false) ? "" : " ") + words_of(*one);
    } else {
      std::size_t end = part;
      std::string unused;
      const auto items = found(each.steps);
      for (const json::value* one : items) end = write(*one, part + 1, out);
      if (items.empty()) end = write(json::value(nullptr), part + 1, unused);
      part = end;
    }
  }
  return part;
}

std::string JsonPath::of_value(const json::value& value) const {
  std::string out;
  static_cast<void>(write(value, 0, out));
  return out;
}

}  // namespace metalmesh::cli
