#include "controller/core/field_rules.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/answer/order_context.h"
#include "common/base/digest.h"
#include "common/hosts/text_rules.h"
#include "common/text/letters.h"

namespace metalmesh::controller::rules {
namespace {

constexpr std::size_t name_limit = 63;
constexpr std::size_t shown_limit = 80;
constexpr std::size_t variables_limit = 8 * 1024;  // bytes, names and values together
constexpr int entries_limit = 64;
constexpr std::size_t address_limit = 255;
constexpr std::size_t url_limit = 2048;

bool is_lower_or_digit(char c) { return is_lower(c) || is_digit(c); }
bool is_visible(char c) { return c > 0x20 && c < 0x7f; }

template <class Allowed>
bool all(std::string_view text, Allowed allowed) {
  return std::ranges::all_of(text, allowed);
}

Verdict bad(const std::string& field, std::string message) {
  return refusal(ErrorKind::invalid, field, std::move(message));
}

std::string quoted(std::string_view value) {
  return "\"" + std::string(value.substr(0, shown_limit)) + (value.size() > shown_limit ? "...\"" : "\"");
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

/// Four numbers of at most 255, if it looks like an IPv4 address at all.
bool is_sane_v4_or_name(std::string_view host) {
  if (!all(host, [](char c) { return is_digit(c) || c == '.'; })) return true;
  int parts = 0;
  while (true) {
    const auto dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    unsigned number = 256;
    if (part.empty() || part.size() > 3) return false;
    std::from_chars(part.data(), part.data() + part.size(), number);
    if (number > 255) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

}  // namespace

Refusal refusal(ErrorKind kind, std::string field, std::string message, std::string next) {
  return Refusal{kind, std::move(message), std::move(field), std::move(next)};
}

bool is_name(std::string_view value) {
  return !value.empty() && value.size() <= name_limit && is_lower_or_digit(value.front()) &&
         is_lower_or_digit(value.back()) &&
         all(value, [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

Verdict name(const std::string& field, const std::string& value) {
  if (is_name(value)) return std::nullopt;
  return bad(field,
             quoted(value) + " is no name: lower-case letters, digits and inner dashes, 1 to 63 characters");
}

Verdict name_pattern(const std::string& field, const std::string& value) {
  const bool good = !value.empty() && value.size() <= name_limit && all(value, [](char c) {
    return is_lower_or_digit(c) || c == '-' || c == '*' || c == '?';
  });
  if (good) return std::nullopt;
  return bad(field, quoted(value) +
                        " can match no name: lower-case letters, digits, dashes, * and ? only, one "
                        "pattern to an entry");
}

Verdict labels(const std::string& field, const StringMap& map) {
  if (map.size() > entries_limit) return bad(field, "more than 64 labels");
  const auto is_label = [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-' || c == '/'; };
  for (const auto& [key, value] : map) {
    if (key.empty() || key.size() > name_limit || !all(key, is_label)) {
      return bad(field,
                 "label key " + quoted(key) + ": letters, digits and . _ - / only, at most 63 characters");
    }
    if (value.size() > name_limit || !all(value, is_label)) {
      return bad(field + "." + key,
                 quoted(value) + ": letters, digits and . _ - / only, at most 63 characters");
    }
  }
  return std::nullopt;
}

Verdict variables(const std::string& field, const StringMap& map) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : map) {
    if (key.empty() || key.size() > name_limit ||
        !all(key, [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; })) {
      return bad(field,
                 "variable name " + quoted(key) + ": letters, digits and _ - . only, at most 63 characters");
    }
    if (answer::is_reserved(key))
      return bad(field + "." + key,
                 "has a meaning of its own in every template (a server's name is spec.hostname, what it "
                 "becomes is spec.host): give the variable another name");
    if (value.find('\0') != std::string::npos) return bad(field + "." + key, "holds a zero byte");
    bytes += key.size() + value.size();
  }
  if (bytes > variables_limit) {
    return bad(field, "all variables together take " + std::to_string(bytes) +
                          " bytes; at most 8192 travel in an order");
  }
  return std::nullopt;
}

Verdict one_of(const std::string& field, const std::string& value,
               std::initializer_list<std::string_view> allowed) {
  if (std::ranges::find(allowed, value) != allowed.end()) return std::nullopt;
  std::string list;
  for (const auto word : allowed) list += (list.empty() ? "" : " | ") + std::string(word);
  return bad(field, quoted(value) + " is not one of " + list);
}

Verdict address(const std::string& field, const std::string& value) {
  std::string_view host = value;
  std::string_view port;
  const auto wrong = [&] {
    return bad(field, quoted(value) + " is no address: host, host:port, [v6] or [v6]:port");
  };
  if (value.empty() || value.size() > address_limit) return wrong();
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string_view::npos || end < 3) return wrong();
    const std::string_view rest = host.substr(end + 1);
    host = host.substr(1, end - 1);
    if (!all(host, [](char c) {
          return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
        })) {
      return wrong();
    }
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return wrong();
    return std::nullopt;
  }
  if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
    if (!is_port(port)) return wrong();
  }
  const bool form = !host.empty() && is_alnum(host.front()) && is_alnum(host.back()) &&
                    all(host, [](char c) { return is_alnum(c) || c == '-' || c == '.'; });
  return form && is_sane_v4_or_name(host) ? std::nullopt : wrong();
}

Verdict sha256_hex(const std::string& field, const std::string& value) {
  if (value.size() == 64 && from_hex(value).size() == 32) return std::nullopt;
  return bad(field, quoted(value) + " is no SHA-256: 64 hex digits");
}

Verdict url(const std::string& field, const std::string& value) {
  constexpr std::array<std::string_view, 3> schemes = {"https://", "http://", "file:///"};
  const bool known = std::ranges::any_of(
      schemes, [&](std::string_view s) { return value.starts_with(s) && value.size() > s.size(); });
  if (known && value.size() <= url_limit && all(value, is_visible)) return std::nullopt;
  return bad(field, quoted(value) + " is no URL that a site could fetch: https://, http:// or file:///");
}

Verdict hostname(const std::string& field, const std::string& value) {
  return hosts::is_hostname(value)
             ? std::nullopt
             : bad(field,
                   quoted(value) +
                       " is no host name: labels of letters, digits and inner hyphens, at most 63 each");
}

Verdict token(const std::string& field, const std::string& value) {
  const bool good = !value.empty() && value.size() <= 32 &&
                    all(value, [](char c) { return is_lower_or_digit(c) || c == '-' || c == '_'; });
  return good ? std::nullopt
              : bad(field, quoted(value) + ": lower-case letters, digits, - and _ only, 1 to 32 characters");
}

Verdict text(const std::string& field, const std::string& value, std::size_t longest) {
  if (value.size() <= longest) return std::nullopt;
  return bad(field, "longer than " + std::to_string(longest) + " bytes");
}

Verdict at_most(const std::string& field, std::uint64_t value, std::uint64_t most) {
  if (value <= most) return std::nullopt;
  return bad(field, std::to_string(value) + " is more than " + std::to_string(most));
}

Verdict duration(const std::string& field, const google::protobuf::Duration& value,
                 std::int64_t most_seconds) {
  if (value.seconds() < 0 || value.nanos() < 0 || (value.seconds() == 0 && value.nanos() == 0)) {
    return bad(field, "must be longer than 0");
  }
  if (value.seconds() > most_seconds) {
    return bad(field,
               std::to_string(value.seconds()) + " s is longer than " + std::to_string(most_seconds) + " s");
  }
  return std::nullopt;
}

std::uint32_t Share::of(std::uint32_t whole) const {
  if (!percent) return std::max(number, 1U);
  const std::uint64_t part = (std::uint64_t{whole} * number + 99) / 100;
  return std::max(static_cast<std::uint32_t>(part), 1U);
}

std::optional<Share> parse_share(std::string_view value) {
  Share share;
  if (value.ends_with('%')) {
    share.percent = true;
    value.remove_suffix(1);
  }
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), share.number);
  if (value.empty() || error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  if (share.percent && share.number > 100) return std::nullopt;
  return share;
}

Verdict share(const std::string& field, const std::string& value) {
  if (parse_share(value)) return std::nullopt;
  return bad(field, quoted(value) + " is neither a number nor a percentage: \"3\" or \"3%\"");
}

Verdict first_of(std::initializer_list<Verdict> verdicts) {
  for (const Verdict& verdict : verdicts) {
    if (verdict) return verdict;
  }
  return std::nullopt;
}

Verdict required(const std::string& field, bool given) {
  if (given) return std::nullopt;
  return refusal(ErrorKind::invalid, field, "is required");
}

Verdict missing(const std::string& field, const std::string& kind, const std::string& name) {
  return refusal(ErrorKind::not_found, field, kind + " \"" + name.substr(0, 80) + "\" does not exist",
                 "apply it first");
}

}  // namespace metalmesh::controller::rules
