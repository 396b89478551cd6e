#include "agents/media/server/disk_pool.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace metalmesh::media {
namespace {

/// What a disk loses at once, at least.
constexpr std::uint64_t failed_bytes = 4096;
constexpr std::size_t most_failures = 1024;
constexpr Duration farewell = std::chrono::seconds(1);

}  // namespace

/// What the loop and the threads share; outlives the pool while a thread waits for its disk.
struct DiskPool::Shared {
  struct Task {
    std::uint64_t number = 0;
    std::shared_ptr<ImageFile> file;
    std::uint64_t offset = 0;
    std::size_t length = 0;
  };
  struct Done {
    std::uint64_t number = 0;
    DiskReply reply;
  };

  Shared(std::function<void()> wake_loop, unsigned most)
      : wake(std::move(wake_loop)), most_threads(most), most_per_file(std::max(1U, most - most / 4)) {}

  /// The first that may be read now: one image's disk must not hold all threads.
  std::deque<Task>::iterator next() {
    return std::ranges::find_if(tasks, [&](const Task& task) {
      const auto there = busy.find(task.file.get());
      return there == busy.end() || there->second < most_per_file;
    });
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      ++idle;
      changed.wait(lock, [&] { return stopping || next() != tasks.end(); });
      --idle;
      if (stopping) break;
      const auto chosen = next();
      const Task task = std::move(*chosen);
      tasks.erase(chosen);
      ++busy[task.file.get()];
      lock.unlock();
      ImageFile::Got got = task.file->read(task.offset, task.length);
      lock.lock();
      if (--busy[task.file.get()] == 0) busy.erase(task.file.get());
      done.push_back({task.number,
                      {task.file,
                       task.offset,
                       std::make_shared<const std::string>(std::move(got.bytes)),
                       std::move(got.why),
                       false,
                       {}}});
      if (wake) wake();
      changed.notify_one();  // a place at this file is free
    }
    --alive;
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> wake;  // not after the pool is gone
  const unsigned most_threads;
  const unsigned most_per_file;
  unsigned alive = 0;
  unsigned idle = 0;
  bool stopping = false;
  std::deque<Task> tasks;
  std::map<const ImageFile*, unsigned> busy;
  std::vector<Done> done;
};

DiskPool::DiskPool(std::function<void()> wake, unsigned threads)
    : shared_(std::make_shared<Shared>(std::move(wake), std::max(1U, threads))) {}

DiskPool::~DiskPool() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->wake = nullptr;
  shared_->tasks.clear();
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, farewell, [&] { return shared_->alive == 0; });
}

void DiskPool::ask(ConnId reader, const std::shared_ptr<ImageFile>& file, std::uint64_t offset,
                   MonoTime now) {
  if (const Failed* failed = failed_at(file, offset, now)) {
    at_once_.push_back({file, offset, std::make_shared<const std::string>(), failed->why, true, {reader}});
    const std::lock_guard lock(shared_->mutex);
    return shared_->wake();
  }
  const Place extent(file.get(), offset / extent_bytes);
  if (const auto known = extents_.find(extent); known != extents_.end()) {
    UnderWay& read = under_way_.at(known->second);
    if (read.offset <= offset) return read.readers.push_back(reader);
  }
  const std::uint64_t number = ++asked_;
  under_way_[number] = {offset, {reader}};
  extents_[extent] = number;
  const std::uint64_t extent_end = (offset / extent_bytes + 1) * extent_bytes;
  const std::uint64_t end = std::min(extent_end, std::max(file->size(), offset + 1));
  const std::lock_guard lock(shared_->mutex);
  shared_->tasks.push_back({number, file, offset, static_cast<std::size_t>(end - offset)});
  if (shared_->idle < shared_->tasks.size() && shared_->alive < shared_->most_threads) {
    ++shared_->alive;
    std::thread([shared = shared_] {
      ::pthread_setname_np(::pthread_self(), "media disk");
      shared->work();
    }).detach();
  }
  shared_->changed.notify_one();
}

std::vector<DiskReply> DiskPool::take(MonoTime now) {
  std::vector<DiskReply> replies = std::exchange(at_once_, {});
  std::vector<Shared::Done> done;
  {
    const std::lock_guard lock(shared_->mutex);
    done.swap(shared_->done);
  }
  for (Shared::Done& each : done) {
    const auto read = under_way_.find(each.number);
    each.reply.readers = std::move(read->second.readers);
    under_way_.erase(read);
    const Place extent(each.reply.file.get(), each.reply.offset / extent_bytes);
    if (const auto known = extents_.find(extent); known != extents_.end() && known->second == each.number)
      extents_.erase(known);
    if (!each.reply.why.empty()) note_failure(each.reply, now);
    replies.push_back(std::move(each.reply));
  }
  return replies;
}

void DiskPool::note_failure(const DiskReply& reply, MonoTime now) {
  if (failed_.size() >= most_failures)
    std::erase_if(failed_, [&](const auto& item) { return item.second.until <= now; });
  if (failed_.size() >= most_failures) return;
  failed_[{reply.file.get(), reply.end() / failed_bytes}] = {reply.file, now + failed_for, reply.why};
}

const DiskPool::Failed* DiskPool::failed_at(const std::shared_ptr<ImageFile>& file, std::uint64_t offset,
                                            MonoTime now) {
  const auto found = failed_.find({file.get(), offset / failed_bytes});
  if (found == failed_.end()) return nullptr;
  if (found->second.until > now && found->second.file.lock() == file) return &found->second;
  failed_.erase(found);
  return nullptr;
}

}  // namespace metalmesh::media
