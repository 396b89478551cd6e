// From the order for a medium to what differs from its base: picks the producer that the order asks for.
#pragma once

#include "agents/media/block_reader.h"
#include "agents/media/overlay.h"
#include "common/base/result.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

/// Whether composing reads the base image.
bool reads_base(const wire::Mount& order);

/// `base` may be null unless `reads_base`. The guarded ranges are complete: the base's own and the overlay's.
Result<Overlay> compose_medium(const wire::Mount& order, BlockReader* base);

}  // namespace metalmesh::media
