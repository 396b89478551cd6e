// The FAT file system of a boot image inside an installer image (efiboot.img): finds a file by its path, long
// or short name, and gives it other content. Source: Microsoft's FAT specification 1.03.
//
// Nothing is added and nothing moves but the file's own clusters. The input may be hostile: chains are
// followed as far as the volume has clusters, every offset is checked by the canvas.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/media/patch/canvas.h"

namespace metalmesh::media {

class FatVolume {
 public:
  /// Nothing: there is no FAT file system at `offset`.
  static Result<std::optional<FatVolume>> open(Canvas& canvas, std::uint64_t offset);

  [[nodiscard]] ByteRange extent() const {
    return {offset_, data_at_ - offset_ + std::uint64_t{clusters_} * cluster_bytes_};
  }
  struct File {
    std::string path;  // "/EFI/BOOT/grub.cfg"
    std::uint64_t size = 0;
    std::uint32_t cluster = 0;
  };
  /// At most `most`, of at most 256 folders.
  Result<std::vector<File>> files(Canvas& canvas, std::size_t most);
  /// Of a file that `files` gave.
  Result<std::string> content(Canvas& canvas, const File& file) const;
  /// False: there is no such file. Fails with `exhausted` when the volume has no room for the content.
  Result<bool> replace(Canvas& canvas, const std::vector<std::string>& path, const std::string& content);

 private:
  struct Entry {
    std::uint64_t at = 0;  // of the 32-byte entry, in the canvas
    std::string name;      // the long one, if it has one
    std::string short_name;
    bool directory = false;
    std::uint32_t cluster = 0;
    std::uint64_t size = 0;
  };
  /// A directory's bytes and where each stretch of them lies.
  struct Listing {
    std::string bytes;
    std::vector<ByteRange> where;
    [[nodiscard]] std::uint64_t place_of(std::size_t at) const;
  };

  Result<Listing> list(Canvas& canvas, std::uint32_t cluster) const;  // 0: the root
  Result<std::vector<Entry>> entries(Canvas& canvas, std::uint32_t directory) const;
  Result<std::optional<Entry>> find(Canvas& canvas, std::uint32_t directory, const std::string& name) const;
  Result<std::vector<std::uint32_t>> chain(std::uint32_t first) const;
  Status load_table(Canvas& canvas);
  [[nodiscard]] std::uint32_t link_of(std::uint32_t cluster) const;
  void set_link(std::uint32_t cluster, std::uint32_t value);
  Status write_table(Canvas& canvas, const std::string& before) const;
  Status adjust_free_count(Canvas& canvas, std::int64_t by) const;
  [[nodiscard]] std::uint64_t offset_of(std::uint32_t cluster) const {
    return data_at_ + std::uint64_t{cluster - 2} * cluster_bytes_;
  }
  [[nodiscard]] bool valid(std::uint32_t cluster) const { return cluster >= 2 && cluster < clusters_ + 2; }

  std::uint64_t offset_ = 0;
  std::uint64_t sector_bytes_ = 0;
  std::uint64_t cluster_bytes_ = 0;
  std::uint64_t table_at_ = 0;
  std::uint64_t table_bytes_ = 0;
  std::uint64_t tables_ = 0;
  ByteRange fixed_root_;  // FAT12 and FAT16
  std::uint32_t root_cluster_ = 0;
  std::uint64_t info_at_ = 0;  // FSInfo of FAT32; 0: none
  std::uint64_t data_at_ = 0;
  std::uint32_t clusters_ = 0;
  unsigned bits_ = 0;  // 12, 16 or 32
  std::string table_;
};

}  // namespace metalmesh::media
