#include "common/adapters/recording_ring.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>

namespace metalmesh::adapters {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view ending = ".rec";
constexpr std::uint64_t segments_in_ring = 8;
constexpr std::uint64_t least_ring = std::uint64_t{1} << 20U;
constexpr std::uint64_t look_every = std::uint64_t{1} << 20U;
/// A snapshot may be a quarter of the ring (see the wiring); the rest is for what comes while it is written.
constexpr std::uint64_t queue_share = 2;
constexpr std::size_t worth_a_write = std::size_t{64} << 10U;
constexpr auto gather = std::chrono::milliseconds(250);
/// After a gap; a snapshot costs too much to take one per lost frame.
constexpr auto least_between_snapshots = std::chrono::seconds(30);
constexpr std::size_t longest_recording = std::size_t{4} << 30U;

std::uint64_t number_of(const fs::path& file) {
  const std::string stem = file.stem().string();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
  return file.extension() == ending && error == std::errc() && end == stem.data() + stem.size() ? number : 0;
}

fs::path file_of(const fs::path& folder, std::uint64_t number) {
  return folder / fmt::format("{:08}{}", number, ending);
}

}  // namespace

std::vector<fs::path> recording_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code wrong;
  for (const auto& entry : fs::directory_iterator(folder, wrong)) {
    if (number_of(entry.path()) != 0) files.push_back(entry.path());
  }
  std::ranges::sort(files, {}, number_of);
  return files;
}

Result<std::vector<std::string>> read_recording(const fs::path& path) {
  std::error_code wrong;
  std::vector<std::string> segments;
  const auto files = fs::is_directory(path, wrong) ? recording_files(path) : std::vector{path};
  for (const fs::path& file : files) {
    auto bytes = os::read_file(file, longest_recording);
    if (!bytes) return std::unexpected(std::move(bytes.error()));
    segments.push_back(std::move(*bytes));
  }
  if (segments.empty()) return fail(ErrorKind::not_found, path.string() + " holds no recording");
  return segments;
}

Result<std::unique_ptr<RecordingRing>> RecordingRing::open(RingOptions options, LogSink& log) {
  options.bytes = std::max(options.bytes, least_ring);
  std::error_code wrong;
  fs::create_directories(options.folder, wrong);
  if (!wrong) fs::permissions(options.folder, fs::perms::owner_all, wrong);
  if (wrong) return fail(ErrorKind::denied, options.folder.string() + ": " + wrong.message());
  return std::unique_ptr<RecordingRing>(new RecordingRing(std::move(options), log));
}

RecordingRing::RecordingRing(RingOptions options, LogSink& log) : options_(std::move(options)), log_(log) {
  std::error_code wrong;
  for (const fs::path& file : recording_files(options_.folder)) {
    const std::uint64_t size = fs::file_size(file, wrong);
    segments_.emplace_back(number_of(file), wrong ? 0 : size);
    total_ += segments_.back().second;
  }
  writer_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

RecordingRing::~RecordingRing() = default;

void RecordingRing::begin_segment(std::uint64_t opening_bytes) {
  gap_ = false;
  long_ = false;
  begun_ = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  queue_.push_back({.bytes = {}, .opening_bytes = opening_bytes, .begins = true});
}

void RecordingRing::write(std::string frame) {
  if (gap_) {
    ++dropped_;
    return;
  }
  bool fits = false;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t bytes = queued_bytes_ + frame.size();
    fits = bytes <= options_.bytes / queue_share;
    if (fits) {
      wake = queued_bytes_ == 0 || (queued_bytes_ < worth_a_write && bytes >= worth_a_write);
      queued_bytes_ = bytes;
      enqueue(std::move(frame));
    }
  }
  if (wake) more_.notify_one();
  if (fits) return;
  lost("the disk is too slow for the flight recorder", 1);
}

/// Frames are small and come by the hundred: what waits together is written by one call.
void RecordingRing::enqueue(std::string frame) {
  const bool joins =
      !queue_.empty() && !queue_.back().begins && queue_.back().bytes.size() + frame.size() <= worth_a_write;
  if (!joins) return queue_.push_back({.bytes = std::move(frame), .frames = 1});
  queue_.back().bytes += frame;
  ++queue_.back().frames;
}

bool RecordingRing::segment_due() {
  if (long_) return true;
  return gap_ && std::chrono::steady_clock::now() - begun_ >= least_between_snapshots;
}

void RecordingRing::lost(std::string_view why, std::uint64_t frames) {
  gap_ = true;
  const std::uint64_t before = dropped_.fetch_add(frames);
  const std::uint64_t count = before + frames;
  if (std::bit_width(count) == std::bit_width(before)) return;  // noise must not fill a disk
  log_.write({LogLevel::warning,
              std::string(why) + ": what happens now is not recorded",
              {{"dropped", std::to_string(count)}, {"folder", options_.folder.string()}}});
}

void RecordingRing::work(const std::stop_token& stop) {
  while (true) {
    std::deque<Entry> taken;
    {
      std::unique_lock lock(mutex_);
      more_.wait(lock, stop, [this] { return !queue_.empty(); });
      if (queue_.empty()) return;
      // A wake-up per frame would cost more than all the rest of it.
      more_.wait_for(lock, stop, gather, [this] { return queued_bytes_ >= worth_a_write; });
      taken.swap(queue_);
      queued_bytes_ = 0;
    }
    for (Entry& entry : taken) store(std::move(entry));
  }
}

void RecordingRing::store(Entry entry) {
  if (entry.begins) {
    file_ = os::Fd();
    long_from_ = std::max(options_.bytes / segments_in_ring, 2 * entry.opening_bytes);
    if (!open_next()) lost("the flight recorder cannot open a file", 1);
    return;
  }
  if (!file_) {
    dropped_ += entry.frames;
    return;
  }
  make_room(entry.bytes.size());
  if (!disk_has_room()) {
    file_ = os::Fd();
    return lost("the disk has no room for the flight recorder", entry.frames);
  }
  if (!os::write_all(file_.get(), entry.bytes)) {
    file_ = os::Fd();
    return lost("the flight recorder cannot write", entry.frames);
  }
  segments_.back().second += entry.bytes.size();
  total_ += entry.bytes.size();
  until_look_ -= std::min<std::uint64_t>(until_look_, entry.bytes.size());
  if (segments_.back().second >= long_from_) long_ = true;
}

bool RecordingRing::open_next() {
  const std::uint64_t number = segments_.empty() ? 1 : segments_.back().first + 1;
  file_ = os::Fd(
      ::open(file_of(options_.folder, number).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file_) segments_.emplace_back(number, 0);
  return static_cast<bool>(file_);
}

void RecordingRing::make_room(std::uint64_t bytes) {
  std::error_code wrong;
  while (segments_.size() > 1 && total_ + bytes > options_.bytes) {
    fs::remove(file_of(options_.folder, segments_.front().first), wrong);
    total_ -= segments_.front().second;
    segments_.pop_front();
  }
}

bool RecordingRing::disk_has_room() {
  if (until_look_ != 0) return room_;
  until_look_ = look_every;
  struct statvfs disk{};
  room_ = ::statvfs(options_.folder.c_str(), &disk) == 0 &&
          std::uint64_t{disk.f_bavail} * disk.f_frsize > 2 * options_.reserve_bytes + look_every;
  if (!room_) until_look_ = 0;
  return room_;
}

}  // namespace metalmesh::adapters
