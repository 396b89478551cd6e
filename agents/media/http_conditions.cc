#include "agents/media/http_conditions.h"

#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

struct Named {
  bool given = false;  // the field is there
  bool ours = false;   // "*", or one of its tags is the content's
};

/// Of all lines of the field together. A tag may hold a comma, but none of ours does, so cutting there can
/// only lose tags that are not ours. A weak tag counts in a weak comparison (8.8.3.2).
Named named_in(const Headers& headers, std::string_view name, std::string_view etag, bool weakly) {
  Named named;
  for (const auto& [key, value] : headers) {
    if (key != name) continue;
    named.given = true;
    std::string_view rest = value;
    for (;;) {
      const std::size_t comma = rest.find(',');
      std::string_view tag = trimmed(rest.substr(0, comma), " \t");
      if (weakly && tag.starts_with("W/")) tag.remove_prefix(2);
      named.ours = named.ours || tag == etag || tag == "*";
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return named;
}

}  // namespace

Condition check_conditions(const Headers& headers, std::string_view etag) {
  const Named match = named_in(headers, "if-match", etag, false);
  if (match.given && !match.ours) return Condition::failed;
  const Named none_match = named_in(headers, "if-none-match", etag, true);
  if (none_match.given && none_match.ours) return Condition::not_modified;
  return Condition::met;
}

}  // namespace metalmesh::media
