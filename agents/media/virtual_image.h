// One server's medium: a shared base image plus a few patched bytes, composed per range and never copied.
//
// Patches are sorted, do not overlap and lie within the base, so the size is the base's. Whoever produces
// patches (the answer placeholder today) needs to know nothing else about serving.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "agents/media/byte_range.h"
#include "common/base/result.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

struct Patch {
  std::uint64_t offset = 0;
  std::string bytes;
};

/// A piece of a response: bytes of the base file, or bytes in memory.
using Segment = std::variant<ByteRange, std::string>;
std::uint64_t length_of(const Segment& segment);

class VirtualImage {
 public:
  VirtualImage() = default;
  /// `base_id` names the base's content (its digest); it goes into the ETag. Fails with `invalid` when
  /// patches overlap or leave the base.
  static Result<VirtualImage> create(std::uint64_t size, std::string_view base_id,
                                     std::vector<Patch> patches);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Strong, quoted; equal for equal bytes, also after a restart.
  [[nodiscard]] const std::string& etag() const { return etag_; }
  /// `range` must lie within the image. The segments' lengths add up to its length.
  [[nodiscard]] std::vector<Segment> segments(const ByteRange& range) const;

 private:
  std::uint64_t size_ = 0;
  std::string etag_;
  std::vector<Patch> patches_;
};

/// The base with `answer` at its placeholder, filled up with newlines; the plain base when `answer` is empty.
/// Fails with `invalid` when the answer has no room.
Result<VirtualImage> compose(const wire::ImageFacts& facts, const std::string& answer);

}  // namespace metalmesh::media
