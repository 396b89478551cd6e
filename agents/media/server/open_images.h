// The images that are being served, open. One that a medium still needs stays open between responses, so that
// neither a lack of descriptors nor a path that is gone for a moment reaches an installer; a few descriptors
// are kept in reserve for those that have to be opened when nothing else is left.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agents/media/server/file_handle.h"
#include "agents/media/server/image_file.h"
#include "common/base/result.h"

namespace metalmesh::media {

class OpenImages {
 public:
  OpenImages() { fill_reserve(); }

  /// The file that is at `path` now. For a launched installer, which must not end: if there is none, the one
  /// that is open still, or what was put aside. Fails with `unavailable`.
  Result<std::shared_ptr<ImageFile>> open(const std::string& path, bool launched);
  /// Opens what of `served` is not open, and closes what is neither served nor used by a response.
  void keep(const std::set<std::string>& served);

 private:
  Result<std::shared_ptr<ImageFile>> open_fresh(const std::string& path);
  void fill_reserve();

  std::map<std::string, std::shared_ptr<ImageFile>> files_;  // by path
  std::vector<FileHandle> reserve_;
};

}  // namespace metalmesh::media
