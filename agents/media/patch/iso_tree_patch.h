// Adds and replaces files in one directory tree of an ISO 9660 image: that of the primary descriptor (Rock
// Ridge or plain names) or that of the Joliet descriptor. The content is already on the canvas; here it gets
// its record, and what no longer fits where it was moves: directories, path tables, and all that points
// there.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/media/patch/iso_directory.h"

namespace metalmesh::media {

struct FileContent {
  std::uint64_t sector = 0;
  std::uint64_t size = 0;
};

/// What a tree with better names says about a file: this one may have shortened them beyond recognition.
struct FormerFile {
  std::optional<ByteRange> content;  // that is replaced; nothing: the file is new
  std::size_t depth = 0;             // so many directories of its path exist
};

class IsoTreePatch {
 public:
  /// `descriptor` is the offset of a primary or Joliet volume descriptor.
  static Result<IsoTreePatch> open(Canvas& canvas, std::uint64_t descriptor, bool joliet);

  [[nodiscard]] IsoNaming naming() const { return dialect_.naming; }
  /// Where the file's content is now; nothing: there is no such file. Errors as for `put`.
  Result<std::optional<ByteRange>> locate(Canvas& canvas, const std::vector<std::string>& path);
  /// How many of the path's directories there are.
  Result<std::size_t> depth_of(Canvas& canvas, const std::vector<std::string>& path);
  /// Adds or replaces the file, making directories on the way. Errors: unsupported (relocated directories,
  /// files in several extents, links, names that fit several files), corrupt.
  Status put(Canvas& canvas, const std::vector<std::string>& path, const FileContent& content,
             const FormerFile& former);
  /// Draws everything; once.
  Status finish(Canvas& canvas);

 private:
  struct Node {
    IsoDirectory directory;
    Node* parent = nullptr;  // null: the root
    std::string identifier;  // in the parent
    std::uint64_t sector = 0;
    std::map<std::string, std::unique_ptr<Node>> children;  // those that were entered, by identifier
  };

  enum class Missing { leave, make };
  Result<Node*> enter(Canvas& canvas, Node& node, const std::string& name, Missing missing,
                      bool shortened = false);
  Status replace_anywhere(Canvas& canvas, const ByteRange& former, const FileContent& content);
  Status replace(Canvas& canvas, Node& node, const IsoEntry& entry, const FileContent& content) const;
  Result<Node*> load(Canvas& canvas, Node& parent, const IsoEntry& entry);
  Result<Node*> make_directory(Canvas& canvas, Node& parent, const std::string& name);
  Status add_file(Node& node, const std::string& name, const FileContent& content);
  Result<std::string> free_identifier(const Node& node, const std::string& name, bool directory) const;
  [[nodiscard]] std::string fields(std::string_view name, bool directory, std::uint64_t serial) const;
  Status lead_children_to(Canvas& canvas, Node& node);
  void collect(Node& node, std::vector<Node*>& out) const;

  IsoDialect dialect_;
  std::uint64_t descriptor_ = 0;
  std::unique_ptr<Node> root_;
};

}  // namespace metalmesh::media
