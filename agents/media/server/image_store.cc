#include "agents/media/server/image_store.h"

#include <curl/curl.h>

#include "agents/media/image_probe.h"
#include "agents/media/server/file_reader.h"
#include "agents/media/server/pipe_signal.h"

namespace metalmesh::media {

Result<std::unique_ptr<ImageStore>> ImageStore::open(ImageStoreOptions options, Sink& sink, LogSink& log) {
  static const CURLcode curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (curl_ready != CURLE_OK) return fail(ErrorKind::internal, "libcurl cannot start");
  auto folder = ImageFolder::open(options.folder);
  if (!folder) return std::unexpected(folder.error());
  return std::unique_ptr<ImageStore>(new ImageStore(std::move(options), std::move(*folder), sink, log));
}

ImageStore::ImageStore(ImageStoreOptions options, ImageFolder folder, Sink& sink, LogSink& log)
    : options_(std::move(options)), folder_(std::move(folder)), sink_(sink), log_(log) {
  threads_.emplace_back([this] { work(checks_, &ImageStore::check); });
  for (unsigned i = 0; i < std::max(1U, options_.downloads); ++i) {
    threads_.emplace_back([this] { work(downloads_, &ImageStore::download); });
  }
}

ImageStore::~ImageStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [name, job] : jobs_) job->cancelled = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ImageStore::fetch(ImageFetch fetch) {
  if (!is_image_name(fetch.sha256)) {
    sink_.deliver(ImageFailed{fetch.sha256, false, "the image's SHA-256 is not 64 lower-case hex digits"});
    return;
  }
  std::optional<wire::ImageFacts> facts;
  {
    const std::lock_guard lock(mutex_);
    const auto job = jobs_.find(fetch.sha256);
    if (job != jobs_.end()) {
      if (job->second->drop_after) job->second->again = std::move(fetch);
      return;
    }
    const auto known = ready_.find(fetch.sha256);
    if (known == ready_.end()) {
      enqueue(std::move(fetch));
      return;
    }
    facts = known->second;
  }
  sink_.deliver(ImageReady{fetch.sha256, std::move(*facts)});
}

void ImageStore::enqueue(ImageFetch fetch) {
  auto job = std::make_shared<Job>();
  job->fetch = std::move(fetch);
  jobs_[job->fetch.sha256] = job;
  checks_.push_back(std::move(job));
  changed_.notify_all();
}

void ImageStore::drop(ImageDrop drop) {
  if (!is_image_name(drop.sha256)) return;
  const std::lock_guard lock(mutex_);
  ready_.erase(drop.sha256);
  auto found = jobs_.find(drop.sha256);
  if (found == jobs_.end()) {
    enqueue({drop.sha256, 0, {}});
    found = jobs_.find(drop.sha256);
  }
  found->second->cancelled = true;
  found->second->drop_after = true;
  found->second->again.reset();
}

void ImageStore::work(std::deque<JobPtr>& lane, Next (ImageStore::*step)(Job&)) {
  block_pipe_signal();
  while (true) {
    JobPtr job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !lane.empty(); });
      if (stopping_) return;
      job = std::move(lane.front());
      lane.pop_front();
    }
    const Next next = job->cancelled ? Next::finished : (this->*step)(*job);
    if (next == Next::finished) {
      finish(job);
      continue;
    }
    const std::lock_guard lock(mutex_);
    downloads_.push_back(std::move(job));
    changed_.notify_all();
  }
}

void ImageStore::finish(const JobPtr& job) {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(job->fetch.sha256);
  if (found != jobs_.end() && found->second == job) jobs_.erase(found);
  if (!job->drop_after) return;
  ready_.erase(job->fetch.sha256);
  folder_.remove_all(job->fetch.sha256);
  if (job->again) enqueue(std::move(*job->again));
}

ImageStore::Next ImageStore::check(Job& job) {
  auto there = folder_.verified(job.fetch.sha256, job.cancelled);
  if (!there) {
    give_up(job, false, there.error().message);
    return Next::finished;
  }
  if (!*there) return Next::download;
  announce(job);
  return Next::finished;
}

ImageStore::Next ImageStore::download(Job& job) {
  const std::string& name = job.fetch.sha256;
  std::string trouble;
  bool corrupt = false;
  for (const std::string& url : job.fetch.urls) {
    DownloadOptions options;
    options.ca_file = options_.ca_file;
    options.reserve_bytes = options_.reserve_bytes;
    options.silence_seconds = options_.silence_seconds;
    Status done = download_image(
        folder_, {name, url, job.fetch.size}, options, job.cancelled,
        [&](std::uint64_t bytes, std::uint64_t size) { sink_.deliver(ImageProgress{name, bytes, size}); });
    if (done) done = folder_.promote(name, job.cancelled);
    if (done) {
      announce(job);
      return Next::finished;
    }
    if (job.cancelled) return Next::finished;
    if (done.error().kind == ErrorKind::corrupt) folder_.remove_part(name);
    corrupt = corrupt || done.error().kind == ErrorKind::corrupt;
    if (!trouble.empty()) trouble += "; ";
    trouble += printable_url(url) + ": " + done.error().message;
    if (done.error().kind == ErrorKind::exhausted) break;  // another mirror does not make room
  }
  give_up(job, corrupt, job.fetch.urls.empty() ? "the image is not at this site and has no source" : trouble);
  return Next::finished;
}

bool ImageStore::announce(Job& job) {
  const std::string path = folder_.image(job.fetch.sha256);
  auto reader = FileReader::open(path);
  auto facts = reader ? probe_image(*reader) : Result<wire::ImageFacts>(std::unexpected(reader.error()));
  if (!facts) {
    give_up(job, false, facts.error().message);
    return false;
  }
  facts->set_path(path);
  facts->set_sha256(job.fetch.sha256);
  {
    const std::lock_guard lock(mutex_);
    if (job.drop_after) return false;
    ready_[job.fetch.sha256] = *facts;
    jobs_.erase(job.fetch.sha256);  // a fetch from here on is answered from `ready_`
  }
  sink_.deliver(ImageReady{job.fetch.sha256, std::move(*facts)});
  return true;
}

void ImageStore::give_up(const Job& job, bool corrupt, const std::string& detail) {
  if (job.cancelled) return;
  {
    // A fetch from here on is a new job.
    const std::lock_guard lock(mutex_);
    jobs_.erase(job.fetch.sha256);
  }
  log_.write({LogLevel::warning, "image not available: " + detail, {{"image", job.fetch.sha256}}});
  sink_.deliver(ImageFailed{job.fetch.sha256, corrupt, detail});
}

}  // namespace metalmesh::media
