// The site's image store: fetch (with resume), verify, keep, drop. Content-addressed by SHA-256.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

/// On disk, complete, its digest checked. `facts` says what the media room found inside.
struct ImageReady {
  std::string sha256;
  wire::ImageFacts facts;
};
struct ImageProgress {
  std::string sha256;
  std::uint64_t bytes = 0;
  std::uint64_t size = 0;
  bool operator==(const ImageProgress&) const = default;
};
/// Gave up for now (a later ImageFetch tries again and resumes). `corrupt` when the digest did not match.
struct ImageFailed {
  std::string sha256;
  bool corrupt = false;
  std::string detail;
  bool operator==(const ImageFailed&) const = default;
};

class ImageFiles {
 public:
  virtual ~ImageFiles() = default;
  /// Idempotent: fetching what is there answers ImageReady at once.
  virtual void fetch(ImageFetch fetch) = 0;
  virtual void drop(ImageDrop drop) = 0;
};

}  // namespace metalmesh
