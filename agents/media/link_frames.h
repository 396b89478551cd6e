// Frames on the link between an agent and its media server: four bytes of length, most significant first,
// then one message of schemas/wire/media.proto. A frame longer than the bound is an error of the peer, not an
// allocation.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::media {

inline constexpr std::size_t most_frame_bytes = std::size_t{16} << 20;

/// Fails with `exhausted` when `message` is longer than the bound.
Result<std::string> make_frame(std::string_view message);

class FrameReader {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// The next whole message, valid until the next call; nothing when more bytes are needed. Fails with
  /// `corrupt`, after which the link is of no use.
  Result<std::optional<std::string_view>> next();

 private:
  std::string buffer_;
  std::size_t done_ = 0;  // bytes of the message that was given last
};

}  // namespace metalmesh::media
