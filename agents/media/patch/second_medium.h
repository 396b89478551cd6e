// A medium of its own with nothing but a few files, found by its label: OEMDRV for kickstart, CIDATA for
// cloud-init, or what an installer's documents say. Small enough to be kept in memory; equal inputs give
// equal bytes. Its descriptors and directories may always be read, its files are guarded like an installer's.
#pragma once

#include <string>
#include <vector>

#include "agents/media/overlay.h"
#include "agents/media/patch/media_changes.h"
#include "common/base/result.h"

namespace metalmesh::media {

/// ISO 9660 with Rock Ridge and Joliet; the label may have up to 16 characters.
Result<Overlay> make_iso(const std::string& label, const std::vector<MediaChange>& files);

/// FAT12 or FAT16 with long names, without a partition table; the label may have up to 11 characters.
Result<Overlay> make_fat(const std::string& label, const std::vector<MediaChange>& files);

Result<Overlay> make_second_medium(const wire::SecondMedium& order);

}  // namespace metalmesh::media
