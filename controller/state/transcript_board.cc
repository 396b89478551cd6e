#include "controller/state/transcript_board.h"

#include <algorithm>

#include "common/ports/wire_time.h"
#include "controller/state/transcript_rows.h"

namespace metalmesh::controller {
namespace {

void put(TranscriptBoard::Aged& set, WallTime at, const std::string& id, bool add) {
  if (add)
    set.emplace(at, id);
  else
    set.erase({at, id});
}

}  // namespace

void TranscriptBoard::count(const rest::Deployment& deployment, bool add) {
  if (!deployment.has_transcript()) return;
  const rest::Transcript& transcript = deployment.transcript();
  if (transcript.state() == transcripts::coming) {
    Aged& set = coming_[deployment.site()];
    put(set, from_wire(deployment.ended()), deployment.id(), add);
    if (set.empty()) coming_.erase(deployment.site());
  } else if (transcript.state() == transcripts::here) {
    const WallTime at = from_wire(transcript.received());
    Held& held = held_[deployment.site()];
    put(held.transcripts, at, deployment.id(), add);
    put(here_, at, deployment.id(), add);
    held.bytes = add ? held.bytes + transcript.size() : held.bytes - transcript.size();
    bytes_ = add ? bytes_ + transcript.size() : bytes_ - transcript.size();
    if (held.transcripts.empty()) held_.erase(deployment.site());
  }
}

std::optional<std::string> TranscriptBoard::next_to_go() const {
  const auto most = std::ranges::max_element(held_, {}, [](const auto& site) { return site.second.bytes; });
  if (most == held_.end()) return std::nullopt;
  return most->second.transcripts.begin()->second;
}

}  // namespace metalmesh::controller
