// What makes one server's medium out of a base image: the places where its bytes are not the base's bytes at
// the same place. Producers (the answer placeholder, the patchers in patch/, media of their own) return one;
// serving it is VirtualImage's job and knows none of them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "agents/media/byte_range.h"

namespace metalmesh::media {

/// Bytes of the base image, or bytes in memory.
using Segment = std::variant<ByteRange, std::string>;
std::uint64_t length_of(const Segment& segment);

struct Patch {
  std::uint64_t offset = 0;  // in the medium
  Segment content;           // a ByteRange moves bytes of the base without a copy
};

struct Overlay {
  std::uint64_t size = 0;          // of the medium; may exceed the base's
  std::vector<Patch> patches;      // sorted and apart; nothing behind the base's end is left out
  std::vector<ByteRange> guarded;  // what the media fence guards beyond the base's own ranges
};

}  // namespace metalmesh::media
