#include "common/delivery/blob_transfer.h"

#include <algorithm>
#include <utility>

#include "common/base/digest.h"

namespace metalmesh::delivery {

wire::BlobChunk answer_blob_want(const wire::BlobWant& want, const std::string* blob) {
  wire::BlobChunk chunk;
  chunk.set_sha256(want.sha256());
  chunk.set_offset(want.offset());
  if (blob == nullptr) {
    chunk.set_unknown(true);
    return chunk;
  }
  chunk.set_size(blob->size());
  const std::size_t most =
      want.most() == 0 ? blob_chunk_limit : std::min<std::size_t>(want.most(), blob_chunk_limit);
  if (want.offset() < blob->size()) chunk.set_bytes(blob->substr(want.offset(), most));
  return chunk;
}

BlobFetcher::BlobFetcher(BlobLimits limits) : limits_(limits) {}

bool BlobFetcher::want(const std::string& sha256) {
  if (fetches_.contains(sha256)) return true;
  if (fetches_.size() >= limits_.wanted) return false;
  fetches_.emplace(sha256, Fetch{});
  return true;
}

void BlobFetcher::forget(const std::string& sha256) { fetches_.erase(sha256); }
bool BlobFetcher::wants(const std::string& sha256) const { return fetches_.contains(sha256); }

std::vector<wire::BlobWant> BlobFetcher::pump(const Now& now) {
  auto running = static_cast<std::size_t>(
      std::ranges::count_if(fetches_, [](const auto& item) { return item.second.active; }));
  std::vector<wire::BlobWant> wants;
  for (auto& [sha256, fetch] : fetches_) {
    if (fetch.due && now.mono < *fetch.due) continue;
    if (!fetch.active) {
      if (running == limits_.side_by_side) continue;
      ++running;
      fetch.active = true;
    }
    fetch.due = now.mono + limits_.ask_again;
    wire::BlobWant& want = wants.emplace_back();
    want.set_sha256(sha256);
    want.set_offset(fetch.bytes.size());
  }
  return wants;
}

std::optional<MonoTime> BlobFetcher::next_due() const {
  std::optional<MonoTime> next;
  for (const auto& [sha256, fetch] : fetches_) {
    if (fetch.due && (!next || *fetch.due < *next)) next = fetch.due;
  }
  return next;
}

void BlobFetcher::rewind() {
  for (auto& [sha256, fetch] : fetches_) fetch.due.reset();
}

BlobFetcher::Taken BlobFetcher::restart(Fetch& fetch, Verdict why, const Now& now) const {
  fetch = Fetch{};  // gives its place to the next one in the queue
  fetch.due = now.mono + limits_.ask_slowly;
  return {why, {}};
}

BlobFetcher::Taken BlobFetcher::on_chunk(const wire::BlobChunk& chunk, const Now& now) {
  const auto found = fetches_.find(chunk.sha256());
  if (found == fetches_.end() || !found->second.active) return {};
  Fetch& fetch = found->second;
  if (chunk.offset() != fetch.bytes.size()) return {};  // a repeated or late one
  if (chunk.unknown()) return restart(fetch, Verdict::unknown, now);
  if (chunk.size() > blob_limit) return restart(fetch, Verdict::too_long, now);
  const bool first = fetch.bytes.empty();
  const bool fits =
      chunk.bytes().size() <= chunk.size() - std::min<std::uint64_t>(chunk.size(), chunk.offset());
  const bool moves = !chunk.bytes().empty() || chunk.size() == 0;
  if (!fits || !moves || (!first && chunk.size() != fetch.size)) return restart(fetch, Verdict::corrupt, now);

  fetch.size = chunk.size();
  fetch.bytes += chunk.bytes();
  if (fetch.bytes.size() < fetch.size) {
    fetch.due.reset();
    return {Verdict::progress, {}};
  }
  if (to_hex(sha256(fetch.bytes)) != chunk.sha256()) return restart(fetch, Verdict::corrupt, now);
  Taken taken{Verdict::complete, std::move(fetch.bytes)};
  fetches_.erase(found);
  return taken;
}

}  // namespace metalmesh::delivery
