// Adds and replaces files in the UDF file system of an image (plain, or beside ISO 9660), as Windows media
// have it: one partition of type 1, written once. Names are appended to their directory, which moves to the
// end when its last block is full; the partition grows over what was added, and a new anchor closes the
// medium.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/media/patch/canvas.h"
#include "agents/media/patch/iso_tree_patch.h"
#include "agents/media/patch/udf_descriptor.h"

namespace metalmesh::media {

class UdfPatch {
 public:
  /// Errors: corrupt, unsupported (several, metadata, virtual or writable partitions).
  static Result<UdfPatch> open(Canvas& canvas);

  /// Where the file's content is now; nothing: there is no such file.
  Result<std::optional<ByteRange>> locate(Canvas& canvas, const std::vector<std::string>& path);
  /// Adds or replaces the file, making directories on the way.
  Status put(Canvas& canvas, const std::vector<std::string>& path, const FileContent& content);
  /// Draws everything; once, after all else is on the canvas, because the last sector becomes an anchor.
  Status finish(Canvas& canvas);

 private:
  struct Node {
    std::uint64_t block = 0;  // of its file entry, in the partition
    bool fresh = false;
    UdfFileEntry entry;
    std::string names;  // the directory's content
    bool changed = false;
    std::map<std::string, std::unique_ptr<Node>> children;  // those that were entered, by name
  };

  Status read_volume(Canvas& canvas, std::uint64_t sector, std::uint64_t count);
  Status take_logical_volume(std::string_view descriptor);
  Result<UdfFileEntry> entry_at(Canvas& canvas, std::uint64_t block) const;
  Result<std::unique_ptr<Node>> load(Canvas& canvas, std::uint64_t block) const;
  Result<std::optional<UdfName>> find(const Node& node, const std::string& name) const;
  Result<Node*> enter(Canvas& canvas, Node& node, const std::string& name, bool make);
  Result<Node*> make_directory(Canvas& canvas, Node& node, const std::string& name);
  std::uint64_t append_entry(Canvas& canvas) { return canvas.allocate(iso_sector) - partition_; }
  Status store(Canvas& canvas, std::uint64_t block, const UdfFileEntry& entry, bool fresh) const;
  Status draw(Canvas& canvas, Node& node);
  Status grow_partition(Canvas& canvas);

  std::vector<std::uint64_t> partition_descriptors_;  // sectors: main and reserve
  std::uint64_t partition_ = 0;                       // first sector
  std::uint64_t partition_number_ = 0;
  std::optional<std::uint64_t> file_set_;  // block in the partition
  std::uint64_t integrity_ = 0;            // sector
  std::uint64_t next_id_ = 16;
  std::uint64_t files_added_ = 0;
  std::uint64_t directories_added_ = 0;
  std::unique_ptr<Node> root_;
};

}  // namespace metalmesh::media
