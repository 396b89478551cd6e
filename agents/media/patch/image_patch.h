// The direct patcher: adds and replaces files of an installer image without a copy of it. What differs is a
// few KiB, wherever the image is a CD for: every tree that names files (Rock Ridge, Joliet, plain ISO 9660,
// UDF) shows the same files afterwards, and a boot partition inside (efiboot.img) gets the same
// configuration.
//
// Equal inputs give equal bytes: nothing here asks for the time, new files carry the image's own.
// Never touched: boot images but for their configuration, the boot catalogue, anything signed, and every
// block of other files. The partition tables of a hybrid image stay as they are: the medium is served as a
// CD, where nobody reads them; written to a USB stick, its first partition would end before what was added.
// So would the second set of trees that some hybrids keep for such a partition, and an Apple HFS+ tree.
//
// What is not understood is refused with the reason (unsupported, corrupt), never guessed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/media/block_reader.h"
#include "agents/media/overlay.h"
#include "agents/media/patch/media_changes.h"
#include "common/base/result.h"

namespace metalmesh::media {

Result<Overlay> patch_image(BlockReader& base, const std::vector<MediaChange>& changes);

/// Why no profile can have files added to this image; nothing when it can.
Result<std::optional<std::string>> why_not_patchable(BlockReader& base);

}  // namespace metalmesh::media
