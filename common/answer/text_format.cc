#include "common/answer/text_format.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <utility>

#include "common/text/letters.h"

namespace metalmesh::answer {
namespace {

namespace json = boost::json;

constexpr std::array<std::pair<std::string_view, TextFormat>, 9> names = {
    {{"verbatim", TextFormat::verbatim},
     {"yaml", TextFormat::yaml},
     {"json", TextFormat::json},
     {"toml", TextFormat::toml},
     {"xml", TextFormat::xml},
     {"kickstart", TextFormat::kickstart},
     {"shell", TextFormat::shell},
     {"preseed", TextFormat::preseed},
     {"kernel", TextFormat::kernel}}};

std::string_view name_of(TextFormat format) {
  return std::ranges::find(names, format, &std::pair<std::string_view, TextFormat>::second)->first;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      case '\r':
        out += "&#13;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// The text of a string, number or boolean.
std::optional<std::string> scalar_text(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(*text);
  if (value.is_number() || value.is_bool()) return json::serialize(value);
  return std::nullopt;
}

std::unexpected<Error> cannot(TextFormat format, std::string_view what) {
  return fail(ErrorKind::invalid,
              std::string(what) + " cannot be written into " + std::string(name_of(format)));
}

Result<std::string> write_text(std::string_view text, TextFormat format) {
  const bool has_line_break = text.find_first_of("\r\n") != std::string_view::npos;
  const bool has_control =
      std::ranges::any_of(text, [](char c) { return is_control(c) && c != '\n' && c != '\t'; });
  switch (format) {
    case TextFormat::xml:
      if (has_control) return cannot(format, "a control character");
      return xml_text(text);
    case TextFormat::kickstart:
      if (has_line_break || has_control) return cannot(format, "a line break or control character");
      return shell_word(text);
    case TextFormat::shell:
      if (text.find('\0') != std::string_view::npos) return cannot(format, "a zero byte");
      return shell_word(text);
    case TextFormat::preseed:
      if (has_line_break || has_control) return cannot(format, "a line break or control character");
      if (text.ends_with('\\')) return cannot(format, "a backslash at the end");
      return std::string(text);
    case TextFormat::kernel: {
      constexpr std::string_view safe = "_-+./:@%,=[]~";
      const bool plain = std::ranges::all_of(
          text, [=](char c) { return is_alnum(c) || safe.find(c) != std::string_view::npos; });
      if (!plain) return cannot(format, "\"" + std::string(text.substr(0, 80)) + "\"");
      return std::string(text);
    }
    default:
      return std::string(text);
  }
}

/// JSON's escapes are all TOML's too; null has no TOML form, and objects are inline tables with `=`.
Result<std::string> write_toml(
    const json::value& value) {  // NOLINT(misc-no-recursion): depth is the context's
  if (value.is_null()) return cannot(TextFormat::toml, "a value that is not set");
  if (const auto* list = value.if_array()) {
    std::string out;
    for (const json::value& each : *list) {
      auto part = write_toml(each);
      if (!part) return part;
      out += (out.empty() ? "" : ", ") + *part;
    }
    return "[" + out + "]";
  }
  if (const auto* object = value.if_object()) {
    std::string out;
    for (const auto& [key, each] : *object) {
      auto part = write_toml(each);
      if (!part) return part;
      out += (out.empty() ? "" : ", ") + json::serialize(json::string_view(key)) + " = " + *part;
    }
    return "{" + out + "}";
  }
  return json::serialize(value);
}

Result<std::string> write_words(const json::array& list, TextFormat format) {
  std::string out;
  for (const json::value& each : list) {
    const auto text = scalar_text(each);
    if (!text) return cannot(format, "a list of lists or objects");
    auto word = write_text(*text, format);
    if (!word) return word;
    out += (out.empty() ? "" : " ") + *word;
  }
  return out;
}

}  // namespace

std::optional<TextFormat> text_format(std::string_view name) {
  const auto found = std::ranges::find(names, name, &std::pair<std::string_view, TextFormat>::first);
  return found == names.end() ? std::nullopt : std::optional(found->second);
}

Result<std::string> write_value(const json::value& value, TextFormat format) {
  if (format == TextFormat::toml) return write_toml(value);
  if (value.is_null()) return cannot(format, "a value that is not set");
  if (format == TextFormat::yaml || format == TextFormat::json) return json::serialize(value);
  if (const auto text = scalar_text(value)) return write_text(*text, format);
  const bool takes_words = format == TextFormat::kickstart || format == TextFormat::shell ||
                           format == TextFormat::preseed || format == TextFormat::kernel;
  if (value.is_array() && takes_words) return write_words(value.get_array(), format);
  return cannot(format, "a list or an object");
}

// POSIX: inside single quotes everything is itself, and a single quote leaves them for a moment.
std::string shell_word(std::string_view text) {
  constexpr std::string_view safe = "_-+./:@%,=";
  const bool plain = !text.empty() && text.front() != '-' && text.front() != '=' &&
                     std::ranges::all_of(
                         text, [=](char c) { return is_alnum(c) || safe.find(c) != std::string_view::npos; });
  if (plain) return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) {
      return at + i < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i]))
                                   : 0U;
    };
    const std::uint32_t group = byte(0) << 16U | byte(1) << 8U | byte(2);
    const std::size_t left = bytes.size() - at;
    out += digits[group >> 18U];
    out += digits[group >> 12U & 63U];
    out += left > 1 ? digits[group >> 6U & 63U] : '=';
    out += left > 2 ? digits[group & 63U] : '=';
  }
  return out;
}

}  // namespace metalmesh::answer
