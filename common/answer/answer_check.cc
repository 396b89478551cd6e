#include "common/answer/answer_check.h"

#include <expat.h>
#include <toml++/toml.h>
#include <yaml.h>

#include <boost/json/stream_parser.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace metalmesh::answer {
namespace {

std::unexpected<Error> malformed(const char* syntax, std::size_t line, const std::string& why) {
  return fail(ErrorKind::invalid, "the rendered file is no " + std::string(syntax) + ": line " +
                                      std::to_string(line) + ": " + why);
}

/// libyaml lets a mapping have a key twice; most readers then silently drop the first.
class KeyWatch {
 public:
  /// False when the event is a key that its mapping already has.
  bool see(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_SCALAR_EVENT:
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access): libyaml's event
        return node(
            std::string(reinterpret_cast<const char*>(event.data.scalar.value), event.data.scalar.length));
      case YAML_ALIAS_EVENT:
        return node(std::nullopt);
      case YAML_MAPPING_START_EVENT:
      case YAML_SEQUENCE_START_EVENT:
        node(std::nullopt);
        open_.push_back({.is_mapping = event.type == YAML_MAPPING_START_EVENT});
        return true;
      case YAML_MAPPING_END_EVENT:
      case YAML_SEQUENCE_END_EVENT:
        open_.pop_back();
        return true;
      default:
        return true;
    }
  }

 private:
  struct Collection {
    bool is_mapping = false;
    bool at_value = false;
    std::set<std::string> keys;
  };
  bool node(const std::optional<std::string>& scalar) {
    if (open_.empty() || !open_.back().is_mapping) return true;
    Collection& mapping = open_.back();
    const bool is_key = !std::exchange(mapping.at_value, !mapping.at_value);
    return !is_key || !scalar || mapping.keys.insert(*scalar).second;
  }
  std::vector<Collection> open_;
};

Status check_yaml(std::string_view text) {
  yaml_parser_t parser;
  if (yaml_parser_initialize(&parser) == 0)
    return fail(ErrorKind::exhausted, "no memory for the YAML parser");
  const std::unique_ptr<yaml_parser_t, void (*)(yaml_parser_t*)> owner(&parser, yaml_parser_delete);
  // libyaml counts bytes and takes unsigned ones.
  yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()),
                               text.size());  // NOLINT
  KeyWatch keys;
  for (bool more = true; more;) {
    yaml_event_t event;
    if (yaml_parser_parse(&parser, &event) == 0) {
      return malformed("YAML", parser.problem_mark.line + 1,
                       parser.problem != nullptr ? parser.problem : "malformed");
    }
    more = event.type != YAML_STREAM_END_EVENT;
    const bool fresh = keys.see(event);
    const std::size_t line = event.start_mark.line + 1;
    yaml_event_delete(&event);
    if (!fresh) return malformed("YAML", line, "a key that its mapping already has");
  }
  return {};
}

Status check_xml(std::string_view text) {
  const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser(XML_ParserCreate(nullptr),
                                                                       XML_ParserFree);
  if (!parser) return fail(ErrorKind::exhausted, "no memory for the XML parser");
  if (XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE) == XML_STATUS_OK)
    return {};
  return malformed("XML", XML_GetCurrentLineNumber(parser.get()),
                   XML_ErrorString(XML_GetErrorCode(parser.get())));
}

Status check_json(std::string_view text) {
  boost::json::stream_parser parser;
  boost::system::error_code error;
  const std::size_t read = parser.write_some(text, error);
  if (!error) parser.finish(error);
  const std::string_view rest = text.substr(read);
  if (!error && rest.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
  std::size_t line = 1;
  for (const char c : text.substr(0, read)) line += c == '\n' ? 1 : 0;
  return malformed("JSON", line, error ? error.message() : "text behind the end");
}

Status check_toml(std::string_view text) {
  try {
    const auto parsed = toml::parse(text);
    return {};
  } catch (const toml::parse_error& error) {
    return malformed("TOML", error.source().begin.line, std::string(error.description()));
  }
}

}  // namespace

Status check_syntax(std::string_view text, TextFormat format) {
  switch (format) {
    case TextFormat::yaml:
      return check_yaml(text);
    case TextFormat::xml:
      return check_xml(text);
    case TextFormat::json:
      return check_json(text);
    case TextFormat::toml:
      return check_toml(text);
    default:
      return {};
  }
}

}  // namespace metalmesh::answer
