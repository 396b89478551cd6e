#include "agents/media/server/file_source.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "agents/media/server/file_handle.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t piece_bytes = 256U << 10;
/// How often who waits looks whether it was cancelled.
constexpr Duration look_every = std::chrono::milliseconds(100);
/// A thread that was left ends at once, unless it hangs.
constexpr Duration leave_taking = std::chrono::seconds(1);

MonoTime now() { return MonoTime(std::chrono::steady_clock::now().time_since_epoch()); }

std::string seconds(Duration time) {
  return std::to_string(std::chrono::round<std::chrono::seconds>(time).count()) + " s";
}

std::unexpected<Error> os_failure(const std::string& path) {
  const int code = errno;
  const ErrorKind kind = code == ENOENT || code == ENOTDIR ? ErrorKind::not_found : ErrorKind::unavailable;
  return fail(kind, path + ": " + std::error_code(code, std::generic_category()).message());
}

/// The same words, whatever is there.
std::unexpected<Error> nothing_there() {
  return fail(ErrorKind::not_found,
              "no file below the folders of this site's images: the agent's configuration names them "
              "(imageSources.folders), and links must not lead out of them");
}

/// By where the file that was opened really is, so that no link can change in between.
bool lies_below(const FileHandle& file, const ImageSources& sources) {
  std::error_code code;
  const auto real = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file.get()), code);
  if (code) return false;
  ImageSources resolved;
  for (const auto& folder : sources.folders) {
    if (auto there = std::filesystem::canonical(folder, code); !code)
      resolved.folders.push_back(std::move(there));
  }
  return resolved.have(real);
}

}  // namespace

Result<std::string> path_of_file_url(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  char* text = nullptr;
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_PATH, &text, CURLU_URLDECODE) != CURLUE_OK) {
    return fail(ErrorKind::invalid, "no file: URL of this machine; it looks like file:///path/to/image.iso");
  }
  const std::unique_ptr<char, decltype(&curl_free)> path(text, &curl_free);
  return std::string(path.get());
}

/// The questions that nobody waits for any more and that file systems have not answered yet.
struct FileSources::Hung {
  std::mutex mutex;
  std::map<std::string, MonoTime> since;  // by path
};

/// Shared by who wants the bytes and the thread that reads them.
struct FileSources::Reading::State {
  State(std::shared_ptr<Hung> hung_questions, std::string what, ImageSources from)
      : hung(std::move(hung_questions)), path(std::move(what)), sources(std::move(from)) {}

  const std::shared_ptr<Hung> hung;
  const std::string path;
  const ImageSources sources;
  std::mutex mutex;  // taken before that of `hung`
  std::condition_variable changed;
  MonoTime asked = now();  // when the next piece began to be waited for
  bool opened = false;
  bool left = false;   // nobody wants it any more
  bool ended = false;  // the thread asks nothing any more
  std::uint64_t size = 0;
  std::optional<Result<std::string>> piece;

  /// Of the reading thread. False when nobody wants more.
  bool give(Result<std::string> next) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return left || !piece; });
    if (left) return false;
    piece = std::move(next);
    changed.notify_all();
    return piece->has_value() && !(*piece)->empty();
  }
  void read(std::uint64_t offset);
  void end() {
    const std::lock_guard lock(mutex);
    ended = true;
    const std::lock_guard hung_lock(hung->mutex);
    hung->since.erase(path);
  }
};

void FileSources::Reading::State::read(std::uint64_t offset) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    give(os_failure(path));
    return;
  }
  if (!lies_below(file, sources)) {
    give(nothing_there());
    return;
  }
  if (!S_ISREG(status.st_mode)) {
    give(fail(ErrorKind::invalid, path + " is no regular file"));
    return;
  }
  {
    const std::lock_guard lock(mutex);
    opened = true;
    size = static_cast<std::uint64_t>(status.st_size);
    changed.notify_all();
  }
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  for (;;) {
    std::string bytes(piece_bytes, '\0');
    const auto got = ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      give(os_failure(path));
      return;
    }
    bytes.resize(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
    if (!give(std::move(bytes))) return;
  }
}

FileSources::FileSources() : hung_(std::make_shared<Hung>()) {}
FileSources::~FileSources() = default;

FileSources::Reading::Reading(std::shared_ptr<State> state) : state_(std::move(state)) {}
FileSources::Reading::Reading(Reading&&) noexcept = default;
FileSources::Reading& FileSources::Reading::operator=(Reading&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

FileSources::Reading::~Reading() {
  if (!state_) return;
  const std::lock_guard lock(state_->mutex);
  state_->left = true;
  state_->changed.notify_all();
  if (state_->ended) return;
  const std::lock_guard hung_lock(state_->hung->mutex);
  state_->hung->since.emplace(state_->path, state_->asked);
}

std::uint64_t FileSources::Reading::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->size;
}

Result<std::string> FileSources::Reading::next(Duration patience, const std::atomic<bool>& cancelled) {
  const MonoTime until = now() + patience;
  std::unique_lock lock(state_->mutex);
  state_->asked = now();
  while (!state_->piece) {
    if (cancelled) return fail(ErrorKind::unavailable, "stopped");
    if (now() >= until)
      return fail(ErrorKind::unavailable, "the file system has given nothing for " + seconds(patience));
    state_->changed.wait_for(lock, look_every);
  }
  Result<std::string> piece = std::move(*state_->piece);
  state_->piece.reset();
  state_->changed.notify_all();
  return piece;
}

Result<FileSources::Reading> FileSources::open(const std::string& path, const ImageSources& sources,
                                               std::uint64_t offset, Duration patience,
                                               const std::atomic<bool>& cancelled) {
  if (!sources.have(path)) return nothing_there();
  {
    const std::lock_guard lock(hung_->mutex);
    const auto asked = hung_->since.find(path);
    if (asked != hung_->since.end() && now() - asked->second > leave_taking)
      return fail(ErrorKind::unavailable, path + ": the file system has not answered for " +
                                              seconds(now() - asked->second) +
                                              " and is asked again when it does");
    if (hung_->since.size() >= most_hung)
      return fail(ErrorKind::unavailable, path + ": not asked for, because " + std::to_string(most_hung) +
                                              " other file: sources do not answer");
  }
  Reading reading(std::make_shared<Reading::State>(hung_, path, sources));
  Reading::State& state = *reading.state_;
  try {
    std::thread([shared = reading.state_, offset] {
      shared->read(offset);
      shared->end();
    }).detach();
  } catch (const std::system_error& error) {
    state.ended = true;
    return fail(ErrorKind::unavailable, std::string("no thread to read ") + path + ": " + error.what());
  }
  const MonoTime until = now() + patience;
  std::unique_lock lock(state.mutex);
  while (!state.opened && !state.piece) {
    if (cancelled) return fail(ErrorKind::unavailable, "stopped");
    if (now() >= until)
      return fail(ErrorKind::unavailable,
                  path + ": the file system has not answered for " + seconds(patience));
    state.changed.wait_for(lock, look_every);
  }
  if (state.piece && !state.piece->has_value()) return std::unexpected(std::move(state.piece->error()));
  lock.unlock();
  return reading;
}

}  // namespace metalmesh::media
