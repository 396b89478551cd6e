#include "agents/media/package_shelf.h"

#include "common/base/digest.h"

namespace metalmesh::media {

Result<std::shared_ptr<const PackageTree>> PackageShelf::tree(const std::string& path,
                                                              const std::string& image) {
  if (auto known = trees_[image].lock()) return known;
  if (bases_ == nullptr) return fail(ErrorKind::unsupported, "this media server cannot read images");
  auto base = bases_->open(path);
  if (!base) return std::unexpected(base.error());
  auto tree = PackageTree::read(**base);
  if (!tree) return std::unexpected(tree.error());
  std::erase_if(trees_, [](const auto& item) { return item.second.expired(); });
  auto shared = std::make_shared<const PackageTree>(std::move(*tree));
  trees_[image] = shared;
  return shared;
}

std::variant<ServedContent, Respond> look_up(const OfferedPackages& packages, const MediaRequest& request,
                                             const std::string& path) {
  const auto wanted = tree_path(path);
  if (!wanted) return plain_reply(request, 400, wanted.error().message + "\n");
  const PackageTree::Found found = packages.tree->find(*wanted);
  if (const auto* directory = std::get_if<PackageTree::Directory>(&found)) {
    Respond page = plain_reply(request, 200, listing_page(*directory, request.path));
    page.headers = {{"Content-Type", "text/html; charset=utf-8"}};
    return page;
  }
  const auto* named = std::get_if<const IsoFile*>(&found);
  if (named == nullptr) return plain_reply(request, 404, "the image has no such file\n");
  const IsoFile& file = **named;
  if (file.transformed) return plain_reply(request, 501, "the image holds this file compressed\n");
  const std::uint64_t place = file.extents.empty() ? 0 : file.extents.front().offset;
  return ServedContent{file.size,
                       "\"" + to_hex(sha256(packages.image)).substr(0, 16) + "-" + std::to_string(place) +
                           "-" + std::to_string(file.size) + "\"",
                       packages.file, [&file](const ByteRange& range) { return segments_of(file, range); },
                       true};
}

}  // namespace metalmesh::media
