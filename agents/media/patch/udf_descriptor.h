// The pieces of UDF (ECMA-167, OSTA UDF 1.02 to 2.01) that a patcher reads and writes: descriptor tags with
// their checksums, file entries, file identifiers. Numbers are little-endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agents/media/byte_range.h"
#include "common/base/result.h"

namespace metalmesh::media {

enum class UdfTag : std::uint16_t {
  primary = 1,
  anchor = 2,
  pointer = 3,
  implementation = 4,
  partition = 5,
  logical_volume = 6,
  unallocated = 7,
  terminator = 8,
  integrity = 9,
  file_set = 256,
  file_identifier = 257,
  file_entry = 261,
  extended_file_entry = 266,
};

/// Whether `bytes` begins with this tag and its checksum and CRC hold.
bool has_udf_tag(std::string_view bytes, UdfTag tag);

/// Sets location, CRC (over `covered` bytes behind the tag) and checksum of the descriptor that `bytes`
/// begins with.
void seal_udf(std::string& bytes, std::uint64_t location, std::size_t covered);

/// A file entry of either kind, as it lies in its block, with the fields that matter here.
class UdfFileEntry {
 public:
  enum class Type : std::uint8_t { directory = 4, file = 5 };

  /// Errors: corrupt, unsupported (other kinds of files, other strategies, several extents, descriptors that
  /// continue elsewhere).
  static Result<UdfFileEntry> parse(std::string block);
  /// A new one; ownership, times and versions as in `parent`.
  static UdfFileEntry make(const UdfFileEntry& parent, Type type, std::uint64_t unique_id);

  [[nodiscard]] bool directory() const;
  [[nodiscard]] std::uint64_t links() const;
  void set_links(std::uint64_t links);
  [[nodiscard]] std::uint64_t length() const;
  /// The content is inside the entry itself.
  [[nodiscard]] bool embedded() const { return embedded_; }
  [[nodiscard]] std::string embedded_content() const;
  /// Room for content inside the entry.
  [[nodiscard]] std::size_t embedded_room() const { return block_.size() - content_at_; }
  /// First block in the partition; the content is contiguous from there. Not for embedded content.
  [[nodiscard]] std::uint64_t first_block() const { return first_block_; }

  void embed(std::string_view content);
  void point(std::uint64_t first_block, std::uint64_t length);
  /// The block, sealed for its place in the partition.
  [[nodiscard]] std::string sealed(std::uint64_t location) const;

 private:
  [[nodiscard]] bool extended() const;
  void set(std::size_t at, std::uint64_t value, std::size_t width);
  void set_length(std::uint64_t length, std::uint64_t blocks, unsigned descriptor_kind);

  std::string block_;
  std::size_t content_at_ = 0;  // allocation descriptors, or embedded content
  std::size_t content_bytes_ = 0;
  bool embedded_ = false;
  std::uint64_t first_block_ = 0;
};

/// One name in a directory.
struct UdfName {
  std::string name;  // what is not ASCII becomes '?'
  bool directory = false;
  bool deleted = false;
  bool parent = false;
  std::uint64_t block = 0;  // of its file entry
  std::size_t size = 0;     // of the identifier in the directory
};
/// The identifier at the beginning of `bytes`. Errors: corrupt.
Result<UdfName> parse_udf_name(std::string_view bytes);
/// Unsealed; an empty name makes the entry for the parent directory. `version` is the tag's version.
std::string make_udf_name(std::string_view name, bool directory, std::uint64_t block, std::uint64_t unique_id,
                          std::uint64_t version);

}  // namespace metalmesh::media
