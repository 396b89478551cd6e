// The store looks after what is there: takes in what was imported, verifies again what is ready.
#include <chrono>

#include "agents/media/server/image_store.h"
#include "agents/media/server/pipe_signal.h"
#include "common/os/clocks.h"

namespace metalmesh::media {
namespace {

MonoTime now() { return os::boot_time(); }

}  // namespace

void ImageStore::look_after() {
  block_pipe_signal();
  do {
    take_in_found();
    if (const auto due = due_for_verification()) verify_again(*due);
    if (aside_due_ && now() < *aside_due_) continue;
    aside_due_ = now() + options_.aside_again;
    for (const std::string& name : folder_.asides()) look_at_aside(name);
  } while (wait_for_work());
}

/// Until it is time to look again, or an image is doubted; false when the store stops.
bool ImageStore::wait_for_work() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, options_.look_every, [&] { return stopping_ || !doubted_.empty(); });
  return !stopping_;
}

/// What was imported, and what no longer counts as imported.
void ImageStore::take_in_found() {
  std::vector<wire::ImageFacts> released;
  for (const std::string& name : folder_.images()) {
    const auto imported = folder_.imported(name);
    const std::lock_guard lock(mutex_);
    const auto known = ready_.find(name);
    if (known == ready_.end()) {
      if (!jobs_.contains(name) && !rests(name)) enqueue({name, 0, {}}, true);
    } else if (imported && *imported != imported_.contains(name)) {
      released.push_back(known->second);
    }
  }
  for (const wire::ImageFacts& facts : released) tell_ready(facts.sha256(), facts);
}

/// The image that has not been verified for the longest, if that is too long and nothing else goes on.
std::optional<std::string> ImageStore::due_for_verification() {
  const std::lock_guard lock(mutex_);
  if (!doubted_.empty()) return *doubted_.begin();
  if (!jobs_.empty()) return std::nullopt;
  auto oldest = std::chrono::system_clock::now() - options_.verify_every;
  std::optional<std::string> due;
  for (const auto& [name, facts] : ready_) {
    const auto at = folder_.verified_at(name).value_or(std::chrono::system_clock::time_point());
    if (at > oldest || rests(name)) continue;
    oldest = at;
    due = name;
  }
  return due;
}

bool ImageStore::rests(const std::string& sha256) const {
  const auto found = unread_.find(sha256);
  return found != unread_.end() && now() < found->second.next;
}

bool ImageStore::given_up(const std::string& sha256, const Error& error) {
  const std::lock_guard lock(mutex_);
  Unread& unread = unread_[sha256];
  if (now() >= unread.next) {
    ++unread.tries;
    unread.next = now() + options_.read_again;
    log_.write({LogLevel::warning,
                "the disk does not give an image (try " + std::to_string(unread.tries) + " of " +
                    std::to_string(options_.read_tries) + "): " + error.message,
                {{"image", sha256}}});
  }
  if (unread.tries < options_.read_tries) return false;
  unread_.erase(sha256);
  return true;
}

std::optional<Result<std::string>> ImageStore::digest_quietly(const std::string& path, bool doubted) {
  Pacer disk;
  bool interrupted = false;
  auto digest = digest_of(path, [&](std::size_t bytes) {
    std::unique_lock lock(mutex_);
    const Duration wait = disk.take(bytes, options_.verify_rate, now());
    interrupted = changed_.wait_for(lock, wait, [&] { return stopping_ || (!doubted && !jobs_.empty()); });
    return !interrupted;
  });
  if (interrupted) return std::nullopt;
  return digest;
}

void ImageStore::verify_again(const std::string& sha256) {
  const bool doubted = [&] {
    const std::lock_guard lock(mutex_);
    return doubted_.erase(sha256) > 0;
  }();
  const auto digest = digest_quietly(folder_.image(sha256), doubted);
  if (!digest) return;  // there will be a quieter hour
  const bool unread = !*digest && digest->error().kind == ErrorKind::corrupt;
  // A machine out of files or memory says nothing about the image; it is looked at again.
  if (!*digest && !unread && folder_.has(sha256)) return;
  if (unread && !given_up(sha256, digest->error())) return;
  {
    // Under the lock, so that no fetch finds the image between its leaving memory and its leaving its place.
    const std::lock_guard lock(mutex_);
    if (!ready_.contains(sha256)) return;  // dropped meanwhile
    if (*digest == sha256) {
      unread_.erase(sha256);
      return folder_.note_verified(sha256);
    }
    ready_.erase(sha256);
    folder_.put_aside(sha256);
  }
  rotten(sha256, *digest ? "its SHA-256 has become " + **digest : digest->error().message);
}

void ImageStore::rotten(const std::string& sha256, const std::string& seen) {
  const bool imported = folder_.imported(sha256).value_or(true);
  log_.write({LogLevel::error,
              "an image has rotted on this disk and is put aside: " + seen,
              {{"image", sha256}, {"aside", folder_.aside(sha256)}}});
  ImageFailed failed{sha256, ImageFailed::Why::rotten, seen};
  failed.held = folder_.part_room(sha256) + folder_.aside_room(sha256);
  failed.imported = imported;
  sink_.deliver(std::move(failed));
}

/// A disk or a file system may have been away only.
void ImageStore::look_at_aside(const std::string& sha256) {
  const auto digest = digest_quietly(folder_.aside(sha256), false);
  if (!digest || *digest != sha256) return;
  const std::lock_guard lock(mutex_);
  if (jobs_.contains(sha256) || folder_.has(sha256) || !folder_.has_aside(sha256)) return;
  if (!folder_.take_back(sha256)) return;
  log_.write({LogLevel::info, "an image that was put aside is whole", {{"image", sha256}}});
  enqueue({sha256, 0, {}}, true);
}

}  // namespace metalmesh::media
