#include "agents/media/patch/iso_directory.h"

#include <algorithm>

#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t most_directory_bytes = 16ULL << 20;

/// The Rock Ridge name, without a copy where it is in one piece.
Result<std::string> rock_ridge_name(Canvas& canvas, std::string_view area, std::size_t skip) {
  std::string_view rest = area.substr(std::min(skip, area.size()));
  while (rest.size() >= 5) {
    const auto length = static_cast<std::uint8_t>(rest[2]);
    if (length < 5 || length > rest.size() || rest.starts_with("CE")) break;
    if (rest.starts_with("NM") && rest[4] == 0) return std::string(rest.substr(5, length - 5U));
    rest.remove_prefix(length);
  }
  auto fields = read_rock_ridge(canvas, area, skip);
  if (!fields) return std::unexpected(fields.error());
  return fields->name;
}

Result<std::string> name_of(Canvas& canvas, const IsoRecord& record, const IsoDialect& dialect) {
  if (dialect.naming == IsoNaming::joliet) return plain_iso_name(from_ucs2(record.name));
  if (dialect.naming == IsoNaming::rock_ridge) {
    auto name = rock_ridge_name(canvas, record.system_use, dialect.susp_skip);
    if (!name || !name->empty()) return name;
  }
  return plain_iso_name(record.name);
}

IsoEntry entry_of(std::size_t at, const IsoRecord& record, std::string name) {
  return {at,
          record.extent,
          record.directory,
          record.more_extents,
          std::string(record.name),
          std::move(name),
          std::string(record.system_use)};
}

/// How well a name fits what is sought; 0: not at all.
int likeness(const std::string& name, const std::string& sought, bool shortened) {
  if (name == sought) return 3;
  if (same_letters(name, sought)) return 2;
  return shortened && name == short_iso_name(sought) ? 1 : 0;
}

}  // namespace

Result<IsoDirectory> IsoDirectory::load(Canvas& canvas, const ByteRange& extent, const IsoDialect& dialect) {
  const std::uint64_t length = (extent.length + iso_sector - 1) / iso_sector * iso_sector;
  if (length == 0 || length > most_directory_bytes || extent.offset >= canvas.base_size() ||
      length > canvas.base_size() - extent.offset) {
    return fail(ErrorKind::corrupt, "a directory is empty, too long or outside the image");
  }
  auto bytes = canvas.read(extent.offset, length);
  if (!bytes) return std::unexpected(bytes.error());
  IsoDirectory directory;
  directory.dialect_ = dialect;
  directory.home_ = ByteRange{extent.offset, length};
  directory.bytes_ = std::move(*bytes);
  for (std::uint64_t at = 0; at < length; at += iso_sector)
    directory.origin_.emplace_back(extent.offset + at);
  // What begins every directory; `point` relies on it.
  for (const char* identifier : {"\0", "\1"}) {
    if (!directory.record_of({identifier, 1})) {
      return fail(ErrorKind::corrupt, "a directory does not begin with itself and its parent");
    }
  }
  return directory;
}

IsoDirectory IsoDirectory::fresh(const std::string& self, const std::string& parent,
                                 const IsoDialect& dialect) {
  IsoDirectory directory;
  directory.dialect_ = dialect;
  directory.bytes_ = self + parent;
  directory.bytes_.resize(iso_sector, '\0');
  directory.origin_.emplace_back();
  return directory;
}

Status IsoDirectory::each(const Visit& visit) const {
  const std::string_view all = bytes_;
  for (std::size_t at = 0; at < all.size();) {
    const auto length = static_cast<std::uint8_t>(all[at]);
    if (length == 0) {  // records never cross a sector
      at += iso_sector - at % iso_sector;
      continue;
    }
    if (length > iso_sector - at % iso_sector) {
      return fail(ErrorKind::corrupt, "a directory record leaves its sector");
    }
    auto record = parse_iso_record(all.substr(at, length));
    if (!record) return std::unexpected(record.error());
    auto go_on = visit(at, *record);
    if (!go_on) return std::unexpected(go_on.error());
    if (!*go_on) return {};
    at += length;
  }
  return {};
}

Result<std::optional<IsoEntry>> IsoDirectory::find(Canvas& canvas, const std::string& name,
                                                   bool shortened) const {
  std::optional<IsoEntry> best;
  int best_likeness = 0;
  bool several = false;
  auto visited = each([&](std::size_t at, const IsoRecord& record) -> Result<bool> {
    if (is_self_or_parent(record.name)) return true;
    auto found = name_of(canvas, record, dialect_);
    if (!found) return std::unexpected(found.error());
    const int like = likeness(*found, name, shortened);
    if (like == 0 || like < best_likeness) return true;
    // Further extents of one file follow their first and have its identifier.
    if (like == best_likeness) {
      several = several || best->identifier != record.name;
      return true;
    }
    several = false;
    best_likeness = like;
    best = entry_of(at, record, std::move(*found));
    return true;
  });
  if (!visited) return std::unexpected(visited.error());
  if (several) {
    return fail(ErrorKind::unsupported, "several names of a directory could be meant by " + name);
  }
  return best;
}

Result<std::optional<IsoEntry>> IsoDirectory::find_content(const ByteRange& extent) const {
  std::optional<IsoEntry> found;
  auto visited = each([&](std::size_t at, const IsoRecord& record) -> Result<bool> {
    if (record.directory || record.extent != extent) return true;
    found = entry_of(at, record, plain_iso_name(record.name));
    return false;
  });
  if (!visited) return std::unexpected(visited.error());
  return found;
}

std::optional<std::size_t> IsoDirectory::record_of(std::string_view identifier) const {
  std::optional<std::size_t> found;
  const auto visited = each([&](std::size_t at, const IsoRecord& record) -> Result<bool> {
    if (record.name == identifier) found = at;
    return !found;
  });
  return visited ? found : std::nullopt;
}

bool IsoDirectory::has_identifier(std::string_view identifier) const {
  return record_of(identifier).has_value();
}

Result<std::vector<IsoEntry>> IsoDirectory::subdirectories(Canvas& canvas) const {
  std::vector<IsoEntry> found;
  auto visited = each([&](std::size_t at, const IsoRecord& record) -> Result<bool> {
    if (is_self_or_parent(record.name)) return true;
    if (dialect_.naming == IsoNaming::rock_ridge) {
      auto fields = read_rock_ridge(canvas, record.system_use, dialect_.susp_skip);
      if (!fields) return std::unexpected(fields.error());
      if (fields->child_sector ||
          (fields->relocated && record.directory && !same_letters(fields->name, "rr_moved"))) {
        return fail(ErrorKind::unsupported, "it holds relocated directories (Rock Ridge CL, RE)");
      }
    }
    if (record.directory) found.push_back(entry_of(at, record, ""));
    return true;
  });
  if (!visited) return std::unexpected(visited.error());
  return found;
}

/// Into the sector where it sorts; a full sector is split, so all others stay as they are.
void IsoDirectory::insert(const std::string& record) {
  const std::string_view identifier(record.data() + 33, static_cast<std::uint8_t>(record[32]));
  std::size_t where = 0;  // behind the last record that sorts before it
  [[maybe_unused]] const auto visited = each([&](std::size_t at, const IsoRecord& other) -> Result<bool> {
    if (!is_self_or_parent(other.name) && iso_name_before(identifier, other.name, dialect_.naming))
      return false;
    where = at + static_cast<std::uint8_t>(bytes_[at]);
    return true;
  });
  const std::size_t sector = (where - 1) / iso_sector * iso_sector;
  std::size_t used = 0;
  while (used < iso_sector && bytes_[sector + used] != 0)
    used += static_cast<std::uint8_t>(bytes_[sector + used]);
  const std::size_t within = where - sector;
  if (used + record.size() <= iso_sector) {
    bytes_.insert(sector + within, record);
    bytes_.erase(sector + used + record.size(), record.size());
    changed(sector);
    return;
  }
  std::string first = bytes_.substr(sector, within);
  std::string second = bytes_.substr(sector + within, used - within);
  if (first.size() + record.size() <= iso_sector) {
    first += record;
  } else {
    second.insert(0, record);
  }
  first.resize(iso_sector, '\0');
  second.resize(iso_sector, '\0');
  bytes_.replace(sector, iso_sector, first + second);
  changed(sector);
  origin_.insert(origin_.begin() + static_cast<std::ptrdiff_t>(sector / iso_sector), std::nullopt);
}

void IsoDirectory::point(std::string_view identifier, std::uint64_t sector, std::uint64_t size) {
  const auto at = record_of(identifier);
  if (!at) return;
  bytes_[*at + 1] = '\0';  // no extended attributes in front of the new content
  bytes_.replace(*at + 2, 16, both_bytes(sector, 4) + both_bytes(size, 4));
  changed(*at);
}

void IsoDirectory::renumber(std::string_view identifier, std::uint64_t serial) {
  const auto record = record_of(identifier);
  if (!record) return;
  const std::size_t end = *record + static_cast<std::uint8_t>(bytes_[*record]);
  std::size_t at =
      *record + 33 + identifier.size() + (identifier.size() % 2 == 0 ? 1 : 0) + dialect_.susp_skip;
  while (at + 4 <= end) {
    const auto length = static_cast<std::uint8_t>(bytes_[at + 2]);
    if (length < 4 || at + length > end) return;
    if (bytes_.compare(at, 2, "PX") == 0 && length == 44) {
      bytes_.replace(at + 36, 8, both_bytes(serial, 4));
      changed(*record);
      return;
    }
    at += length;
  }
}

Status IsoDirectory::write_in_place(Canvas& canvas) const {
  for (std::size_t i = 0; i < origin_.size(); ++i) {
    if (origin_[i]) continue;
    auto written = canvas.write(home_->offset + i * iso_sector, bytes_.substr(i * iso_sector, iso_sector));
    if (!written) return written;
  }
  return {};
}

void IsoDirectory::write_at(Canvas& canvas, std::uint64_t sector) const {
  std::vector<Segment> content;
  for (std::size_t i = 0; i < origin_.size(); ++i) {
    if (!origin_[i]) {
      content.emplace_back(bytes_.substr(i * iso_sector, iso_sector));
      continue;
    }
    auto* run = content.empty() ? nullptr : std::get_if<ByteRange>(&content.back());
    if (run != nullptr && run->end() == *origin_[i]) {
      run->length += iso_sector;
    } else {
      content.emplace_back(ByteRange{*origin_[i], iso_sector});
    }
  }
  canvas.place(sector, std::move(content));
}

}  // namespace metalmesh::media
