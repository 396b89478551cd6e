// The files of the image store: where each image lives, and how it is known to be whole.
//
//   <sha256>.iso    complete and verified
//   <sha256>.ok     its size and modification time at verification; without a matching one it is hashed again
//   <sha256>.part   being fetched; survives restarts and is resumed
//   <sha256>.from   URL and validator of the part
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace metalmesh::media {

/// Whether `sha256` is 64 lower-case hex digits, and so safe as a file name.
bool is_image_name(const std::string& sha256);

/// What a part was fetched from, for If-Range.
struct PartOrigin {
  std::string url;
  std::string validator;
};

class ImageFolder {
 public:
  /// Creates the folder if it is missing.
  static Result<ImageFolder> open(std::string path);

  [[nodiscard]] std::string image(const std::string& sha256) const { return path_ + "/" + sha256 + ".iso"; }
  [[nodiscard]] std::string part(const std::string& sha256) const { return path_ + "/" + sha256 + ".part"; }

  /// Whether the complete image is there; hashes it unless its marker matches. False and deleted when its
  /// content is not what its name says. `cancelled` stops the hashing with `unavailable`.
  Result<bool> verified(const std::string& sha256, const std::atomic<bool>& cancelled);
  /// Verifies the part and makes it the image, durably. Fails with `corrupt` (the part is deleted).
  Status promote(const std::string& sha256, const std::atomic<bool>& cancelled);
  [[nodiscard]] std::uint64_t part_size(const std::string& sha256) const;
  [[nodiscard]] std::optional<PartOrigin> origin(const std::string& sha256) const;
  void remember_origin(const std::string& sha256, const PartOrigin& origin);
  void remove_part(const std::string& sha256);
  void remove_all(const std::string& sha256);
  [[nodiscard]] std::uint64_t free_bytes() const;

 private:
  explicit ImageFolder(std::string path) : path_(std::move(path)) {}
  Status write_marker(const std::string& sha256);
  [[nodiscard]] Status sync_folder() const;

  std::string path_;
};

}  // namespace metalmesh::media
