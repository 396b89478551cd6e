// What a mount's order is made into: the virtual image and what of it the fence guards. Reads the base image
// when files in it change. Pure but for that.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agents/media/block_reader.h"
#include "agents/media/virtual_image.h"
#include "common/base/result.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

struct ComposedMedium {
  VirtualImage image;
  std::vector<ByteRange> guarded;  // sorted and apart
};

/// A digest of whatever the medium's bytes depend on. An order that only moves the fence has the same recipe.
std::string recipe_of(const wire::Mount& order);

/// `bases` may be null: then files cannot change. Fails with `unavailable` when the base cannot be read now;
/// any other error is of the order or the image and stays.
Result<ComposedMedium> compose_medium_of(const wire::Mount& order, BaseImages* bases,
                                         std::uint64_t most_bytes);

}  // namespace metalmesh::media
