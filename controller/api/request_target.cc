#include "controller/api/request_target.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "common/text/percent.h"
#include "common/text/utf8.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t longest_target = 4096;
constexpr std::size_t most_segments = 16;
constexpr std::size_t most_parameters = 16;

bool plain_text(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<std::uint8_t>(text.front());
    if (first < 0x20 || first == 0x7F) return false;
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string spaced(text);
  if (plus_is_space) std::ranges::replace(spaced, '+', ' ');
  auto out = percent_decode(spaced);
  if (out && !plain_text(*out)) return std::nullopt;
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace

Result<RequestTarget> parse_target(std::string_view target) {
  if (target.size() > longest_target)
    return fail(ErrorKind::invalid, "the request target is longer than 4096 bytes");
  if (target.empty() || target.front() != '/') {
    return fail(ErrorKind::invalid, "the request target must start with a slash");
  }
  RequestTarget out;
  const std::size_t question = target.find('?');
  out.path = std::string(target.substr(0, question));

  for (const std::string_view part : split(std::string_view(out.path).substr(1), '/')) {
    auto segment = decode(part, false);
    if (!segment) return fail(ErrorKind::invalid, "the path has a bad percent escape or a control character");
    out.segments.push_back(std::move(*segment));
  }
  if (out.segments.size() > most_segments)
    return fail(ErrorKind::invalid, "the path has more than 16 segments");
  if (question == std::string_view::npos || question + 1 == target.size()) return out;

  for (const std::string_view part : split(target.substr(question + 1), '&')) {
    const std::size_t equals = part.find('=');
    auto name = decode(part.substr(0, equals), true);
    auto value =
        decode(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1), true);
    if (!name || !value || name->empty()) return fail(ErrorKind::invalid, "the query is malformed");
    const auto [place, fresh] = out.query.emplace(std::move(*name), std::move(*value));
    if (!fresh) return fail(ErrorKind::invalid, "query parameter \"" + place->first + "\" is given twice");
    if (out.query.size() > most_parameters) return fail(ErrorKind::invalid, "more than 16 query parameters");
  }
  return out;
}

}  // namespace metalmesh::controller
