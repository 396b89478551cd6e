// One transfer of an image into its part file: https, http or file, resumed where the part ends when the
// source allows it. Blocks; runs on a worker of the image store.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "agents/media/server/image_folder.h"
#include "common/base/result.h"

namespace metalmesh::media {

struct DownloadOptions {
  std::string ca_file;              // PEM; empty: the system's
  std::uint64_t reserve_bytes = 0;  // never filled
  long connect_seconds = 20;        // NOLINT(google-runtime-int): libcurl's type
  long silence_seconds = 60;        // NOLINT(google-runtime-int): no byte for this long ends the transfer
};

struct DownloadOrder {
  std::string sha256;
  std::string url;
  std::uint64_t size = 0;  // 0: unknown
};

/// Fills the part. `told` gets (bytes so far, size or 0) at most once a second. The part is kept on errors,
/// so that the next attempt resumes. Kinds: unavailable, not_found, exhausted (disk), corrupt (longer than it
/// should be), invalid (URL).
Status download_image(ImageFolder& folder, const DownloadOrder& order, const DownloadOptions& options,
                      const std::atomic<bool>& cancelled,
                      const std::function<void(std::uint64_t, std::uint64_t)>& told);

/// `url` without user, password and query: fit for messages.
std::string printable_url(const std::string& url);

}  // namespace metalmesh::media
