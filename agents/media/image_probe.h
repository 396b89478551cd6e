// What must be known about an installer image before it is served: where the answer file goes, and which
// bytes the media fence guards (kernel, initrd, boot loaders and their configuration, the answer file).
//
// Fails closed: when the tree cannot be read, or no kernel is recognised in it, everything behind the
// volume descriptors and the directories is guarded. Such an image can be mounted and installs after
// ARM as any other; only its listing by readers that read ahead suffers.
#pragma once

#include "agents/media/block_reader.h"
#include "common/base/result.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

/// First line of the file whose whole extent is the room for the answer file.
inline constexpr char placeholder_line[] = "#METALMESH-ANSWER-PLACEHOLDER-V1";

/// Fills size, placeholder, guarded (sorted, merged, whole sectors), volume_id, survey, whether there
/// is something for UEFI and whether files can be changed; path and sha256 are the caller's. Errors: unavailable (the device), invalid (empty image,
/// or several different placeholders).
Result<wire::ImageFacts> probe_image(BlockReader& image);

}  // namespace metalmesh::media
