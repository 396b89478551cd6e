#include "agents/media/byte_range.h"

namespace metalmesh::media {

std::vector<ByteRange> normalised(std::vector<ByteRange> ranges, std::uint64_t unit, std::uint64_t size) {
  for (ByteRange& range : ranges) {
    const std::uint64_t first = std::min(range.offset, size);
    const std::uint64_t last = first + std::min(range.length, size - first);
    const std::uint64_t low = first - first % unit;
    const std::uint64_t short_by = (unit - last % unit) % unit;
    const std::uint64_t high = last + std::min(short_by, size - last);
    range = {low, last == first ? 0 : high - low};
  }
  std::erase_if(ranges, [](const ByteRange& range) { return range.length == 0; });
  std::sort(ranges.begin(), ranges.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.offset < b.offset; });
  std::vector<ByteRange> merged;
  for (const ByteRange& range : ranges) {
    if (!merged.empty() && range.offset <= merged.back().end()) {
      merged.back().length = std::max(merged.back().end(), range.end()) - merged.back().offset;
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

std::vector<ByteRange> complement(const std::vector<ByteRange>& normalised_ranges, std::uint64_t size) {
  std::vector<ByteRange> gaps;
  std::uint64_t position = 0;
  for (const ByteRange& range : normalised_ranges) {
    if (range.offset > position) gaps.push_back({position, range.offset - position});
    position = range.end();
  }
  if (position < size) gaps.push_back({position, size - position});
  return gaps;
}

bool touches(const std::vector<ByteRange>& normalised_ranges, const ByteRange& range) {
  const auto after =
      std::upper_bound(normalised_ranges.begin(), normalised_ranges.end(), range.offset,
                       [](std::uint64_t offset, const ByteRange& r) { return offset < r.end(); });
  return after != normalised_ranges.end() && after->overlaps(range);
}

}  // namespace metalmesh::media
