// The files of an image by their paths: what a package tree serves, straight out of the ISO. Names come from
// Rock Ridge where the image has it, else from Joliet, else from the plain tree. Symbolic links are followed
// within the image; one that leads out of it ends at its root, as in a chroot.
//
// A tree is read once and never changes. It holds paths and extents, about 200 bytes for each file.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agents/media/block_reader.h"
#include "agents/media/iso9660.h"
#include "agents/media/overlay.h"
#include "common/base/result.h"

namespace metalmesh::media {

class PackageTree {
 public:
  /// Fails with `corrupt` or `unsupported` when the image has no tree that can be read whole, or with the
  /// device's error.
  static Result<PackageTree> read(BlockReader& image);

  struct Nothing {};
  /// Names in it, sorted; directories end in '/'. Empty directories are not known.
  struct Directory {
    std::vector<std::string> names;
  };
  using Found = std::variant<Nothing, const IsoFile*, Directory>;
  /// `path` is "/" or "/a/b", from `tree_path`.
  [[nodiscard]] Found find(std::string_view path) const;

  [[nodiscard]] std::size_t size() const { return files_.size(); }

 private:
  [[nodiscard]] const IsoFile* file_at(std::string_view path) const;
  [[nodiscard]] std::vector<std::string> names_in(const std::string& directory) const;
  std::vector<IsoFile> files_;  // by path
};

/// The path that the rest of a URL behind the tree's root asks for: escapes undone, a query cut off, slashes
/// as they should be. Fails with `invalid` for bad escapes and for "." and "..", however they are written:
/// clients resolve these themselves, and nothing in a tree is called so.
Result<std::string> tree_path(std::string_view url_rest);

/// What of the image makes up `range` of the file's content.
std::vector<Segment> segments_of(const IsoFile& file, const ByteRange& range);

/// A page for people (and for clients that walk trees). `url` is the path of the directory as it was asked
/// for.
std::string listing_page(const PackageTree::Directory& directory, std::string_view url);

}  // namespace metalmesh::media
