#include "agents/media/link_frames.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t head = 4;

}  // namespace

Result<std::string> make_frame(std::string_view message) {
  if (message.size() > most_frame_bytes) {
    return fail(ErrorKind::exhausted, "a message of " + std::to_string(message.size()) +
                                          " bytes is too long for the link between agent and media server");
  }
  std::string frame;
  frame.reserve(head + message.size());
  for (std::size_t i = head; i-- > 0;) frame += static_cast<char>(message.size() >> (8 * i) & 0xffU);
  return frame.append(message);
}

Result<std::optional<std::string_view>> FrameReader::next() {
  buffer_.erase(0, std::exchange(done_, 0));
  if (buffer_.size() < head) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < head; ++i) length = length << 8U | static_cast<unsigned char>(buffer_[i]);
  if (length > most_frame_bytes)
    return fail(ErrorKind::corrupt, "a frame of " + std::to_string(length) + " bytes is beyond the bound");
  if (buffer_.size() - head < length) return std::nullopt;
  done_ = head + length;
  return std::string_view(buffer_).substr(head, length);
}

}  // namespace metalmesh::media
