#include "agents/media/patch/iso_path_table.h"

#include <algorithm>

namespace metalmesh::media {
namespace {

constexpr std::uint64_t most_table_bytes = 4ULL << 20;
constexpr std::size_t most_directories = 65535;  // parent numbers have 16 bits

// Fields of a volume descriptor.
constexpr std::uint64_t table_size_at = 132;
struct TableField {
  std::uint64_t at;
  bool big_endian;
};
constexpr TableField table_fields[] = {{140, false}, {144, false}, {148, true}, {152, true}};

struct PathEntry {
  std::uint64_t sector = 0;
  std::size_t parent = 0;  // number, from 1
  std::string identifier;
};

std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t width, bool big_endian) {
  if (!big_endian) return little(bytes, at, width);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value << 8U | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

/// Calls `visit(offset of the entry)`; the name's length is the entry's first byte.
template <class Visit>
Status each_entry(std::string_view table, Visit visit) {
  for (std::size_t at = 0; at < table.size();) {
    const auto length = static_cast<std::uint8_t>(table[at]);
    if (length == 0 || table.size() - at < 8U + length)
      return fail(ErrorKind::corrupt, "a path table is damaged");
    visit(at);
    at += 8U + length + length % 2;
  }
  return {};
}

Result<std::vector<PathEntry>> parse(std::string_view table) {
  std::vector<PathEntry> entries;
  auto read = each_entry(table, [&](std::size_t at) {
    const auto length = static_cast<std::uint8_t>(table[at]);
    entries.push_back({little32(table, at + 2), static_cast<std::size_t>(little(table, at + 6, 2)),
                       std::string(table.substr(at + 8, length))});
  });
  if (!read) return std::unexpected(read.error());
  return entries;
}

/// Entries are sorted by parent, then by name, so a directory's number rises with its depth.
Status insert(std::vector<PathEntry>& entries, const FreshDirectory& fresh, IsoNaming naming) {
  const auto parent = std::find_if(entries.begin(), entries.end(),
                                   [&](const PathEntry& e) { return e.sector == fresh.parent_sector; });
  if (parent == entries.end()) return fail(ErrorKind::corrupt, "a directory is missing in its path table");
  const std::size_t parent_number = static_cast<std::size_t>(parent - entries.begin()) + 1;
  std::size_t at = parent_number;
  while (at < entries.size() && (entries[at].parent < parent_number ||
                                 (entries[at].parent == parent_number &&
                                  iso_name_before(entries[at].identifier, fresh.identifier, naming)))) {
    ++at;
  }
  for (PathEntry& entry : entries) {
    if (entry.parent > at) ++entry.parent;  // numbers from `at` + 1 on shift by one
  }
  entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(at),
                 {fresh.sector, parent_number, fresh.identifier});
  return {};
}

std::string serialise(const std::vector<PathEntry>& entries, bool big_endian) {
  std::string table;
  for (const PathEntry& entry : entries) {
    table += static_cast<char>(entry.identifier.size());
    table += '\0';
    table += big_endian ? big_bytes(entry.sector, 4) : little_bytes(entry.sector, 4);
    table += big_endian ? big_bytes(entry.parent, 2) : little_bytes(entry.parent, 2);
    table += entry.identifier;
    if (entry.identifier.size() % 2 == 1) table += '\0';
  }
  return table;
}

Status move_in_place(Canvas& canvas, std::uint64_t offset, std::string_view table, bool big_endian,
                     const std::map<std::uint64_t, std::uint64_t>& moved) {
  Status written;
  auto read = each_entry(table, [&](std::size_t at) {
    const auto target = moved.find(number(table, at + 2, 4, big_endian));
    if (target == moved.end() || !written) return;
    written = canvas.write(offset + at + 2,
                           big_endian ? big_bytes(target->second, 4) : little_bytes(target->second, 4));
  });
  return read ? written : read;
}

Status rebuild(Canvas& canvas, std::uint64_t descriptor, std::string_view table, IsoNaming naming,
               const std::map<std::uint64_t, std::uint64_t>& moved, const std::vector<FreshDirectory>& fresh,
               std::string_view fields) {
  auto entries = parse(table);
  if (!entries) return std::unexpected(entries.error());
  if (entries->size() + fresh.size() > most_directories) {
    return fail(ErrorKind::exhausted, "the image has no room for another directory");
  }
  for (PathEntry& entry : *entries) {
    if (const auto target = moved.find(entry.sector); target != moved.end()) entry.sector = target->second;
  }
  for (const FreshDirectory& directory : fresh) {
    if (auto inserted = insert(*entries, directory, naming); !inserted) return inserted;
  }
  std::uint64_t sectors[2] = {};
  std::uint64_t size = 0;
  for (const bool big_endian : {false, true}) {
    std::string fresh_table = serialise(*entries, big_endian);
    size = fresh_table.size();
    sectors[big_endian ? 1 : 0] = canvas.append(std::move(fresh_table));
  }
  for (const TableField& field : table_fields) {
    if (number(fields, field.at, 4, field.big_endian) == 0) continue;  // no second copy
    const std::uint64_t sector = sectors[field.big_endian ? 1 : 0];
    auto written = canvas.write(descriptor + field.at,
                                field.big_endian ? big_bytes(sector, 4) : little_bytes(sector, 4));
    if (!written) return written;
  }
  return canvas.write(descriptor + table_size_at, both_bytes(size, 4));
}

}  // namespace

Status patch_path_tables(Canvas& canvas, std::uint64_t descriptor, IsoNaming naming,
                         const std::map<std::uint64_t, std::uint64_t>& moved,
                         const std::vector<FreshDirectory>& fresh) {
  if (moved.empty() && fresh.empty()) return {};
  auto fields = canvas.read(descriptor, iso_sector);
  if (!fields) return std::unexpected(fields.error());
  const std::uint64_t size = little32(*fields, table_size_at);
  if (size == 0 || size > most_table_bytes)
    return fail(ErrorKind::corrupt, "a path table is empty or too long");
  for (const TableField& field : table_fields) {
    const std::uint64_t offset = number(*fields, field.at, 4, field.big_endian) * iso_sector;
    if (offset == 0) continue;
    auto table = canvas.read(offset, size);
    if (!table) return std::unexpected(table.error());
    if (!fresh.empty()) return rebuild(canvas, descriptor, *table, naming, moved, fresh, *fields);
    if (auto done = move_in_place(canvas, offset, *table, field.big_endian, moved); !done) return done;
  }
  return {};
}

}  // namespace metalmesh::media
