// What makes one server's medium out of a base image: the places where its bytes are not the base's bytes at
// the same place. Producers (the answer placeholder, the patchers in patch/, media of their own) return one;
// serving it is VirtualImage's job and knows none of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agents/media/byte_range.h"

namespace metalmesh::media {

/// Bytes in memory, shared and never changed: a hundred responses that wait for their readers hold one copy.
class SharedText {
 public:
  SharedText(std::string text)  // NOLINT(google-explicit-constructor): it is that text
      : whole_(std::make_shared<const std::string>(std::move(text))), length_(whole_->size()) {}
  SharedText(const char* text) : SharedText(std::string(text)) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] std::string_view view() const { return std::string_view(*whole_).substr(at_, length_); }
  [[nodiscard]] std::size_t size() const { return length_; }
  /// `part` must lie within it.
  [[nodiscard]] SharedText cut(const ByteRange& part) const {
    SharedText shorter(*this);
    shorter.at_ += static_cast<std::size_t>(part.offset);
    shorter.length_ = static_cast<std::size_t>(part.length);
    return shorter;
  }

 private:
  std::shared_ptr<const std::string> whole_;
  std::size_t at_ = 0;
  std::size_t length_;
};

/// Bytes of the base image, or bytes in memory.
using Segment = std::variant<ByteRange, SharedText>;
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
