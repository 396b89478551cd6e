// The site's image store: fetch (with resume), verify, keep, drop. Content-addressed by SHA-256.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/wire/images.pb.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh {

struct ImageFetch {
  std::string sha256;             // hex
  std::uint64_t size = 0;         // bytes; 0 when unknown
  std::vector<std::string> urls;  // https:, http: or file:; tried in order
  bool operator==(const ImageFetch&) const = default;
};
struct ImageDrop {
  std::string sha256;
  bool operator==(const ImageDrop&) const = default;
};
/// Its bytes could not be read: whether it is still what it was is to be found out now.
struct ImageVerify {
  std::string sha256;
  bool operator==(const ImageVerify&) const = default;
};

/// On disk, complete, its digest checked. `facts` says what the media room found inside.
struct ImageReady {
  std::string sha256;
  wire::ImageFacts facts;
  bool imported = false;  // somebody carried it here: it may be that no source can give it again
};
struct ImageProgress {
  std::string sha256;
  std::uint64_t bytes = 0;
  std::uint64_t size = 0;
  bool operator==(const ImageProgress&) const = default;
};
/// Gave up for now; a later ImageFetch tries again and resumes.
struct ImageFailed {
  enum class Why {
    unavailable,  // no source gave it
    corrupt,      // what the sources gave does not have the digest
    no_room,      // `missing` more bytes would have to be free
    rotten,       // it was verified once and can be trusted no more: it is put aside for those who read it,
                  // until a good one is there or it is dropped
  };
  std::string sha256;
  Why why = Why::unavailable;
  std::string detail;
  std::uint64_t missing = 0;
  std::uint64_t held = 0;  // bytes of the disk that what was fetched so far, or was put aside, keeps
  bool imported = false;   // with `rotten`: as in ImageReady
  bool operator==(const ImageFailed&) const = default;
};
/// What the store may take of disk and line, from now on.
struct ImageLimit {
  wire::ImageLimits limits;
};

class ImageFiles {
 public:
  virtual ~ImageFiles() = default;
  /// Idempotent: fetching what is there answers ImageReady at once.
  virtual void fetch(ImageFetch fetch) = 0;
  /// When this returns the room of an image that was ready is free, if nobody reads it any more.
  virtual void drop(ImageDrop drop) = 0;
  virtual void limit(ImageLimit limit) = 0;
  /// Of an image that is ready: nothing, or ImageFailed when it has rotted. Others are verified anyway.
  virtual void verify(ImageVerify verify) = 0;
};

}  // namespace metalmesh
