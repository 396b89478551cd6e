#include "agents/media/http_range.h"

#include <algorithm>
#include <charconv>

#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t most_ranges = 16;
constexpr std::string_view unit = "bytes=";

/// Digits only. A number beyond 64 bits means "very far", which is what it would be.
std::optional<std::uint64_t> parse_position(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? value : UINT64_MAX;
}

/// One range-spec. Length 0: valid but beyond the content.
std::optional<ByteRange> parse_spec(std::string_view spec, std::uint64_t size) {
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_position(spec.substr(0, dash));
  const auto last = parse_position(spec.substr(dash + 1));
  if (dash == 0) {
    if (!last) return std::nullopt;
    const std::uint64_t length = std::min(*last, size);
    return ByteRange{size - length, length};
  }
  if (!first || (!last && dash + 1 != spec.size())) return std::nullopt;
  if (last && *last < *first) return std::nullopt;
  if (*first >= size) return ByteRange{};
  const std::uint64_t end = last && *last < size ? *last + 1 : size;
  return ByteRange{*first, end - *first};
}

/// What touches or overlaps becomes one; the rest keeps the order in which it was asked for (15.3.7.2).
SeveralRanges merged_in_order(const std::vector<ByteRange>& asked, std::uint64_t size) {
  SeveralRanges left = normalised(asked, 1, size);
  SeveralRanges merged;
  for (const ByteRange& range : asked) {
    const auto into = std::ranges::find_if(
        left, [&](const ByteRange& whole) { return range.length > 0 && whole.overlaps(range); });
    if (into == left.end()) continue;
    merged.push_back(*into);
    left.erase(into);
  }
  return merged;
}

}  // namespace

RangeChoice choose_range(std::optional<std::string_view> range, std::optional<std::string_view> if_range,
                         std::string_view etag, std::uint64_t size) {
  if (!range) return WholeContent{};
  if (if_range && trimmed(*if_range, " \t") != etag)
    return WholeContent{};  // dates never match: we send none
  std::string_view rest = trimmed(*range, " \t");
  if (!same_letters(rest.substr(0, unit.size()), unit)) return WholeContent{};  // units have no case (14.1)
  rest.remove_prefix(unit.size());
  std::vector<ByteRange> ranges;
  bool any = false;
  for (std::size_t count = 0;; ++count) {
    if (count == most_ranges) return WholeContent{};
    const std::size_t comma = rest.find(',');
    const std::string_view spec = trimmed(rest.substr(0, comma), " \t");
    if (!spec.empty()) {
      const auto parsed = parse_spec(spec, size);
      if (!parsed) return WholeContent{};  // an invalid field is ignored
      any = true;
      ranges.push_back(*parsed);
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (!any) return WholeContent{};
  SeveralRanges merged = merged_in_order(ranges, size);
  if (merged.empty()) return Unsatisfiable{};
  if (merged.size() > 1) return merged;
  return merged.front();
}

}  // namespace metalmesh::media
