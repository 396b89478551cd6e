// The form of a segment: frames that stand for themselves. A process that dies while it writes leaves a last
// frame that is not whole; what is before it counts.
#pragma once

#include <string>
#include <string_view>

#include "schemas/record/recording.pb.h"

namespace metalmesh::recording {

inline constexpr std::uint32_t format = 1;
inline constexpr std::size_t longest_frame = std::size_t{32} << 20U;

std::string to_frame(const record::RecordingFrame& frame);

class FrameReader {
 public:
  /// `bytes` must outlive the reader.
  explicit FrameReader(std::string_view bytes) : rest_(bytes) {}
  /// False at the end, or where a frame is damaged or cut off.
  bool next(record::RecordingFrame& frame);
  /// Bytes that are left: none, unless the last frame is not whole.
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

}  // namespace metalmesh::recording
