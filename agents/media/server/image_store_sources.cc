// The store's half of a fetch: which source is asked next, for how long, and which one is to blame.
#include <algorithm>
#include <chrono>

#include "agents/media/server/image_store.h"
#include "common/os/clocks.h"

namespace metalmesh::media {
namespace {

using Why = ImageFailed::Why;

/// A cut after less than this is no cut, but a source that does not give.
constexpr std::uint64_t worth_going_on = 65536;
constexpr Duration between_cuts = std::chrono::milliseconds(100);

MonoTime now() { return os::boot_time(); }
WallTime wall() { return os::wall_time(); }

}  // namespace

struct ImageStore::Trial {
  bool alone = false;           // each source by itself, because a mixed image did not have the digest
  bool resumed = false;         // what was there before it began is part of what is verified
  std::uint64_t gained = 0;     // in this round
  std::uint64_t size = 0;       // as far as known
  std::set<std::string> liars;  // URLs whose content is not the image
  std::vector<std::pair<std::string, std::string>>
      words;  // the last of each source, in the order of the URLs

  void note(const std::string& url, const std::string& text) {
    const std::string name = printable_url(url);
    const auto known = std::ranges::find(words, name, [](const auto& one) { return one.first; });
    if (known == words.end()) {
      words.emplace_back(name, text);
    } else {
      known->second = text;
    }
  }
  [[nodiscard]] std::string told() const {
    std::string all;
    for (const auto& [url, text] : words) all += (all.empty() ? "" : "; ") + url + ": " + text;
    return all;
  }
};

ImageStore::Next ImageStore::download(Job& job) {
  const std::string& name = job.fetch.sha256;
  Trial trial;
  trial.size = job.fetch.size;
  trial.resumed = folder_.part_size(name) > 0;
  Status done = fail(ErrorKind::unavailable, "the image is not at this site and has no source");
  do {
    trial.gained = 0;
    if (!job.fetch.urls.empty()) done = try_sources(job, trial);
    if (job.cancelled) return Next::finished;
    if (!done && folder_.has(name)) {  // somebody brought it meanwhile
      if (const auto there = folder_.verified(name, job.cancelled); there && *there) done = {};
    }
    if (done) {
      folder_.remove_part(name);
      announce(job);
      return Next::finished;
    }
  } while (done.error().kind != ErrorKind::exhausted && trial.gained >= worth_going_on &&
           pause(between_cuts));
  ImageFailed failed{name, Why::unavailable, trial.words.empty() ? done.error().message : trial.told()};
  if (done.error().kind == ErrorKind::exhausted) {
    const std::uint64_t owned = folder_.part_room(name);
    const std::uint64_t more = trial.size > owned ? trial.size - owned : 1;
    failed.why = Why::no_room;
    failed.missing = std::max<std::uint64_t>(1, folder_.missing(share(), more));
  } else if (!trial.liars.empty() && std::ranges::all_of(job.fetch.urls, [&](const auto& url) {
               return trial.liars.contains(url);
             })) {
    failed.why = Why::corrupt;
  }
  give_up(job, std::move(failed));
  return Next::finished;
}

/// One round over the sources. Fails with the kind of the last that was tried.
Status ImageStore::try_sources(Job& job, Trial& trial) {
  Status done = fail(ErrorKind::corrupt, "no source has the image");
  for (std::size_t i = 0; i < job.fetch.urls.size(); ++i) {
    const std::string& url = job.fetch.urls[i];
    if (trial.liars.contains(url)) continue;
    const bool was_alone = trial.alone;
    done = try_source(job, url, trial);
    if (done || job.cancelled || folder_.has(job.fetch.sha256)) return done;
    if (done.error().kind == ErrorKind::exhausted) return done;       // another mirror does not make room
    if (trial.alone && !was_alone) i = static_cast<std::size_t>(-1);  // from the first again, each by itself
  }
  if (trial.alone) trial.gained = 0;  // sources that undo each other's parts would go on for ever
  return done;
}

/// One source, for as long as it gives: a cut after it gave something is no reason to leave it.
Status ImageStore::try_source(Job& job, const std::string& url, Trial& trial) {
  const std::string& name = job.fetch.sha256;
  const DownloadWatch watch{
      job.cancelled, files_, share(),
      [&](std::uint64_t bytes, std::uint64_t size) { sink_.deliver(ImageProgress{name, bytes, size}); },
      [&](std::size_t bytes) { pace_download(bytes, job.cancelled); }};
  DownloadEnd end;
  do {
    end = download_image(folder_, {name, url, job.fetch.size, trial.alone}, options_.download, watch);
    trial.gained += end.gained;
    if (end.size > 0) trial.size = end.size;
  } while (!end.status && !end.slow && end.gained >= worth_going_on && !job.cancelled && !folder_.has(name) &&
           end.status.error().kind == ErrorKind::unavailable && pause(between_cuts));
  Status done = std::move(end.status);
  std::string culprit = url;
  bool mixed = false;
  if (done) {
    if (const auto origin = folder_.origin(name)) {
      culprit = origin->url;
      mixed = origin->mixed || trial.resumed;  // a machine that lost power may have damaged what it had
    }
    done = folder_.promote(name, job.cancelled);
    if (!done && done.error().kind == ErrorKind::corrupt && !end.came.empty())
      done.error().message += "; it gave " + end.came;
  }
  if (done || job.cancelled) return done;
  if (done.error().kind == ErrorKind::corrupt && mixed && !trial.alone) {
    trial.alone = true;
    trial.note(culprit, "together with what was fetched before: " + done.error().message);
    log_.write({LogLevel::warning,
                "what was fetched at several times or places does not fit: each source is tried by itself",
                {{"image", name}}});
    return done;
  }
  if (done.error().kind == ErrorKind::corrupt) {
    trial.liars.insert(culprit);
    log_.write({LogLevel::warning,
                "source refused: " + printable_url(culprit) + ": " + done.error().message,
                {{"image", name}}});
  }
  trial.note(culprit, done.error().message);
  return done;
}

void ImageStore::pace_download(std::size_t bytes, const std::atomic<bool>& cancelled) {
  std::unique_lock lock(mutex_);
  const auto cap = bandwidth_.cap_at(wall());
  if (!cap) return;
  const Duration wait = line_.take(bytes, *cap, now());
  // A cap that is lifted meanwhile ends the wait with the next piece; pieces are small.
  changed_.wait_for(lock, wait, [&] { return stopping_ || cancelled; });
}

}  // namespace metalmesh::media
