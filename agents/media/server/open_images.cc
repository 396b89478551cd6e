#include "agents/media/server/open_images.h"

#include <fcntl.h>
#include <unistd.h>

#include "agents/media/server/file_reader.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t reserved = 16;

}  // namespace

Result<std::shared_ptr<ImageFile>> OpenImages::open(const std::string& path, bool launched) {
  const auto known = files_.find(path);
  if (known != files_.end()) {
    const ImageFile& open = *known->second;
    const bool aside = open.path() != path;  // a good one may have come to its place
    const auto place = open.place();
    if (!aside && place == ImageFile::Place::same) return known->second;
    if (launched && place != ImageFile::Place::replaced && ::access(path.c_str(), F_OK) != 0)
      return known->second;
  }
  auto file = open_fresh(path);
  if (!file && launched && known == files_.end()) file = open_fresh(aside_of(path));
  if (!file && launched && known != files_.end()) return known->second;
  if (file) files_[path] = *file;
  return file;
}

/// With a descriptor of the reserve, when there is no other.
Result<std::shared_ptr<ImageFile>> OpenImages::open_fresh(const std::string& path) {
  auto file = ImageFile::open(path);
  if (file || file.error().kind != ErrorKind::exhausted || reserve_.empty()) return file;
  reserve_.pop_back();
  return ImageFile::open(path);
}

void OpenImages::keep(const std::set<std::string>& served) {
  std::erase_if(
      files_, [&](const auto& item) { return item.second.use_count() == 1 && !served.contains(item.first); });
  for (const std::string& path : served) {
    if (!files_.contains(path)) (void)open(path, false);
  }
  fill_reserve();
}

void OpenImages::fill_reserve() {
  while (reserve_.size() < reserved) {
    FileHandle spare(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!spare) return;
    reserve_.push_back(std::move(spare));
  }
}

}  // namespace metalmesh::media
