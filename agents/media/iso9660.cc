#include "agents/media/iso9660.h"

#include <deque>
#include <optional>
#include <set>

#include "agents/media/rock_ridge.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t most_descriptors = 64;
constexpr std::size_t most_directories = 65536;
constexpr std::size_t most_files = 1'000'000;
constexpr std::uint64_t most_directory_bytes = 16ULL << 20;
constexpr std::size_t most_depth = 64;
constexpr std::size_t most_path = 4096;

bool inside(const BlockReader& image, const ByteRange& range) {
  return range.offset <= image.size() && range.length <= image.size() - range.offset;
}

std::string trimmed(std::string_view text) {
  const auto last = text.find_last_not_of(std::string_view(" \0", 2));
  return std::string(text.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

bool is_joliet(std::string_view descriptor) {
  const std::string_view escapes = descriptor.substr(88, 3);
  return escapes == "%/@" || escapes == "%/C" || escapes == "%/E";
}

/// From UCS-2 (or UTF-16), big endian. Half of a surrogate pair stays what it is: no name that is looked for.
std::string utf8_of(std::string_view wide) {
  std::string out;
  const auto unit = [&](std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<std::uint8_t>(wide[at])) << 8U |
           static_cast<std::uint8_t>(wide[at + 1]);
  };
  for (std::size_t at = 0; at + 1 < wide.size(); at += 2) {
    std::uint32_t point = unit(at);
    const bool paired = point >= 0xd800 && point < 0xdc00 && at + 3 < wide.size() && unit(at + 2) >= 0xdc00 &&
                        unit(at + 2) < 0xe000;
    if (paired) {
      point = 0x10000 + ((point - 0xd800) << 10U) + (unit(at + 2) - 0xdc00);
      at += 2;
    }
    const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80U | (point >> shift & 0x3fU)); };
    if (point < 0x80) {
      out += static_cast<char>(point);
    } else if (point < 0x800) {
      out += static_cast<char>(0xc0U | point >> 6U);
      tail(0);
    } else if (point < 0x10000) {
      out += static_cast<char>(0xe0U | point >> 12U);
      tail(6);
      tail(0);
    } else {
      out += static_cast<char>(0xf0U | point >> 18U);
      tail(12);
      tail(6);
      tail(0);
    }
  }
  return out;
}

/// Walks breadth-first; `visited` holds directory sectors, so a loop ends at once as an error.
class TreeWalk {
 public:
  enum class Names { primary, joliet };
  TreeWalk(BlockReader& image, Names names) : image_(image), names_(names) {}

  Result<IsoTree> run(const ByteRange& root) {
    if (auto queued = enqueue(root, "", 0); !queued) return std::unexpected(queued.error());
    while (!queue_.empty()) {
      const Pending next = std::move(queue_.front());
      queue_.pop_front();
      if (auto read = read_directory(next); !read) {
        return std::unexpected(std::move(read.error()).with(next.path.empty() ? "/" : next.path));
      }
    }
    tree_.rock_ridge = susp_skip_.has_value();
    return std::move(tree_);
  }

 private:
  struct Pending {
    ByteRange extent;
    std::string path;
    std::size_t depth = 0;
  };

  Status enqueue(const ByteRange& extent, std::string path, std::size_t depth) {
    if (extent.length == 0 || extent.length > most_directory_bytes || !inside(image_, extent)) {
      return fail(ErrorKind::corrupt, "directory extent is empty, too long or outside the image");
    }
    if (depth > most_depth) return fail(ErrorKind::corrupt, "directories are nested too deeply");
    if (path.size() > most_path) return fail(ErrorKind::corrupt, "path is too long");
    if (!visited_.insert(extent.offset).second) return fail(ErrorKind::corrupt, "directory is reached twice");
    if (visited_.size() > most_directories) return fail(ErrorKind::corrupt, "too many directories");
    tree_.directories.push_back(extent);
    queue_.push_back({extent, std::move(path), depth});
    return {};
  }

  Status read_directory(const Pending& directory) {
    auto bytes = image_.read(directory.extent.offset, directory.extent.length);
    if (!bytes) return std::unexpected(bytes.error());
    const std::string_view all = *bytes;
    bool continues = false;  // the record before was not the last extent of its file
    for (std::size_t at = 0; at < all.size();) {
      const auto length = static_cast<std::uint8_t>(all[at]);
      if (length == 0) {  // records never cross a sector
        at += iso_sector - at % iso_sector;
        continue;
      }
      if (length > all.size() - at) return fail(ErrorKind::corrupt, "directory record leaves its directory");
      auto record = parse_iso_record(all.substr(at, length));
      if (!record) return std::unexpected(record.error());
      if (auto added = add(directory, *record, continues); !added) return added;
      at += length;
    }
    return continues ? fail(ErrorKind::corrupt, "last extent of a file is missing") : Status();
  }

  Status add(const Pending& directory, const IsoRecord& record, bool& continues) {
    if (is_self_or_parent(record.name)) {
      const bool of_root = directory.depth == 0 && record.name[0] == '\0';
      if (of_root && names_ == Names::primary) susp_skip_ = susp_skip_of(record.system_use);
      return {};
    }
    RockRidge extra;
    if (susp_skip_) {
      auto parsed = read_rock_ridge(image_, record.system_use, *susp_skip_);
      if (!parsed) return std::unexpected(parsed.error());
      extra = std::move(*parsed);
    }
    if (extra.relocated) return {};  // listed again, through its child link, where it belongs
    const std::string name = extra.name.empty() ? own_name(record) : extra.name;
    if (name.empty() || name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
      return fail(ErrorKind::corrupt, "a name is empty or contains a slash");
    }
    std::string path = directory.path + "/" + name;
    if (extra.child_sector) return add_relocated(*extra.child_sector, std::move(path), directory.depth + 1);
    if (record.directory) return enqueue(record.extent, std::move(path), directory.depth + 1);
    if (auto added = add_file(record, std::move(path), continues); !added) return added;
    tree_.files.back().link = std::move(extra.link_target);
    tree_.files.back().transformed = extra.transformed;
    return {};
  }

  [[nodiscard]] std::string own_name(const IsoRecord& record) const {
    return plain_iso_name(names_ == Names::joliet ? utf8_of(record.name) : std::string(record.name));
  }

  Status add_relocated(std::uint64_t sector, std::string path, std::size_t depth) {
    const ByteRange head{sector * iso_sector, iso_sector};
    if (!inside(image_, head)) return fail(ErrorKind::corrupt, "child link leaves the image");
    auto bytes = image_.read(head.offset, head.length);
    if (!bytes) return std::unexpected(bytes.error());
    const auto length = static_cast<std::uint8_t>((*bytes)[0]);
    auto self = parse_iso_record(std::string_view(*bytes).substr(0, length));
    if (!self) return std::unexpected(self.error());
    return enqueue({head.offset, self->extent.length}, std::move(path), depth);
  }

  Status add_file(const IsoRecord& record, std::string path, bool& continues) {
    if (record.extent.length > 0 && !inside(image_, record.extent)) {
      return fail(ErrorKind::corrupt, "file " + path + " leaves the image");
    }
    if (continues && tree_.files.back().path != path) {
      return fail(ErrorKind::corrupt, "extents of " + tree_.files.back().path + " are interrupted");
    }
    if (!continues) {
      if (tree_.files.size() >= most_files) return fail(ErrorKind::corrupt, "too many files");
      tree_.files.push_back({std::move(path), {}, 0});
    }
    IsoFile& file = tree_.files.back();
    if (record.extent.length > 0) file.extents.push_back(record.extent);
    file.size += record.extent.length;
    continues = record.more_extents;
    return {};
  }

  BlockReader& image_;
  Names names_;
  IsoTree tree_;
  std::deque<Pending> queue_;
  std::set<std::uint64_t> visited_;
  std::optional<std::size_t> susp_skip_;  // set when the root says that SUSP is in use
};

}  // namespace

Result<IsoVolume> read_iso_volume(BlockReader& image) {
  IsoVolume volume;
  bool primary_seen = false;
  for (std::uint64_t sector = 16; sector < 16 + most_descriptors; ++sector) {
    const ByteRange where{sector * iso_sector, iso_sector};
    if (!inside(image, where)) return fail(ErrorKind::corrupt, "image ends within its volume descriptors");
    auto bytes = image.read(where.offset, where.length);
    if (!bytes) return std::unexpected(bytes.error());
    const std::string_view descriptor = *bytes;
    if (descriptor.substr(1, 5) != "CD001") {
      return fail(ErrorKind::corrupt,
                  "not an ISO 9660 image: no volume descriptor at sector " + std::to_string(sector));
    }
    const auto type = static_cast<std::uint8_t>(descriptor[0]);
    if (type == 0 && descriptor.substr(7, 23) == "EL TORITO SPECIFICATION") {
      volume.boot_catalog = {little32(descriptor, 0x47) * iso_sector, iso_sector};
    } else if (type == 1 && !primary_seen) {
      const auto block_size = static_cast<std::uint8_t>(descriptor[128]) |
                              static_cast<std::uint32_t>(static_cast<std::uint8_t>(descriptor[129])) << 8U;
      if (block_size != iso_sector) return fail(ErrorKind::unsupported, "logical blocks are not 2048 bytes");
      auto root = parse_iso_record(descriptor.substr(156, smallest_iso_record));
      if (!root) return std::unexpected(std::move(root.error()).with("root directory"));
      volume.root = root->extent;
      volume.volume_id = trimmed(descriptor.substr(40, 32));
      primary_seen = true;
    } else if (type == 2 && volume.joliet_root.length == 0 && is_joliet(descriptor)) {
      auto root = parse_iso_record(descriptor.substr(156, smallest_iso_record));
      if (!root) return std::unexpected(std::move(root.error()).with("root directory of the Joliet tree"));
      volume.joliet_root = root->extent;
    } else if (type == 255) {
      if (!primary_seen) return fail(ErrorKind::corrupt, "no primary volume descriptor");
      volume.descriptors = {0, where.end()};
      return volume;
    }
  }
  return fail(ErrorKind::corrupt, "the list of volume descriptors has no end");
}

Result<IsoTree> read_iso_tree(BlockReader& image, const IsoVolume& volume) {
  return TreeWalk(image, TreeWalk::Names::primary).run(volume.root);
}

Result<IsoTree> read_joliet_tree(BlockReader& image, const IsoVolume& volume) {
  return TreeWalk(image, TreeWalk::Names::joliet).run(volume.joliet_root);
}

Result<std::vector<IsoBootImage>> read_iso_boot_images(BlockReader& image, const IsoVolume& volume) {
  std::vector<IsoBootImage> images;
  if (volume.boot_catalog.length == 0) return images;
  if (!inside(image, volume.boot_catalog)) return fail(ErrorKind::corrupt, "boot catalogue leaves the image");
  auto bytes = image.read(volume.boot_catalog.offset, volume.boot_catalog.length);
  if (!bytes) return std::unexpected(bytes.error());
  const std::string_view catalog = *bytes;
  if (catalog[0] != 1 || catalog.substr(30, 2) != "\x55\xaa") {
    return fail(ErrorKind::corrupt, "boot catalogue has no validation entry");
  }
  constexpr std::uint8_t for_efi = 0xef;
  auto platform = static_cast<std::uint8_t>(catalog[1]);
  for (std::size_t at = 32; at + 32 <= catalog.size(); at += 32) {
    if ((static_cast<std::uint8_t>(catalog[at]) & 0xfeU) == 0x90U)  // a section begins
      platform = static_cast<std::uint8_t>(catalog[at + 1]);
    if (static_cast<std::uint8_t>(catalog[at]) != 0x88) continue;  // section headers, extensions, padding
    const std::uint64_t blocks = static_cast<std::uint8_t>(catalog[at + 6]) |
                                 static_cast<std::uint64_t>(static_cast<std::uint8_t>(catalog[at + 7])) << 8U;
    IsoBootImage boot{{little32(catalog, at + 8) * iso_sector, blocks * 512},
                      blocks > 1 && blocks != 0xffff,
                      volume.boot_catalog.offset + at,
                      platform == for_efi};
    if (boot.extent.offset >= image.size()) return fail(ErrorKind::corrupt, "boot image leaves the image");
    images.push_back(boot);
  }
  return images;
}

}  // namespace metalmesh::media
