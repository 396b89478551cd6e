// Writes a FAT12 or FAT16 file system (Microsoft's FAT specification 1.03): boot sector, two tables, fixed
// root directory, then directories and files one behind the other, without free space.
#include <map>
#include <memory>

#include "agents/media/patch/iso_names.h"
#include "agents/media/patch/second_medium.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t sector_bytes = 512;
constexpr std::size_t cluster_bytes = 2048;
constexpr std::size_t entry_bytes = 32;
constexpr std::size_t longest_label = 11;
constexpr std::size_t fat12_clusters = 4084;
constexpr std::size_t fat16_clusters = 65524;
constexpr std::size_t name_per_entry = 13;
constexpr std::uint64_t fixed_date = (2024 - 1980) << 9 | 1 << 5 | 1;  // equal inputs, equal bytes
constexpr std::size_t name_slots[] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};

/// FAT keeps the case of a name and does not tell names apart by it.
struct ByName {
  bool operator()(const std::string& a, const std::string& b) const { return to_lower(a) < to_lower(b); }
};

struct Folder {
  std::map<std::string, std::unique_ptr<Folder>, ByName> folders;
  std::map<std::string, const std::string*, ByName> files;
};

std::size_t rounded(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

void put(std::string& bytes, std::size_t at, std::uint64_t value, std::size_t width) {
  bytes.replace(at, width, little_bytes(value, width));
}

/// The 11 bytes of a short name.
std::string short_bytes(const std::string& shortened) {
  const auto dot = shortened.find('.');
  std::string stem = shortened.substr(0, dot);
  std::string extension = dot == std::string::npos ? "" : shortened.substr(dot + 1);
  stem.resize(8, ' ');
  extension.resize(3, ' ');
  return stem + extension;
}

std::string directory_entry(const std::string& name11, std::uint8_t attributes, std::uint64_t cluster,
                            std::uint64_t size) {
  std::string bytes = name11;
  bytes.resize(entry_bytes, '\0');
  put(bytes, 11, attributes, 1);
  for (const std::size_t date_at : {16, 18, 24}) put(bytes, date_at, fixed_date, 2);
  put(bytes, 26, cluster, 2);
  put(bytes, 28, size, 4);
  return bytes;
}

/// Long-name entries come before the short one, last part first.
std::string long_entries(const std::string& name, const std::string& name11) {
  unsigned checksum = 0;
  for (const char c : name11)
    checksum = (((checksum & 1U) << 7U) + (checksum >> 1U) + static_cast<std::uint8_t>(c)) & 0xffU;
  std::string out;
  const std::size_t parts = (name.size() + name_per_entry - 1) / name_per_entry;
  for (std::size_t part = parts; part >= 1; --part) {
    std::string bytes(entry_bytes, '\0');
    put(bytes, 0, part | (part == parts ? 0x40U : 0U), 1);
    put(bytes, 11, 0x0f, 1);
    put(bytes, 13, checksum, 1);
    for (std::size_t i = 0; i < name_per_entry; ++i) {
      const std::size_t at = (part - 1) * name_per_entry + i;
      const std::uint64_t unit = at < name.size()    ? static_cast<std::uint8_t>(name[at])
                                 : at == name.size() ? 0
                                                     : 0xffff;
      put(bytes, name_slots[i], unit, 2);
    }
    out += bytes;
  }
  return out;
}

class FatWriter {
 public:
  explicit FatWriter(std::string label) : label_(std::move(label)) { label_.resize(longest_label, ' '); }

  Result<Overlay> write(const Folder& root) {
    auto entries = list(root, 0, 0);
    if (!entries) return std::unexpected(entries.error());
    *entries = directory_entry(label_, 0x08, 0, 0) + *entries;
    entries->resize(rounded(entries->size() + 1, cluster_bytes), '\0');
    const std::size_t clusters = data_.size() / cluster_bytes;
    if (clusters > fat16_clusters) return fail(ErrorKind::exhausted, "the files exceed a FAT16 medium");
    const bool small = clusters <= fat12_clusters;
    const std::string table = rounded_table(small, clusters);

    std::string image = boot_sector(small, entries->size(), table.size());
    image += table + table + *entries;
    Overlay overlay;
    const std::size_t data_at = image.size();
    image += data_;
    put(image, 32, image.size() / sector_bytes, 4);
    for (ByteRange range : files_) overlay.guarded.push_back({data_at + range.offset, range.length});
    overlay.size = image.size();
    overlay.patches.push_back({0, std::move(image)});
    return overlay;
  }

 private:
  /// Space for `bytes`, chained; 0 for nothing.
  std::uint64_t allocate(std::size_t bytes) {
    if (bytes == 0) return 0;
    const std::uint64_t first = links_.size() + 2;
    const std::size_t count = rounded(bytes, cluster_bytes) / cluster_bytes;
    for (std::size_t i = 1; i < count; ++i) links_.push_back(first + i);
    links_.push_back(0xffff);
    data_.resize(data_.size() + count * cluster_bytes, '\0');
    return first;
  }

  void fill(std::uint64_t cluster, const std::string& bytes) {
    if (!bytes.empty()) data_.replace((cluster - 2) * cluster_bytes, bytes.size(), bytes);
  }

  /// The entries of a folder; its files and folders are in the data area afterwards.
  Result<std::string> list(const Folder& folder, std::uint64_t self, std::uint64_t parent) {
    std::string entries;
    if (self != 0) {
      entries +=
          directory_entry(".          ", 0x10, self, 0) + directory_entry("..         ", 0x10, parent, 0);
    }
    std::map<std::string, bool> taken;
    const auto add = [&](const std::string& name, std::uint8_t attributes, std::uint64_t cluster,
                         std::size_t size) {
      unsigned attempt = 0;
      while (!taken.emplace(short_iso_name(name, attempt), true).second) ++attempt;
      const std::string name11 = short_bytes(short_iso_name(name, attempt));
      entries += long_entries(name, name11) + directory_entry(name11, attributes, cluster, size);
    };
    for (const auto& [name, child] : folder.folders) {
      const std::uint64_t cluster = allocate(listing_bytes(*child));
      add(name, 0x10, cluster, 0);
      auto inner = list(*child, cluster, self);
      if (!inner) return inner;
      fill(cluster, *inner);
    }
    for (const auto& [name, content] : folder.files) {
      const std::uint64_t cluster = allocate(content->size());
      if (cluster != 0) files_.push_back({(cluster - 2) * cluster_bytes, content->size()});
      add(name, 0x01, cluster, content->size());
      fill(cluster, *content);
    }
    return entries;
  }

  static std::size_t listing_bytes(const Folder& folder) {
    std::size_t entries = 3;  // ".", "..", end
    const auto count = [&](const std::string& name) {
      entries += 1 + (name.size() + name_per_entry - 1) / name_per_entry;
    };
    for (const auto& [name, child] : folder.folders) count(name);
    for (const auto& [name, content] : folder.files) count(name);
    return entries * entry_bytes;
  }

  [[nodiscard]] std::string rounded_table(bool small, std::size_t clusters) const {
    std::vector<std::uint64_t> links = {0xfff8, 0xffff};
    links.insert(links.end(), links_.begin(), links_.end());
    std::string table;
    if (small) {
      for (std::size_t i = 0; i < links.size(); i += 2) {
        const std::uint64_t second = i + 1 < links.size() ? links[i + 1] & 0xfffU : 0;
        table += little_bytes((links[i] & 0xfffU) | second << 12U, 3);
      }
    } else {
      for (const std::uint64_t link : links) table += little_bytes(link, 2);
    }
    // In whole clusters, so that the data area begins at a 2 KiB block as well.
    table.resize(rounded(std::max(table.size(), clusters / 8), cluster_bytes), '\0');
    return table;
  }

  [[nodiscard]] std::string boot_sector(bool small, std::size_t root_bytes, std::size_t table_bytes) const {
    std::string bytes(cluster_bytes, '\0');  // four reserved sectors
    bytes.replace(0, 3, "\xeb\x3c\x90");
    bytes.replace(3, 8, "MSWIN4.1");
    put(bytes, 11, sector_bytes, 2);
    put(bytes, 13, cluster_bytes / sector_bytes, 1);
    put(bytes, 14, cluster_bytes / sector_bytes, 2);
    put(bytes, 16, 2, 1);
    put(bytes, 17, root_bytes / entry_bytes, 2);
    put(bytes, 21, 0xf8, 1);
    put(bytes, 22, table_bytes / sector_bytes, 2);
    put(bytes, 24, 32, 2);  // sectors per track
    put(bytes, 26, 64, 2);  // heads
    put(bytes, 36, 0x80, 1);
    put(bytes, 38, 0x29, 1);
    put(bytes, 39, 0x4d4d4d4d, 4);  // serial number
    bytes.replace(43, longest_label, label_);
    bytes.replace(54, 8, small ? "FAT12   " : "FAT16   ");
    bytes.replace(510, 2, "\x55\xaa");
    return bytes;
  }

  std::string label_;
  std::vector<std::uint64_t> links_;  // from cluster 2
  std::string data_;
  std::vector<ByteRange> files_;
};

}  // namespace

Result<Overlay> make_fat(const std::string& label, const std::vector<MediaChange>& files) {
  if (label.empty() || label.size() > longest_label) {
    return fail(ErrorKind::invalid, "the label of a FAT medium has 1 to 11 characters");
  }
  Folder root;
  for (const MediaChange& file : files) {
    Folder* folder = &root;
    for (std::size_t i = 0; i + 1 < file.components.size(); ++i) {
      if (folder->files.contains(file.components[i])) {
        return fail(ErrorKind::invalid, file.path + " lies below a file");
      }
      auto& next = folder->folders[file.components[i]];
      if (!next) next = std::make_unique<Folder>();
      folder = next.get();
    }
    if (folder->folders.contains(file.components.back())) {
      return fail(ErrorKind::invalid, file.path + " is a directory as well");
    }
    folder->files[file.components.back()] = &file.content;
  }
  return FatWriter(label).write(root);
}

}  // namespace metalmesh::media
