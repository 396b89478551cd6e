// What one transfer of an image has in common whatever its source: where the next byte goes, whether the disk
// has room, what is remembered of its origin. For .cc files of this room only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agents/media/server/file_handle.h"
#include "agents/media/server/image_download.h"

namespace metalmesh::media {

/// State of one attempt at one source.
struct Transfer {
  ImageFolder& folder;
  const DownloadOrder& order;
  const DownloadOptions& options;
  const DownloadWatch& watch;
  std::optional<PartOrigin> before;  // of the bytes that are there
  std::uint64_t resumed_from = 0;
  FileHandle file{};
  std::uint64_t at = 0;    // where the next byte goes
  std::uint64_t size = 0;  // as far as known
  std::uint64_t next_space_check = 0;
  bool set_aside = false;  // the disk gave room for the whole image
  bool began = false;
  bool range_refused = false;
  bool slow = false;
  std::string validator;  // of the content that the source gives now; empty: it gives none
  std::string type;       // as the source calls it
  bool html = false;      // what came looks like it
  std::chrono::steady_clock::time_point told_at{};

  /// What is there is this source's, and it can tell whether its content is still the same.
  [[nodiscard]] bool can_prove() const {
    return before && before->url == order.url && !before->validator.empty();
  }
  /// "2048 bytes of type text/html that look like HTML (a login or error page?)"
  [[nodiscard]] std::string came(std::uint64_t bytes) const;
};

/// What a source says about the content whose first bytes it gives.
struct Offer {
  bool ranged = false;                 // from where the part ends, not from the beginning
  std::optional<std::uint64_t> total;  // bytes of the whole content
};

/// Opens the part, to go on where it ends.
Status open_part(Transfer& transfer);
/// Before the first byte: decides between going on and starting over, and asks for room. `first`: those
/// bytes.
Status begin_content(Transfer& transfer, const Offer& offer, std::string_view first);
Status store_content(Transfer& transfer, std::string_view bytes);
/// Between two pieces: tells how far it is. False when the transfer must end: it was cancelled, or somebody
/// brought the image meanwhile.
bool go_on(Transfer& transfer);

}  // namespace metalmesh::media
