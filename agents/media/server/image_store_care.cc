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
  } while (pause(options_.look_every));
}

/// What was imported, and what no longer counts as imported.
void ImageStore::take_in_found() {
  std::vector<wire::ImageFacts> released;
  for (const std::string& name : folder_.images()) {
    const bool imported = folder_.imported(name);
    const std::lock_guard lock(mutex_);
    const auto known = ready_.find(name);
    if (known == ready_.end()) {
      if (!jobs_.contains(name)) enqueue({name, 0, {}}, true);
    } else if (imported != imported_.contains(name)) {
      released.push_back(known->second);
    }
  }
  for (const wire::ImageFacts& facts : released) tell_ready(facts.sha256(), facts);
}

/// The image that has not been verified for the longest, if that is too long and nothing else goes on.
std::optional<std::string> ImageStore::due_for_verification() {
  const std::lock_guard lock(mutex_);
  if (!jobs_.empty()) return std::nullopt;
  auto oldest = std::chrono::system_clock::now() - options_.verify_every;
  std::optional<std::string> due;
  for (const auto& [name, facts] : ready_) {
    const auto at = folder_.verified_at(name).value_or(std::chrono::system_clock::time_point());
    if (at > oldest) continue;
    oldest = at;
    due = name;
  }
  return due;
}

void ImageStore::verify_again(const std::string& sha256) {
  Pacer disk;
  bool interrupted = false;
  const auto digest = digest_of(folder_.image(sha256), [&](std::size_t bytes) {
    std::unique_lock lock(mutex_);
    const Duration wait = disk.take(bytes, options_.verify_rate, now());
    interrupted = changed_.wait_for(lock, wait, [&] { return stopping_ || !jobs_.empty(); });
    return !interrupted;
  });
  if (interrupted) return;  // there will be a quieter hour
  // A machine out of files or memory says nothing about the image; it is looked at again.
  if (!digest && digest.error().kind != ErrorKind::corrupt && folder_.has(sha256)) return;
  {
    // Under the lock, so that no fetch finds the image between its leaving memory and its leaving the disk.
    const std::lock_guard lock(mutex_);
    if (!ready_.contains(sha256)) return;  // dropped meanwhile
    if (digest == sha256) return folder_.note_verified(sha256);
    ready_.erase(sha256);
    folder_.remove_all(sha256);
  }
  const std::string seen = digest ? "its SHA-256 has become " + *digest : digest.error().message;
  log_.write(
      {LogLevel::error, "an image has rotted on this disk and is removed: " + seen, {{"image", sha256}}});
  sink_.deliver(ImageFailed{sha256, ImageFailed::Why::rotten, seen});
}

}  // namespace metalmesh::media
