#include "controller/api/preconditions.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/base/digest.h"

namespace metalmesh::controller {
namespace {

struct EntityTag {
  bool weak = false;
  std::string opaque;  // without the quotes
};
struct TagList {
  bool any = false;  // "*"
  std::vector<EntityTag> tags;
};

constexpr std::size_t most_tags = 16;

/// entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE; a list of them, or "*".
std::optional<TagList> parse_tags(std::string_view text) {
  const auto skip_blanks = [&] { text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size())); };
  skip_blanks();
  TagList list;
  if (text.starts_with('*')) {
    text.remove_prefix(1);
    skip_blanks();
    list.any = true;
    return text.empty() ? std::optional(std::move(list)) : std::nullopt;
  }
  while (list.tags.size() < most_tags) {
    EntityTag tag;
    if (text.starts_with("W/")) {
      tag.weak = true;
      text.remove_prefix(2);
    }
    if (!text.starts_with('"')) return std::nullopt;
    const std::size_t end = text.find('"', 1);
    if (end == std::string_view::npos) return std::nullopt;
    tag.opaque = std::string(text.substr(1, end - 1));
    list.tags.push_back(std::move(tag));
    text.remove_prefix(end + 1);
    skip_blanks();
    if (text.empty()) return list;
    if (!text.starts_with(',')) return std::nullopt;
    text.remove_prefix(1);
    skip_blanks();
  }
  return std::nullopt;
}

std::unexpected<Problem> malformed(std::string_view header) {
  return refuse(400, std::string(header) + " is malformed", std::string(header),
                "send the ETag of a GET as it came, with its quotes, or *");
}

constexpr std::size_t digest_characters = 12;

/// Versions start at 1; anything else never names one.
std::optional<ObjectTag> parse_tag(const std::string& opaque) {
  ObjectTag tag;
  const char* end = opaque.data() + opaque.size();
  const auto [after, error] = std::from_chars(opaque.data(), end, tag.version);
  if (error != std::errc() || tag.version == 0 || after == end || *after != '-') return std::nullopt;
  tag.ledger = std::string(after + 1, end);
  if (const auto dash = tag.ledger.find('-'); dash != std::string::npos) {
    tag.live = tag.ledger.substr(dash + 1);
    tag.ledger.resize(dash);
  }
  return tag;
}

/// If-Match with the strong comparison: weak tags never match.
std::expected<std::optional<std::uint64_t>, Problem> match_condition(const TagList& list,
                                                                     const ObjectTag& current) {
  if (list.any) {
    if (current.version == 0) return std::unexpected(version_mismatch(0, 0));
    return std::nullopt;
  }
  std::optional<std::uint64_t> wanted;
  bool other_ledger = false;
  for (const EntityTag& tag : list.tags) {
    const auto seen = tag.weak ? std::nullopt : parse_tag(tag.opaque);
    if (!seen) continue;
    // The number was given again, to something else: the writer saw what is not there any more.
    if (seen->version == current.version && seen->ledger != current.ledger) {
      other_ledger = true;
      continue;
    }
    if (!wanted || seen->version == current.version) wanted = seen->version;
  }
  if (!wanted) {
    Problem problem = version_mismatch(0, current.version);
    if (other_ledger)
      problem.detail += ", but not the one you read: the controller was restored from a backup since";
    return std::unexpected(std::move(problem));
  }
  return wanted;
}

}  // namespace

std::string ObjectTag::text() const {
  return std::to_string(version) + "-" + ledger + (live.empty() ? "" : "-" + live);
}

std::string live_digest(const std::string& bytes) {
  return to_hex(sha256(bytes)).substr(0, digest_characters);
}

std::string etag_of(const ObjectTag& tag) { return "\"" + tag.text() + "\""; }

Problem version_mismatch(std::uint64_t wanted, std::uint64_t current) {
  Problem problem{
      412, {}, "If-Match", "read it again, repeat your change on what is there now, and send its ETag", {}};
  const std::string stored =
      current == 0 ? std::string("it does not exist") : "its version is " + std::to_string(current);
  problem.detail = wanted == 0 ? stored : "you changed version " + std::to_string(wanted) + ", but " + stored;
  return problem;
}

std::expected<std::optional<std::uint64_t>, Problem> write_condition(const ApiRequest& request,
                                                                     const ObjectTag& current) {
  const std::string* match = request.header("if-match");
  const std::string* none_match = request.header("if-none-match");
  if (match != nullptr && none_match != nullptr) {
    return refuse(400, "If-Match and If-None-Match exclude each other", "If-None-Match");
  }
  if (match != nullptr) {
    const auto list = parse_tags(*match);
    if (!list) return malformed("If-Match");
    return match_condition(*list, current);
  }
  if (none_match != nullptr) {
    const auto list = parse_tags(*none_match);
    if (!list) return malformed("If-None-Match");
    if (!list->any) return refuse(400, "a write takes only If-None-Match: *", "If-None-Match");
    return std::optional<std::uint64_t>(0);
  }
  return std::optional<std::uint64_t>();
}

std::expected<bool, Problem> not_modified(const ApiRequest& request, const ObjectTag& current) {
  const std::string* none_match = request.header("if-none-match");
  if (none_match == nullptr) return false;
  const auto list = parse_tags(*none_match);
  if (!list) return malformed("If-None-Match");
  const std::string text = current.text();
  return list->any ||
         std::ranges::any_of(list->tags, [&](const EntityTag& tag) { return tag.opaque == text; });
}

}  // namespace metalmesh::controller
