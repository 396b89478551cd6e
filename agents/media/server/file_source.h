// file: sources of images, read on threads that nobody waits for. A file system whose server is gone neither
// answers nor fails, and a thread that asked it cannot be called back: so who wants the bytes waits for at
// most a deadline, and who asks again while the first question is still open is told so at once. At most
// `most_hung` threads hang at a time. Such a thread ends with its file system or with the process, which it
// does not keep.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "agents/media/server/image_sources.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace metalmesh::media {

/// The path of a file: URL, with %41 and the like resolved; `invalid` when it names another machine.
Result<std::string> path_of_file_url(const std::string& url);

class FileSources {
 public:
  static constexpr std::size_t most_hung = 8;

  FileSources();
  ~FileSources();
  FileSources(const FileSources&) = delete;
  FileSources& operator=(const FileSources&) = delete;

  /// One file, from `offset` to its end. Used by one thread.
  class Reading {
   public:
    ~Reading();
    Reading(Reading&&) noexcept;
    Reading& operator=(Reading&& other) noexcept;
    /// Of the whole file, when it was opened.
    [[nodiscard]] std::uint64_t size() const;
    /// The next bytes, in the order of the file; empty at its end. Fails with `unavailable`: the file system
    /// failed or gave nothing in time, or `cancelled`.
    Result<std::string> next(Duration patience, const std::atomic<bool>& cancelled);

   private:
    friend class FileSources;
    struct State;
    explicit Reading(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
  };

  /// Regular files only: a pipe or a device has no end to wait for. And only what lies below a folder of `sources`, whatever
  /// links lead there: of others nothing is told, not even whether they exist. Kinds: not_found, invalid, unavailable.
  Result<Reading> open(const std::string& path, const ImageSources& sources, std::uint64_t offset,
                       Duration patience, const std::atomic<bool>& cancelled);

 private:
  struct Hung;
  std::shared_ptr<Hung> hung_;  // shared with the threads, which may outlive this
};

}  // namespace metalmesh::media
