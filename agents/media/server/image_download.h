// One transfer of an image into its part file: https, http or file, resumed where the part ends when the
// source allows it. Blocks; runs on a worker of the image store.
//
// Disk is asked for when the source has answered, so that no image has to make room for one that no source
// gives. What is there is never given up for less: a source that ignores ranges is read from its beginning
// over what is there, one that offers another size is refused before it touches a byte. Only a source that
// provably changed its own content empties the part. Whether all bytes came from one content of one source is
// remembered (PartOrigin::mixed), so that a digest that does not match can be blamed on the right one.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "agents/media/server/file_source.h"
#include "agents/media/server/image_folder.h"
#include "agents/media/server/image_sources.h"
#include "common/base/result.h"

namespace metalmesh::media {

struct DownloadOptions {
  ImageSources sources;
  std::string ca_file;        // PEM; besides the system's
  long connect_seconds = 20;  // NOLINT(google-runtime-int): libcurl's type. A file: source has it to open
  long silence_seconds = 60;  // NOLINT(google-runtime-int): slower than `least_rate` for this long ends it; a
                              // file: source that gives nothing at all
  long least_rate = 8192;     // NOLINT(google-runtime-int): bytes per second
};

struct DownloadOrder {
  std::string sha256;
  std::string url;
  std::uint64_t size = 0;  // 0: unknown
  bool alone = false;      // go on only with what provably came from this very source; else begin anew
};

/// The store's side of a transfer. All are called from the thread of the transfer.
struct DownloadWatch {
  const std::atomic<bool>& cancelled;
  FileSources& files;
  DiskShare share;
  std::function<void(std::uint64_t bytes, std::uint64_t size)> told;  // at most once a second
  std::function<void(std::size_t bytes)> pace;                        // returns when they may be taken
};

struct DownloadEnd {
  Status status;  // unavailable, not_found, exhausted (disk), corrupt (another size), invalid (URL)
  std::uint64_t gained = 0;  // bytes that the part has more than before
  bool slow = false;         // it was given up for its rate, not by the source
  std::uint64_t size = 0;    // of the image, as far as known
  std::string came;          // bytes and type, as far as the source gave any
};

/// Fills the part. It is kept on errors, so that the next attempt resumes.
DownloadEnd download_image(ImageFolder& folder, const DownloadOrder& order, const DownloadOptions& options,
                           const DownloadWatch& watch);

/// `url` without user, password and query: fit for messages.
std::string printable_url(const std::string& url);

}  // namespace metalmesh::media
