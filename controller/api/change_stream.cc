#include "controller/api/change_stream.h"

#include <string>
#include <utility>

namespace metalmesh::controller {
namespace {

constexpr std::size_t scanned_most = 512;  // per reader and pump: all of them together must not hold the turn

}  // namespace

std::expected<void, Problem> ChangeStreams::open(ExchangeId id, const ApiRequest& request, const Now& now,
                                                 Outcome& out) {
  auto filter = ChangeFilter::of(request);
  if (!filter) return std::unexpected(filter.error());
  Reader reader{std::move(*filter), FeedPosition::now(state_)};
  // The header wins: it is what a reconnecting client adds to the URL it was given.
  const std::string* header = request.header("last-event-id");
  if (const std::string* text = header != nullptr ? header : request.parameter("after")) {
    const auto place = feed_position(*text, header != nullptr ? "Last-Event-ID" : "after", state_);
    if (!place) return std::unexpected(place.error());
    reader.place = *place;
  }
  return readers_.open(id, request, std::move(reader), {}, now, out);
}

void ChangeStreams::fired(std::string_view token, const StillCaller& still, const Now& now, Outcome& out) {
  // Every input ends in a pump, which is all that its own timer asks for.
  if (!readers_.ticks(token, still, now, out)) return;
  readers_.tick(now, out, [this](const Reader& reader, bool silent) {
    return silent ? "id: " + reader.place.text(state_) + "\n\n" : std::string();
  });
}

void ChangeStreams::pump(const Now& now, Outcome& out) {
  readers_.pump(now, out, [this](Reader& reader) { return next_chunk(reader); });
  teller_.end_turn();
}

SseChunk ChangeStreams::next_chunk(Reader& reader) {
  if (reader.is_current && reader.place.after >= newest_) return {};
  // It slept for longer than deletes are remembered: when it comes back with its position it is told so.
  if (reader.place.is_lost(state_)) return {": list again\n\n", false, true};
  SseChunk chunk;
  for (std::size_t scanned = 0; chunk.bytes.size() < sse_chunk_bytes; ++scanned) {
    if (scanned == scanned_most) {
      chunk.more = true;
      break;
    }
    const auto line = teller_.next(reader.place, newest_, reader.filter);
    if (line && line->json.empty()) continue;
    if (!line && std::exchange(reader.is_current, true)) break;
    const std::string id = reader.place.text(state_);
    chunk.bytes += "id: " + id +
                   (line ? "\nevent: change\ndata: " + line->json
                         : "\nevent: current\ndata: {\"position\":\"" + id + "\"}") +
                   "\n\n";
    if (!line) break;
  }
  return chunk;
}

}  // namespace metalmesh::controller
