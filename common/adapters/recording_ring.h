// A ring of segment files for the flight recorder: 00000001.rec, 00000002.rec, ... (0600) in a folder of its
// own (0700). It never takes more than it may, the oldest segments go first, and it stays away from the
// disk's reserve. A thread of its own writes; whoever records never waits for the disk. Nothing is synced:
// after a kill the kernel still has what was written, and a last frame that is not whole is skipped by
// readers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/log.h"
#include "common/base/result.h"
#include "common/os/files.h"
#include "common/recording/recorder.h"

namespace metalmesh::adapters {

struct RingOptions {
  std::filesystem::path folder;
  std::uint64_t bytes = std::uint64_t{64} << 20U;          // of all segments together
  std::uint64_t reserve_bytes = std::uint64_t{64} << 20U;  // of the disk: twice as much stays free
};

class RecordingRing final : public recording::RecordSink {
 public:
  /// Kinds: denied, internal. `log` must outlive the ring.
  static Result<std::unique_ptr<RecordingRing>> open(RingOptions options, LogSink& log);
  /// Writes what is still queued.
  ~RecordingRing() override;

  /// One thread.
  void begin_segment(std::uint64_t opening_bytes) override;
  void write(std::string frame) override;
  bool segment_due() override;

  /// Frames that were lost so far: the disk was too slow or too full.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  struct Entry {
    std::string bytes;
    std::uint64_t frames = 0;
    std::uint64_t opening_bytes = 0;  // of a segment that begins here
    bool begins = false;
  };
  RecordingRing(RingOptions options, LogSink& log);

  void enqueue(std::string frame);
  void work(const std::stop_token& stop);
  void store(Entry entry);
  bool open_next();
  void make_room(std::uint64_t bytes);
  [[nodiscard]] bool disk_has_room();
  void lost(std::string_view why, std::uint64_t frames);

  RingOptions options_;
  LogSink& log_;

  std::mutex mutex_;
  std::condition_variable_any more_;
  std::deque<Entry> queue_;
  std::size_t queued_bytes_ = 0;

  std::atomic<std::uint64_t> dropped_ = 0;
  std::atomic<bool> gap_ = false;   // the segment has lost frames; none go in any more
  std::atomic<bool> long_ = false;  // the segment is long enough
  std::chrono::steady_clock::time_point begun_;

  // The writer's own.
  os::Fd file_;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> segments_;  // number and bytes, oldest first
  std::uint64_t total_ = 0;
  std::uint64_t long_from_ = 0;   // bytes at which this segment is long
  std::uint64_t until_look_ = 0;  // bytes until the disk is looked at again
  bool room_ = true;
  std::jthread writer_;  // last: it uses all of the above
};

/// The segments of a ring, oldest first, or the one file that `path` is. Bounded by what a ring may be.
Result<std::vector<std::string>> read_recording(const std::filesystem::path& path);
/// Their files, oldest first.
std::vector<std::filesystem::path> recording_files(const std::filesystem::path& folder);

}  // namespace metalmesh::adapters
