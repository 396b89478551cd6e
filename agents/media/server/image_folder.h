// The files of the image store: where each image lives, and how it is known to be whole.
//
//   <sha256>.iso    complete and verified
//   <sha256>.ok     its size and modification time at verification; without a matching one it is hashed
//   again.
//                   A second line tells that it was imported
//   <sha256>.aside  was the image until its content could not be trusted any more. Whoever reads it may go
//   on;
//                   nothing new begins with it. It goes when a good one is there, an imported one never
//                   before
//   <sha256>.part   being fetched; survives restarts and is resumed
//   <sha256>.from   what the part came from
//   *.import        being copied, and locked, by `metalmesh-agent image import`, which may run beside the
//   agent
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agents/media/server/file_handle.h"
#include "common/base/result.h"

namespace metalmesh::media {

/// Whether `sha256` is 64 lower-case hex digits, and so safe as a file name.
bool is_image_name(const std::string& sha256);

/// What a part was fetched from, for If-Range and for telling who is to blame.
struct PartOrigin {
  std::string url;        // the last source
  std::string validator;  // empty: it gave none
  bool mixed = false;     // not provably all of one content of one source
  bool operator==(const PartOrigin&) const = default;
};

/// What the store may take of the disk.
struct DiskShare {
  std::uint64_t reserve = 1ULL << 30;  // bytes that images never fill
  std::uint64_t maximum = 0;           // of all images together; 0: what the disk has
};

/// What lies in the folder of one image.
struct StoredImage {
  std::string sha256;
  bool whole = false;      // otherwise a part that is being fetched, or one put aside
  bool aside = false;      // its content could not be trusted any more
  std::uint64_t size = 0;  // of what is there
  bool imported = false;   // never removed to make room
  std::string source;      // of a part: the URL it came from last
  std::optional<std::chrono::system_clock::time_point> verified_at;
};

/// Sees each piece of a file that is read or copied; false ends the work with `unavailable`.
using OnBytes = std::function<bool(std::size_t)>;

/// SHA-256 of a file's content in hex. Fails with `corrupt` when the disk cannot give it: that may pass, and
/// says nothing about what is on it.
Result<std::string> digest_of(const std::string& path, const OnBytes& go_on);

class ImageFolder {
 public:
  /// Creates the folder if it is missing, removes what an import that was killed left there.
  static Result<ImageFolder> open(std::string path);

  [[nodiscard]] std::string image(const std::string& sha256) const { return path_ + "/" + sha256 + ".iso"; }
  [[nodiscard]] std::string part(const std::string& sha256) const { return path_ + "/" + sha256 + ".part"; }

  [[nodiscard]] std::string aside(const std::string& sha256) const { return path_ + "/" + sha256 + ".aside"; }

  /// Whether the complete image is there; hashes it unless its marker matches. False and put aside when its
  /// content is not what its name says. Fails with `corrupt` when the disk cannot give it. `cancelled` stops
  /// the hashing with `unavailable`.
  Result<bool> verified(const std::string& sha256, const std::atomic<bool>& cancelled);
  /// Verifies the part and makes it the image, durably. Fails with `corrupt` when its content is another;
  /// that part is deleted, like one that the disk cannot give back (`unavailable`).
  Status promote(const std::string& sha256, const std::atomic<bool>& cancelled);
  [[nodiscard]] std::uint64_t part_size(const std::string& sha256) const;
  /// Bytes of the disk that the part owns already, be they written or only set aside.
  [[nodiscard]] std::uint64_t part_room(const std::string& sha256) const;
  [[nodiscard]] std::optional<PartOrigin> origin(const std::string& sha256) const;
  void remember_origin(const std::string& sha256, const PartOrigin& origin);
  void remove_part(const std::string& sha256);
  /// The image is one no more, but stays on the disk for those who read it. Its marker stays, so that it is
  /// known whether it was imported.
  void put_aside(const std::string& sha256);
  /// What was put aside is the image again: its content was found to be right.
  Status take_back(const std::string& sha256);
  [[nodiscard]] bool has_aside(const std::string& sha256) const;
  [[nodiscard]] std::uint64_t aside_room(const std::string& sha256) const;
  void remove_all(const std::string& sha256);

  /// Copies a file that is no download in as an image, verifies the copy as it is on the disk, and makes it
  /// ready in one step. Returns its digest. `expected`: the digest it must have, empty for any; `corrupt`
  /// when it has not, `exhausted` naming the bytes when they do not fit. Nothing is left behind on errors.
  Result<std::string> import_file(const std::string& from, const std::string& expected,
                                  const DiskShare& share, const OnBytes& go_on);

  /// Images that are complete, verified or not.
  [[nodiscard]] std::vector<std::string> images() const;
  [[nodiscard]] bool has(const std::string& sha256) const;
  /// Fails with `unavailable` when that cannot be told now: then it must be taken for one that was.
  [[nodiscard]] Result<bool> imported(const std::string& sha256) const;
  /// Those that were put aside and are not back.
  [[nodiscard]] std::vector<std::string> asides() const;
  /// All of it, parts too, by digest.
  [[nodiscard]] std::vector<StoredImage> contents() const;
  /// An imported image becomes one like others, and may be removed to make room. `not_found` without an image
  /// of that name, `unavailable` while it is not verified yet.
  Status release(const std::string& sha256);
  /// When the image was last verified; nothing if it never was in its present state.
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> verified_at(
      const std::string& sha256) const;
  /// It was verified just now.
  void note_verified(const std::string& sha256);

  /// How many bytes have to be freed before `more` fit into the share; 0 when they fit now.
  [[nodiscard]] std::uint64_t missing(const DiskShare& share, std::uint64_t more) const;
  /// Fails with `exhausted`, naming the bytes that are needed and free.
  [[nodiscard]] Status room_for(const DiskShare& share, std::uint64_t more) const;
  /// Claims the room of `size` bytes for a file of this folder, so that no two that grow side by side, be it
  /// in two processes, count on the same bytes. False when the file system cannot do that; `exhausted` as
  /// above.
  [[nodiscard]] Result<bool> set_aside(const FileHandle& file, const DiskShare& share,
                                       std::uint64_t size) const;

 private:
  explicit ImageFolder(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] std::string marker(const std::string& sha256) const { return path_ + "/" + sha256 + ".ok"; }
  Status write_marker(const std::string& sha256, bool imported);
  Result<std::string> copy_verified(const std::string& from, const std::string& copy,
                                    const std::string& expected, const DiskShare& share,
                                    const OnBytes& go_on);
  [[nodiscard]] std::vector<std::string> named(const char* suffix) const;
  [[nodiscard]] std::uint64_t free_bytes() const;
  [[nodiscard]] std::uint64_t taken_bytes() const;
  [[nodiscard]] Status sync_folder() const;

  std::string path_;
};

}  // namespace metalmesh::media
