#include "agents/core/blob_cache.h"

#include <string_view>
#include <utility>
#include <vector>

#include "agents/core/row_keys.h"

namespace metalmesh::agent {

BlobCache::BlobCache(const RowReader& rows, const UpChannel& channel) : rows_(rows), channel_(channel) {
  constexpr std::size_t one = 1;  // each may be of megabytes
  const std::string end = rows::after(rows::blob);
  for (std::string from = rows::blob;;) {
    const auto found = rows_.scan(from, end, one);
    if (!found || found->empty()) return;  // what cannot be read is fetched again
    if (found->front().value) stored_.insert(found->front().key.substr(std::string_view(rows::blob).size()));
    from = found->front().key + '\0';
  }
}

bool BlobCache::has(const std::string& sha256) {
  if (here_.contains(sha256)) return true;
  // A row that this turn erases can be read until its commit: what is here must be stored and readable.
  if (!stored_.contains(sha256) || !get(sha256)) {
    fetcher_.want(sha256);
    missing_.insert(sha256);
    return false;
  }
  here_.insert(sha256);
  return true;
}

void BlobCache::keep(const std::set<std::string>& wanted, Outcome& out) {
  std::erase_if(stored_, [&](const std::string& sha256) {
    if (wanted.contains(sha256)) return false;
    here_.erase(sha256);
    out.erase(rows::blob + sha256);
    return true;
  });
  std::erase_if(missing_, [&](const std::string& sha256) {
    if (wanted.contains(sha256)) return false;
    fetcher_.forget(sha256);
    unknown_.erase(sha256);
    return true;
  });
}

std::optional<std::string> BlobCache::get(const std::string& sha256) const {
  auto found = rows_.get(rows::blob + sha256);
  return found ? std::move(*found) : std::nullopt;
}

void BlobCache::fetch_again(const std::string& sha256) {
  here_.erase(sha256);
  fetcher_.want(sha256);
  missing_.insert(sha256);
}

void BlobCache::on_bus_up(const Now& now, Outcome& out) {
  fetcher_.rewind();
  pump(now, out);
}

void BlobCache::pump(const Now& now, Outcome& out) {
  if (!channel_.up()) return;
  for (const wire::BlobWant& want : fetcher_.pump(now)) channel_.send("blob_want", want, out);
  if (const auto due = fetcher_.next_due()) out.emit(TimerArm{"blob", *due});
}

bool BlobCache::on_chunk(const wire::BlobChunk& chunk, const Now& now, Outcome& out) {
  using Verdict = delivery::BlobFetcher::Verdict;
  auto taken = fetcher_.on_chunk(chunk, now);
  pump(now, out);
  switch (taken.verdict) {
    case Verdict::complete:
      unknown_.erase(chunk.sha256());
      missing_.erase(chunk.sha256());
      stored_.insert(chunk.sha256());
      out.put(rows::blob + chunk.sha256(), std::move(taken.bytes));
      return true;
    case Verdict::unknown:
      return unknown_.insert(chunk.sha256()).second;
    case Verdict::corrupt:
    case Verdict::too_long:
      out.log(LogLevel::warning, "the controller sent a blob that does not match its digest: asking again",
              {{"sha256", chunk.sha256()}});
      return false;
    case Verdict::ignored:
    case Verdict::progress:
      return false;
  }
  return false;
}

}  // namespace metalmesh::agent
