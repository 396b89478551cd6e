#include "agents/media/patch/fat_volume.h"

#include <algorithm>
#include <utility>

#include "agents/media/patch/iso_names.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t most_table_bytes = 8ULL << 20;
constexpr std::uint64_t most_directory_bytes = 4ULL << 20;
constexpr std::size_t entry_bytes = 32;
constexpr std::size_t most_folders = 256;
constexpr std::uint8_t long_name_attribute = 0x0f;
constexpr std::uint8_t directory_attribute = 0x10;
constexpr std::uint8_t volume_attribute = 0x08;
constexpr std::size_t name_slots[] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};  // in a long-name entry

std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::string short_name(std::string_view entry) {
  const auto trimmed = [](std::string_view part) {
    return std::string(part.substr(0, part.find_last_not_of(' ') + 1));
  };
  const std::string extension = trimmed(entry.substr(8, 3));
  return trimmed(entry.substr(0, 8)) + (extension.empty() ? "" : "." + extension);
}

/// The part of a long name that one entry holds; what is not ASCII becomes '?'.
std::string long_name_part(std::string_view entry) {
  std::string part;
  for (const std::size_t at : name_slots) {
    const auto unit = little(entry, at, 2);
    if (unit == 0 || unit == 0xffff) break;
    part += unit < 0x80 ? static_cast<char>(unit) : '?';
  }
  return part;
}

bool is_power_of_two(std::uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

}  // namespace

std::uint64_t FatVolume::Listing::place_of(std::size_t at) const {
  for (const ByteRange& range : where) {
    if (at < range.length) return range.offset + at;
    at -= range.length;
  }
  return 0;
}

Result<std::optional<FatVolume>> FatVolume::open(Canvas& canvas, std::uint64_t offset) {
  if (offset + 512 > canvas.base_size()) return std::nullopt;
  auto bytes = canvas.read(offset, 512);
  if (!bytes) return std::unexpected(bytes.error());
  const std::string_view boot = *bytes;
  const std::uint64_t sector = little(boot, 11, 2);
  const std::uint64_t per_cluster = byte_at(boot, 13);
  const std::uint64_t reserved = little(boot, 14, 2);
  const std::uint64_t tables = byte_at(boot, 16);
  const std::uint64_t root_entries = little(boot, 17, 2);
  const std::uint64_t total = little(boot, 19, 2) != 0 ? little(boot, 19, 2) : little32(boot, 32);
  const bool old_layout = little(boot, 22, 2) != 0;
  const std::uint64_t table = old_layout ? little(boot, 22, 2) : little32(boot, 36);
  const bool jump = byte_at(boot, 0) == 0xeb || byte_at(boot, 0) == 0xe9;
  if (boot.substr(510, 2) != "\x55\xaa" || !jump || sector < 512 || sector > 4096 ||
      !is_power_of_two(sector) || !is_power_of_two(per_cluster) || reserved == 0 || tables == 0 ||
      tables > 2 || table == 0) {
    return std::nullopt;
  }
  const std::uint64_t root_sectors = (root_entries * entry_bytes + sector - 1) / sector;
  const std::uint64_t before_data = reserved + tables * table + root_sectors;
  if (total <= before_data || total * sector > canvas.base_size() - offset) return std::nullopt;

  FatVolume volume;
  volume.offset_ = offset;
  volume.sector_bytes_ = sector;
  volume.cluster_bytes_ = sector * per_cluster;
  volume.table_at_ = offset + reserved * sector;
  volume.table_bytes_ = table * sector;
  volume.tables_ = tables;
  volume.fixed_root_ = {offset + (reserved + tables * table) * sector, root_entries * entry_bytes};
  volume.data_at_ = offset + before_data * sector;
  volume.clusters_ = static_cast<std::uint32_t>((total - before_data) / per_cluster);
  volume.bits_ = volume.clusters_ < 4085 ? 12 : volume.clusters_ < 65525 ? 16 : 32;
  if (volume.bits_ == 32) {
    if (old_layout) return std::nullopt;
    volume.root_cluster_ = static_cast<std::uint32_t>(little32(boot, 44));
    const std::uint64_t info = little(boot, 48, 2);
    if (info != 0 && info < reserved) volume.info_at_ = offset + info * sector;
  }
  const std::uint64_t needed = (std::uint64_t{volume.clusters_} + 2) * volume.bits_ / 8;
  if (volume.table_bytes_ < needed || volume.table_bytes_ > most_table_bytes) return std::nullopt;
  return volume;
}

Status FatVolume::load_table(Canvas& canvas) {
  auto bytes = canvas.read(table_at_, table_bytes_);
  if (!bytes) return std::unexpected(bytes.error());
  table_ = std::move(*bytes);
  return {};
}

std::uint32_t FatVolume::link_of(std::uint32_t cluster) const {
  if (bits_ == 32)
    return static_cast<std::uint32_t>(little32(table_, std::size_t{cluster} * 4)) & 0x0fffffffU;
  if (bits_ == 16) return static_cast<std::uint32_t>(little(table_, std::size_t{cluster} * 2, 2));
  const auto pair = static_cast<std::uint32_t>(little(table_, cluster + cluster / 2, 2));
  return cluster % 2 == 0 ? pair & 0xfffU : pair >> 4U;
}

void FatVolume::set_link(std::uint32_t cluster, std::uint32_t value) {
  if (bits_ == 32) {
    const std::size_t at = std::size_t{cluster} * 4;
    const std::uint64_t kept = little32(table_, at) & 0xf0000000U;
    table_.replace(at, 4, little_bytes(kept | (value & 0x0fffffffU), 4));
  } else if (bits_ == 16) {
    table_.replace(std::size_t{cluster} * 2, 2, little_bytes(value & 0xffffU, 2));
  } else {
    const std::size_t at = cluster + cluster / 2;
    const std::uint64_t pair = little(table_, at, 2);
    const std::uint64_t fresh =
        cluster % 2 == 0 ? (pair & 0xf000U) | (value & 0xfffU) : (pair & 0x000fU) | (value & 0xfffU) << 4U;
    table_.replace(at, 2, little_bytes(fresh, 2));
  }
}

Result<std::vector<std::uint32_t>> FatVolume::chain(std::uint32_t first) const {
  std::vector<std::uint32_t> clusters;
  for (std::uint32_t at = first; valid(at); at = link_of(at)) {
    if (clusters.size() > clusters_) return fail(ErrorKind::corrupt, "a chain of clusters has no end");
    clusters.push_back(at);
  }
  return clusters;
}

Result<FatVolume::Listing> FatVolume::list(Canvas& canvas, std::uint32_t cluster) const {
  Listing listing;
  if (cluster == 0 && bits_ != 32) {
    listing.where.push_back(fixed_root_);
  } else {
    auto clusters = chain(cluster == 0 ? root_cluster_ : cluster);
    if (!clusters) return std::unexpected(clusters.error());
    if (clusters->size() * cluster_bytes_ > most_directory_bytes) {
      return fail(ErrorKind::corrupt, "a directory is too long");
    }
    for (const std::uint32_t each : *clusters) listing.where.push_back({offset_of(each), cluster_bytes_});
  }
  for (const ByteRange& range : listing.where) {
    auto bytes = canvas.read(range.offset, range.length);
    if (!bytes) return std::unexpected(bytes.error());
    listing.bytes += *bytes;
  }
  return listing;
}

Result<std::vector<FatVolume::Entry>> FatVolume::entries(Canvas& canvas, std::uint32_t directory) const {
  auto listing = list(canvas, directory);
  if (!listing) return std::unexpected(listing.error());
  std::vector<Entry> out;
  std::string long_name;
  for (std::size_t at = 0; at + entry_bytes <= listing->bytes.size(); at += entry_bytes) {
    const std::string_view entry = std::string_view(listing->bytes).substr(at, entry_bytes);
    if (entry[0] == '\0') break;
    const std::uint8_t attributes = byte_at(entry, 11);
    if (byte_at(entry, 0) == 0xe5) {
      long_name.clear();
    } else if (attributes == long_name_attribute) {
      if ((byte_at(entry, 0) & 0x40) != 0) long_name.clear();
      long_name.insert(0, long_name_part(entry));  // stored last part first
      if (long_name.size() > 512) long_name.clear();
    } else {
      const std::string name = std::exchange(long_name, {});
      if ((attributes & volume_attribute) != 0) continue;
      const auto high = bits_ == 32 ? little(entry, 20, 2) << 16U : 0;
      out.push_back({.at = listing->place_of(at),
                     .name = name.empty() ? short_name(entry) : name,
                     .short_name = short_name(entry),
                     .directory = (attributes & directory_attribute) != 0,
                     .cluster = static_cast<std::uint32_t>(high | little(entry, 26, 2)),
                     .size = little32(entry, 28)});
    }
  }
  return out;
}

Result<std::optional<FatVolume::Entry>> FatVolume::find(Canvas& canvas, std::uint32_t directory,
                                                        const std::string& name) const {
  auto all = entries(canvas, directory);
  if (!all) return std::unexpected(all.error());
  const auto found = std::ranges::find_if(*all, [&](const Entry& entry) {
    return same_letters(entry.name, name) || same_letters(entry.short_name, name);
  });
  if (found == all->end()) return std::nullopt;
  return std::move(*found);
}

Result<std::vector<FatVolume::File>> FatVolume::files(Canvas& canvas, std::size_t most) {
  if (auto loaded = load_table(canvas); !loaded) return std::unexpected(loaded.error());
  std::vector<File> out;
  std::vector<Entry> folders = {Entry{}};  // the root, and what is found below it
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const std::string above = folders[i].name;
    auto all = entries(canvas, folders[i].cluster);
    if (!all) return std::unexpected(all.error());
    for (Entry& entry : *all) {
      if (entry.name.starts_with('.')) continue;  // the folder itself and the one above it
      entry.name.insert(0, above + "/");
      const bool known = std::ranges::find(folders, entry.cluster, &Entry::cluster) != folders.end();
      if (entry.directory && valid(entry.cluster) && !known && folders.size() < most_folders)
        folders.push_back(std::move(entry));
      else if (!entry.directory && out.size() < most)
        out.push_back({std::move(entry.name), entry.size, entry.cluster});
    }
  }
  return out;
}

Result<std::string> FatVolume::content(Canvas& canvas, const File& file) const {
  auto clusters = chain(file.cluster);
  if (!clusters) return std::unexpected(clusters.error());
  std::string out;
  for (const std::uint32_t cluster : *clusters) {
    if (out.size() >= file.size) break;
    auto piece = canvas.read(offset_of(cluster), cluster_bytes_);
    if (!piece) return std::unexpected(piece.error());
    out += *piece;
  }
  if (out.size() < file.size) return fail(ErrorKind::corrupt, file.path + " ends early");
  out.resize(file.size);
  return out;
}

/// Only the bytes that changed, in every copy of the table.
Status FatVolume::write_table(Canvas& canvas, const std::string& before) const {
  for (std::size_t at = 0; at < table_.size();) {
    if (table_[at] == before[at]) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < table_.size() && table_[end] != before[end]) ++end;
    for (std::uint64_t copy = 0; copy < tables_; ++copy) {
      auto written = canvas.write(table_at_ + copy * table_bytes_ + at, table_.substr(at, end - at));
      if (!written) return written;
    }
    at = end;
  }
  return {};
}

Status FatVolume::adjust_free_count(Canvas& canvas, std::int64_t by) const {
  if (info_at_ == 0 || by == 0) return {};
  auto info = canvas.read(info_at_, 512);
  if (!info) return std::unexpected(info.error());
  const std::uint64_t free = little32(*info, 488);
  if (little32(*info, 484) != 0x61417272 || free > clusters_)
    return {};  // unknown, as many builders leave it
  return canvas.write(info_at_ + 488,
                      little_bytes(static_cast<std::uint64_t>(static_cast<std::int64_t>(free) + by), 4));
}

Result<bool> FatVolume::replace(Canvas& canvas, const std::vector<std::string>& path,
                                const std::string& content) {
  if (auto loaded = load_table(canvas); !loaded) return std::unexpected(loaded.error());
  std::optional<Entry> entry;
  for (std::size_t i = 0; i < path.size(); ++i) {
    auto found = find(canvas, entry ? entry->cluster : 0, path[i]);
    if (!found) return std::unexpected(found.error());
    if (!*found || (*found)->directory != (i + 1 < path.size())) return false;
    entry = **found;
  }
  auto clusters = chain(entry->cluster);
  if (!clusters) return std::unexpected(clusters.error());
  const std::string before = table_;
  const std::size_t had = clusters->size();
  const std::size_t needed = (content.size() + cluster_bytes_ - 1) / cluster_bytes_;
  for (std::uint32_t free = 2; clusters->size() < needed && free < clusters_ + 2; ++free) {
    if (link_of(free) == 0) clusters->push_back(free);
  }
  if (clusters->size() < needed) {
    return fail(ErrorKind::exhausted, "the boot partition inside the image has no room for " +
                                          std::to_string(content.size()) + " bytes of " + path.back());
  }
  for (std::size_t i = needed; i < clusters->size(); ++i) set_link((*clusters)[i], 0);
  clusters->resize(needed);
  for (std::size_t i = 0; i < needed; ++i) {
    set_link((*clusters)[i], i + 1 < needed ? (*clusters)[i + 1] : 0x0fffffffU);
    std::string piece = content.substr(i * cluster_bytes_, cluster_bytes_);
    piece.resize(cluster_bytes_, '\0');
    if (auto written = canvas.write(offset_of((*clusters)[i]), piece); !written)
      return std::unexpected(written.error());
  }
  const std::uint64_t first = clusters->empty() ? 0 : clusters->front();
  Status done = write_table(canvas, before);
  if (done)
    done = canvas.write(entry->at + 26, little_bytes(first & 0xffffU, 2) + little_bytes(content.size(), 4));
  if (done && bits_ == 32) done = canvas.write(entry->at + 20, little_bytes(first >> 16U, 2));
  if (done)
    done = adjust_free_count(canvas, static_cast<std::int64_t>(had) - static_cast<std::int64_t>(needed));
  if (!done) return std::unexpected(done.error());
  return true;
}

}  // namespace metalmesh::media
