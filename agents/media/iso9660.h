// Reads the ISO 9660 structures of an installer image: descriptors, directory tree with Rock Ridge
// names or Joliet's, El Torito boot images. Sources: ECMA-119, IEEE P1281/P1282 (SUSP, Rock Ridge), the
// Joliet specification, the El Torito specification 1.0.
//
// The input may be hostile: every extent is checked against the image, each directory is read once, and
// depth, entries and sizes are bounded. A violation is `corrupt` (or `unsupported`); it never yields a
// partial tree, because callers guard what they find in it. A device error passes through as it is.
#pragma once

#include <string>
#include <vector>

#include "agents/media/block_reader.h"
#include "agents/media/byte_range.h"
#include "agents/media/iso_record.h"
#include "common/base/result.h"

namespace metalmesh::media {

struct IsoVolume {
  std::string volume_id;
  ByteRange descriptors;  // system area and all volume descriptors
  ByteRange root;
  ByteRange boot_catalog;  // length 0: not bootable
  ByteRange joliet_root;   // length 0: no Joliet tree
};

struct IsoFile {
  std::string path;  // "/EFI/BOOT/grub.cfg": Rock Ridge name when present, else the plain one without ";1"
  std::vector<ByteRange> extents;  // in order; more than one for files of 4 GiB and more
  std::uint64_t size = 0;
  std::string link;          // where a symbolic link leads; it has no content of its own
  bool transformed = false;  // the extents hold the content in another form (compressed)
};

struct IsoTree {
  std::vector<IsoFile> files;
  std::vector<ByteRange> directories;
  bool rock_ridge = false;  // names are the files' own, not those of the plain tree
};

/// An El Torito entry. The catalogue often lies about the length, so `length` is only what it says.
struct IsoBootImage {
  ByteRange extent;
  bool length_known = false;
  std::uint64_t entry = 0;  // offset of its catalogue entry
  bool efi = false;         // for UEFI, and not for BIOS
};

Result<IsoVolume> read_iso_volume(BlockReader& image);
Result<IsoTree> read_iso_tree(BlockReader& image, const IsoVolume& volume);
/// The same files by their Joliet names, in UTF-8. Only for a volume that has that tree.
Result<IsoTree> read_joliet_tree(BlockReader& image, const IsoVolume& volume);
Result<std::vector<IsoBootImage>> read_iso_boot_images(BlockReader& image, const IsoVolume& volume);

}  // namespace metalmesh::media
