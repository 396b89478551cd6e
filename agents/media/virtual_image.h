// One server's medium: a shared base image plus an overlay, composed per range and never copied. Its size and
// ETag depend on the base's digest and the overlay alone, so they survive a restart.
#pragma once

#include <string>
#include <vector>

#include "agents/media/byte_range.h"
#include "agents/media/overlay.h"
#include "common/base/result.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

class VirtualImage {
 public:
  VirtualImage() = default;
  /// `base_id` names the base's content (its digest); it goes into the ETag. A medium without a base has
  /// `base_size` 0. Fails with `invalid` when patches overlap, leave the medium or the base, or leave out
  /// bytes behind the base's end.
  static Result<VirtualImage> create(std::uint64_t base_size, std::string_view base_id, Overlay overlay);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Strong, quoted; equal for equal bytes.
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
Result<Overlay> fill_placeholder(const wire::ImageFacts& facts, const std::string& answer);

}  // namespace metalmesh::media
