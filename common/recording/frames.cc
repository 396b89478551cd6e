#include "common/recording/frames.h"

#include "common/base/check.h"
#include "common/recording/fingerprint.h"

namespace metalmesh::recording {
namespace {

constexpr std::size_t head_bytes = 8;

void put_number(std::string& out, std::uint32_t number) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(number >> shift & 0xffU);
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i) number = number << 8U | static_cast<unsigned char>(bytes[i]);
  return number;
}

std::uint32_t sum(std::string_view bytes) { return static_cast<std::uint32_t>(fingerprint(bytes)); }

}  // namespace

std::string to_frame(const record::RecordingFrame& frame) {
  const std::string body = frame.SerializeAsString();
  MM_CHECK(body.size() <= longest_frame);
  std::string out;
  out.reserve(head_bytes + body.size());
  put_number(out, static_cast<std::uint32_t>(body.size()));
  put_number(out, sum(body));
  return out += body;
}

bool FrameReader::next(record::RecordingFrame& frame) {
  if (rest_.size() < head_bytes) return false;
  const std::size_t size = number_at(rest_, 0);
  if (size > longest_frame || size > rest_.size() - head_bytes) return false;
  const std::string_view body = rest_.substr(head_bytes, size);
  if (sum(body) != number_at(rest_, 4)) return false;
  if (!frame.ParseFromArray(body.data(), static_cast<int>(body.size()))) return false;
  rest_.remove_prefix(head_bytes + size);
  return true;
}

}  // namespace metalmesh::recording
