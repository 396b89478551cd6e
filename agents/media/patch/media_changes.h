// The files of a medium that shall differ from its base image, checked once for all producers.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

struct MediaChange {
  std::string path;
  std::vector<std::string> components;
  std::string content;
};

/// Refuses (invalid) malformed and repeated paths, (exhausted) too many or too large files, and (denied)
/// files that firmware verifies: `*.efi` stays byte for byte what its vendor signed.
Result<std::vector<MediaChange>> check_changes(
    const google::protobuf::RepeatedPtrField<wire::FileChange>& changes);

}  // namespace metalmesh::media
