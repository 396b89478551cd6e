// Streams that come in pieces: frames between an agent and its media server, events between a controller and
// its clients. The first byte says how the rest is cut; where it is cut must change nothing.
#include <cstdint>
#include <string>
#include <vector>

#include "agents/media/link_frames.h"
#include "controller/cli/sse_parser.h"
#include "schemas/wire/media.pb.h"
#include "tests/fuzz/invariant.h"

namespace metalmesh {
namespace {

/// What came out, and whether the stream broke.
struct Frames {
  std::vector<std::string> messages;
  bool broken = false;
  bool operator==(const Frames&) const = default;
};

Frames read_frames(std::string_view bytes, std::size_t piece) {
  Frames frames;
  media::FrameReader reader;
  while (!bytes.empty() && !frames.broken) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (;;) {
      const auto next = reader.next();
      frames.broken = !next.has_value();
      if (!next || !*next) break;
      MM_CLAIM((*next)->size() <= media::most_frame_bytes);
      frames.messages.emplace_back(**next);
    }
  }
  return frames;
}

std::vector<cli::SseMessage> read_events(std::string_view bytes, std::size_t piece) {
  std::vector<cli::SseMessage> events;
  cli::SseParser parser;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    auto more = parser.feed(bytes.substr(0, piece));
    events.insert(events.end(), more.begin(), more.end());
  }
  return events;
}

}  // namespace
}  // namespace metalmesh

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace metalmesh;
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0] % 16;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  const Frames whole = read_frames(bytes, bytes.size());
  MM_CLAIM(read_frames(bytes, piece) == whole);
  for (const std::string& message : whole.messages) {
    const auto frame = media::make_frame(message);
    MM_CLAIM(frame && read_frames(*frame, piece).messages == std::vector{message});
    wire::MediaEvent event;
    static_cast<void>(event.ParseFromString(message));
  }

  const auto events = read_events(bytes, bytes.size());
  MM_CLAIM(read_events(bytes, piece) == events);
  for (const cli::SseMessage& event : events) {
    MM_CLAIM(event.id.find('\n') == std::string::npos && event.event.find('\n') == std::string::npos);
  }
  return 0;
}
