// A launched medium that was booted starts nothing a second time: firmware that looks on it finds zeros where a boot
// catalogue, boot images and loaders were, and goes on to the disk. Whatever was booted reads all the rest as before, and
// has read those parts already. Pure.
//
// Booted means that a kernel was read to its end: by then its loader and boot configuration were, too. Who has read all
// that lies before it copies rather than boots, as some BMCs do for their hosts: from him nothing is withheld that he has
// not had.
#pragma once

#include <vector>

#include "agents/media/byte_range.h"
#include "agents/media/http_range.h"
#include "agents/media/read_tracker.h"
#include "agents/media/virtual_image.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

class MediumSeal {
 public:
  /// Of a medium that starts nothing.
  MediumSeal() = default;
  /// An image whose kernel is not known is never sealed by its reads.
  explicit MediumSeal(const wire::ImageFacts& facts);

  [[nodiscard]] bool booted(const ReadTracker& reads) const;
  /// From now on it starts nothing. False when it was so already, or there is nothing on it that starts.
  bool close();
  /// Firmware asks for what it no longer gets.
  [[nodiscard]] bool withholds(const SeveralRanges& wanted) const;
  /// What of the medium is served in `range`.
  [[nodiscard]] std::vector<Segment> over(const VirtualImage& medium, const ByteRange& range) const;

 private:
  std::vector<ByteRange> kernels_;
  std::vector<ByteRange> starters_;  // sorted and apart
  bool closed_ = false;
};

}  // namespace metalmesh::media
