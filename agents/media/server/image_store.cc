#include "agents/media/server/image_store.h"

#include <curl/curl.h>

#include <algorithm>

#include "agents/media/image_probe.h"
#include "agents/media/server/file_reader.h"
#include "agents/media/server/pipe_signal.h"

namespace metalmesh::media {
namespace {

using Why = ImageFailed::Why;

}  // namespace

Result<std::unique_ptr<ImageStore>> ImageStore::open(ImageStoreOptions options, Sink& sink, LogSink& log) {
  static const CURLcode curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (curl_ready != CURLE_OK) return fail(ErrorKind::internal, "libcurl cannot start");
  auto folder = ImageFolder::open(options.folder);
  if (!folder) return std::unexpected(folder.error());
  return std::unique_ptr<ImageStore>(new ImageStore(std::move(options), std::move(*folder), sink, log));
}

ImageStore::ImageStore(ImageStoreOptions options, ImageFolder folder, Sink& sink, LogSink& log)
    : options_(std::move(options)),
      folder_(std::move(folder)),
      sink_(sink),
      log_(log),
      share_(options_.share) {
  threads_.emplace_back([this] { work(checks_, &ImageStore::check); });
  for (unsigned i = 0; i < std::max(1U, options_.downloads); ++i) {
    threads_.emplace_back([this] { work(downloads_, &ImageStore::download); });
  }
  threads_.emplace_back([this] { look_after(); });
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
    sink_.deliver(
        ImageFailed{fetch.sha256, Why::unavailable, "the image's SHA-256 is not 64 lower-case hex digits"});
    return;
  }
  std::optional<wire::ImageFacts> facts;
  {
    const std::lock_guard lock(mutex_);
    const auto job = jobs_.find(fetch.sha256);
    if (job != jobs_.end()) {
      if (job->second->drop_after || job->second->found) job->second->again = std::move(fetch);
      return;
    }
    const auto known = ready_.find(fetch.sha256);
    if (known == ready_.end()) {
      enqueue(std::move(fetch));
      return;
    }
    facts = known->second;
  }
  tell_ready(fetch.sha256, std::move(*facts));
}

void ImageStore::tell_ready(const std::string& sha256, wire::ImageFacts facts) {
  const bool imported = folder_.imported(sha256).value_or(true);  // the next look tells better
  {
    const std::lock_guard lock(mutex_);
    imported ? (void)imported_.insert(sha256) : (void)imported_.erase(sha256);
  }
  sink_.deliver(ImageReady{sha256, std::move(facts), imported});
}

void ImageStore::enqueue(ImageFetch fetch, bool found) {
  auto job = std::make_shared<Job>();
  job->fetch = std::move(fetch);
  job->found = found;
  jobs_[job->fetch.sha256] = job;
  checks_.push_back(std::move(job));
  changed_.notify_all();
}

void ImageStore::drop(ImageDrop drop) {
  if (!is_image_name(drop.sha256)) return;
  const std::lock_guard lock(mutex_);
  ready_.erase(drop.sha256);
  const auto found = jobs_.find(drop.sha256);
  if (found == jobs_.end()) return folder_.remove_all(drop.sha256);
  found->second->cancelled = true;
  found->second->drop_after = true;
  found->second->again.reset();
}

void ImageStore::limit(ImageLimit limit) {
  auto plan = BandwidthPlan::from(limit.limits);
  if (!plan) {
    log_.write(
        {LogLevel::warning, "the site's images." + plan.error().message + ": fetches are not capped", {}});
    plan = BandwidthPlan();
  }
  const std::lock_guard lock(mutex_);
  bandwidth_ = std::move(*plan);
  share_.reserve = limit.limits.reserve() != 0 ? limit.limits.reserve() : options_.share.reserve;
  share_.maximum = limit.limits.maximum() != 0 ? limit.limits.maximum() : options_.share.maximum;
  changed_.notify_all();
}

void ImageStore::verify(ImageVerify verify) {
  const std::lock_guard lock(mutex_);
  if (!ready_.contains(verify.sha256)) return;
  doubted_.insert(std::move(verify.sha256));
  changed_.notify_all();
}

DiskShare ImageStore::share() {
  const std::lock_guard lock(mutex_);
  return share_;
}

bool ImageStore::pause(Duration time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [&] { return stopping_; });
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
  if (job->drop_after) {
    ready_.erase(job->fetch.sha256);
    folder_.remove_all(job->fetch.sha256);
  }
  if (job->again) enqueue(std::move(*job->again));
}

ImageStore::Next ImageStore::check(Job& job) {
  const std::string& name = job.fetch.sha256;
  const bool there_before = folder_.has(name);
  auto there = folder_.verified(name, job.cancelled);
  if (!there && there.error().kind == ErrorKind::corrupt && given_up(name, there.error())) {
    folder_.put_aside(name);
    rotten(name, there.error().message);
    there = false;
  } else if (there && !*there && there_before) {
    rotten(name, "it no longer has its digest");
  }
  if (!there) {
    give_up(job, {name, Why::unavailable, there.error().message});
    return Next::finished;
  }
  if (!*there) return job.found ? Next::finished : Next::download;
  announce(job);
  return Next::finished;
}

bool ImageStore::announce(Job& job) {
  const std::string path = folder_.image(job.fetch.sha256);
  auto reader = FileReader::open(path);
  auto facts = reader ? probe_image(*reader) : Result<wire::ImageFacts>(std::unexpected(reader.error()));
  if (!facts) {
    give_up(job, {job.fetch.sha256, Why::unavailable, facts.error().message});
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
  tell_ready(job.fetch.sha256, std::move(*facts));
  return true;
}

void ImageStore::give_up(const Job& job, ImageFailed failed) {
  if (job.cancelled) return;
  {
    // A fetch from here on is a new job.
    const std::lock_guard lock(mutex_);
    jobs_.erase(job.fetch.sha256);
  }
  if (job.found) return;
  failed.held = folder_.part_room(job.fetch.sha256) + folder_.aside_room(job.fetch.sha256);
  log_.write({LogLevel::warning, "image not available: " + failed.detail, {{"image", job.fetch.sha256}}});
  sink_.deliver(std::move(failed));
}

}  // namespace metalmesh::media
