// An image that is open, asked for bytes without waiting for the disk that it lies on: what is in memory is
// had at once, everything else is for DiskPool. Belongs to the loop's thread but for `read`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/media/server/file_handle.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace metalmesh::media {

class ImageFile {
 public:
  static Result<std::shared_ptr<ImageFile>> open(const std::string& path);
  ~ImageFile();
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;

  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// When it was opened.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// What is at its path: this file, another one (an image that had rotted was fetched anew), or none (it was
  /// put aside).
  enum class Place { same, replaced, gone };
  [[nodiscard]] Place place() const;

  /// How many bytes from `offset` on, `length` at most, the kernel has without the disk; 0 where that cannot
  /// be known. A block that was there a moment ago is not asked about again: asking costs a tenth of sending.
  [[nodiscard]] std::size_t in_memory(std::uint64_t offset, std::size_t length, MonoTime now);
  /// Copies what can be had without the disk; returns how much.
  std::size_t read_now(std::uint64_t offset, char* into, std::size_t length, MonoTime now);

  struct Got {
    std::string bytes;  // up to the end, or to where the disk failed
    std::string why;    // what kept it from giving all that was asked for; empty: nothing
  };
  /// Waits for the disk, for as long as it takes. For any thread.
  [[nodiscard]] Got read(std::uint64_t offset, std::size_t length) const;

 private:
  ImageFile(std::string path, FileHandle file, std::uint64_t size, std::uint64_t device, std::uint64_t inode);
  void map();
  /// The bytes of a block that are there, from its byte `at` on.
  std::size_t in_block(std::uint64_t block, std::size_t at, MonoTime now);

  std::string path_;
  FileHandle file_;
  std::uint64_t size_;
  std::uint64_t device_;
  std::uint64_t inode_;
  void* pages_ = nullptr;              // never touched, only asked about
  std::uint64_t mapped_ = 0;           // bytes from the file's beginning
  std::vector<MonoTime> whole_until_;  // by block: so long it is taken for there, as it was when last asked
  bool reads_now_ = true;              // the file system can tell what it has
};

}  // namespace metalmesh::media
