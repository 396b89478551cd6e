// What is noted of an image's tree beside the fence's ranges: the names an OS family is recognised by, and
// the texts of the boot configuration that a family may have to change. Noted once, without knowing any
// family, so that a family added later needs no second look at the image.
#pragma once

#include "agents/media/block_reader.h"
#include "agents/media/iso9660.h"
#include "common/base/result.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

/// What the boot partition inside (efiboot.img) has alone is a text without a name in `files`: boot configuration that
/// loaders find there which are started from it. Where the medium has a file of that name, too, that one counts: what changes
/// the one changes the other. A partition that cannot be read has none.
///
/// Bounded: 2,000 names, 2,000 more of files with a part in booting, 64 texts of at most 64 KiB, 512 KiB in
/// all. What is beyond is left out. Errors: the device's.
Result<wire::ImageSurvey> survey_tree(BlockReader& image, const IsoTree& tree,
                                      const std::vector<IsoBootImage>& boot_images);

}  // namespace metalmesh::media
