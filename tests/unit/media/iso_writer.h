// Builds small ISO 9660 images in memory: plain names, optional Rock Ridge names and El Torito entry. The
// returned bytes are meant to be damaged by tests, so the layout is simple: directories first, then files.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace metalmesh::media::test {

inline constexpr std::size_t sector = 2048;

class IsoWriter {
 public:
  bool rock_ridge = true;
  std::string volume_id = "UNIT_TEST";
  std::string boot_image;          // path of a file that El Torito points to; empty: not bootable
  std::size_t longest_extent = 0;  // whole sectors; longer files get several extents; 0: no limit

  /// One directory level: "/boot/vmlinuz" or "/answer.txt".
  void add(const std::string& path, std::string content);
  /// A symbolic link of Rock Ridge, with the target as it is stored.
  void link(const std::string& path, std::string target) { links_[path] = std::move(target); }
  [[nodiscard]] std::string build();
  /// Byte offset of a file in the image that `build` made.
  [[nodiscard]] std::uint64_t offset_of(const std::string& path) const { return offsets_.at(path); }
  /// Byte offset of a directory's extent ("" is the root).
  [[nodiscard]] std::uint64_t directory_offset(const std::string& name) const {
    return directories_.at(name);
  }

 private:
  std::map<std::string, std::string> files_;
  std::map<std::string, std::string> links_;
  std::map<std::string, std::uint64_t> offsets_;
  std::map<std::string, std::uint64_t> directories_;
};

/// A typical installer: loader configuration, kernel, initrd, placeholder of `room` bytes, a large rest.
IsoWriter installer_iso(std::size_t room = 4096);

}  // namespace metalmesh::media::test
