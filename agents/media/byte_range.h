// Half-open runs of bytes of an image, and sets of them. Pure arithmetic; every sum is checked against
// overflow by construction because `end` never exceeds an image size that fits in 63 bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace metalmesh::media {

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  [[nodiscard]] std::uint64_t end() const { return offset + length; }
  [[nodiscard]] bool overlaps(const ByteRange& other) const {
    return length > 0 && other.length > 0 && offset < other.end() && other.offset < end();
  }
  bool operator==(const ByteRange&) const = default;
};

/// Rounded outwards to `unit`, cut at `size`, sorted, and merged where ranges touch. Empty ones vanish.
std::vector<ByteRange> normalised(std::vector<ByteRange> ranges, std::uint64_t unit, std::uint64_t size);

/// What of [0, size) is in none of `normalised_ranges`.
std::vector<ByteRange> complement(const std::vector<ByteRange>& normalised_ranges, std::uint64_t size);

/// Whether `range` touches one of `normalised_ranges`; logarithmic.
bool touches(const std::vector<ByteRange>& normalised_ranges, const ByteRange& range);

}  // namespace metalmesh::media
