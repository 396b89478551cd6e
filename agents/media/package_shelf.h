// Package trees that are served, each read once however many mounts offer it, and what a request for a file
// of one gets.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>

#include "agents/media/block_reader.h"
#include "agents/media/content_reply.h"
#include "agents/media/package_tree.h"
#include "common/base/result.h"

namespace metalmesh::media {

/// The tree that a mount offers beside its medium.
struct OfferedPackages {
  std::string token;
  std::string image;  // what names its content
  std::string file;
  std::shared_ptr<const PackageTree> tree;
};

class PackageShelf {
 public:
  /// `bases` may be null, then there are no trees; otherwise it must outlive the shelf.
  explicit PackageShelf(BaseImages* bases) : bases_(bases) {}

  /// `image` names the content of the file at `path`.
  Result<std::shared_ptr<const PackageTree>> tree(const std::string& path, const std::string& image);

 private:
  BaseImages* bases_;
  std::map<std::string, std::weak_ptr<const PackageTree>> trees_;  // by what names their content
};

/// Of a launched mount a GET or HEAD for `path`, the rest of a URL behind the tree's root: content to be served in ranges, which
/// `packages` must outlive, or the answer itself.
std::variant<ServedContent, Respond> look_up(const OfferedPackages& packages, const MediaRequest& request,
                                             const std::string& path);

}  // namespace metalmesh::media
