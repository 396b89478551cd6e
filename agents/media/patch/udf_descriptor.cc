#include "agents/media/patch/udf_descriptor.h"

#include <algorithm>
#include <array>

#include "agents/media/iso_record.h"
#include "agents/media/patch/iso_names.h"

namespace metalmesh::media {
namespace {

constexpr std::size_t tag_bytes = 16;
constexpr std::size_t name_head = 38;
constexpr std::uint64_t most_extent = (1ULL << 30U) - 1;
constexpr unsigned short_descriptors = 0;
constexpr unsigned long_descriptors = 1;
constexpr unsigned embedded_content_kind = 3;

// Fields of both kinds of file entries, then those that lie elsewhere in the extended one.
constexpr std::size_t strategy_at = 20;
constexpr std::size_t type_at = 27;
constexpr std::size_t flags_at = 34;
constexpr std::size_t links_at = 48;
constexpr std::size_t length_at = 56;
struct EntryLayout {
  std::size_t blocks_at, times_at, implementation_at, unique_id_at, attributes_length_at, attributes_at;
};
constexpr EntryLayout plain_layout{64, 72, 128, 160, 168, 176};
constexpr EntryLayout extended_layout{72, 80, 168, 200, 208, 216};
constexpr std::size_t object_size_at = 64;  // extended only

constexpr std::array<std::uint16_t, 256> make_crc_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8U;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000U) != 0 ? crc << 1U ^ 0x1021U : crc << 1U;
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}
constexpr auto crc_table = make_crc_table();

/// CRC-16 with polynomial 0x1021 (ECMA-167, 7.2.6).
std::uint16_t crc_of(std::string_view bytes) {
  unsigned crc = 0;
  for (const char c : bytes) {
    crc = (crc << 8U & 0xffffU) ^ crc_table[(crc >> 8U ^ static_cast<std::uint8_t>(c)) & 0xffU];
  }
  return static_cast<std::uint16_t>(crc);
}

/// Sum of the tag's bytes but for the checksum itself.
std::uint8_t checksum_of(std::string_view tag) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < tag_bytes; ++i) sum += i == 4 ? 0U : static_cast<std::uint8_t>(tag[i]);
  return static_cast<std::uint8_t>(sum);
}

const EntryLayout& layout_of(std::string_view block) {
  return little(block, 0, 2) == static_cast<std::uint16_t>(UdfTag::extended_file_entry) ? extended_layout
                                                                                        : plain_layout;
}

/// The single contiguous run that the allocation descriptors describe.
Result<std::uint64_t> first_block_of(std::string_view descriptors, unsigned kind) {
  const std::size_t step = kind == short_descriptors ? 8 : 16;
  std::uint64_t first = 0;
  std::uint64_t next = 0;
  for (std::size_t at = 0; at + step <= descriptors.size(); at += step) {
    const std::uint64_t raw = little32(descriptors, at);
    const std::uint64_t length = raw & most_extent;
    const std::uint64_t block = little32(descriptors, at + 4);
    if (length == 0) break;
    if (raw >> 30U != 0) return fail(ErrorKind::unsupported, "a UDF file is not recorded in one piece");
    if (kind == long_descriptors && little(descriptors, at + 8, 2) != 0) {
      return fail(ErrorKind::unsupported, "a UDF file lies in another partition");
    }
    if (at == 0) {
      first = block;
    } else if (block != next) {
      return fail(ErrorKind::unsupported, "a UDF file is stored in several extents");
    }
    next = block + (length + iso_sector - 1) / iso_sector;
  }
  return first;
}

}  // namespace

bool has_udf_tag(std::string_view bytes, UdfTag tag) {
  if (bytes.size() < tag_bytes || little(bytes, 0, 2) != static_cast<std::uint16_t>(tag)) return false;
  const std::size_t covered = little(bytes, 10, 2);
  return static_cast<std::uint8_t>(bytes[4]) == checksum_of(bytes) && covered <= bytes.size() - tag_bytes &&
         crc_of(bytes.substr(tag_bytes, covered)) == little(bytes, 8, 2);
}

void seal_udf(std::string& bytes, std::uint64_t location, std::size_t covered) {
  bytes.replace(8, 2, little_bytes(crc_of(std::string_view(bytes).substr(tag_bytes, covered)), 2));
  bytes.replace(10, 2, little_bytes(covered, 2));
  bytes.replace(12, 4, little_bytes(location, 4));
  bytes[4] = static_cast<char>(checksum_of(bytes));
}

Result<UdfFileEntry> UdfFileEntry::parse(std::string block) {
  if (!has_udf_tag(block, UdfTag::file_entry) && !has_udf_tag(block, UdfTag::extended_file_entry)) {
    return fail(ErrorKind::corrupt, "a UDF file entry is damaged");
  }
  UdfFileEntry entry;
  entry.block_ = std::move(block);
  const EntryLayout& layout = layout_of(entry.block_);
  const std::uint64_t attributes = little32(entry.block_, layout.attributes_length_at);
  const std::uint64_t descriptors = little32(entry.block_, layout.attributes_length_at + 4);
  if (attributes > entry.block_.size() - layout.attributes_at ||
      descriptors > entry.block_.size() - layout.attributes_at - attributes) {
    return fail(ErrorKind::corrupt, "a UDF file entry is longer than its block");
  }
  const auto type = static_cast<std::uint8_t>(entry.block_[type_at]);
  if (little(entry.block_, strategy_at, 2) != 4 ||
      (type != static_cast<std::uint8_t>(Type::directory) && type != static_cast<std::uint8_t>(Type::file))) {
    return fail(ErrorKind::unsupported, "a UDF file entry is of an unknown kind");
  }
  entry.content_at_ = layout.attributes_at + attributes;
  entry.content_bytes_ = descriptors;
  const unsigned kind = static_cast<std::uint8_t>(entry.block_[flags_at]) & 7U;
  if (kind == embedded_content_kind) {
    entry.embedded_ = true;
    if (entry.length() > descriptors) return fail(ErrorKind::corrupt, "a UDF file is longer than its entry");
    return entry;
  }
  if (kind != short_descriptors && kind != long_descriptors) {
    return fail(ErrorKind::unsupported, "a UDF file has extended allocation descriptors");
  }
  auto first = first_block_of(std::string_view(entry.block_).substr(entry.content_at_, descriptors), kind);
  if (!first) return std::unexpected(first.error());
  entry.first_block_ = *first;
  return entry;
}

UdfFileEntry UdfFileEntry::make(const UdfFileEntry& parent, Type type, std::uint64_t unique_id) {
  const EntryLayout& from = layout_of(parent.block_);
  UdfFileEntry entry;
  entry.block_.assign(iso_sector, '\0');
  const auto copy = [&](std::size_t to, std::size_t at, std::size_t length) {
    entry.block_.replace(to, length, parent.block_, at, length);
  };
  entry.set(0, static_cast<std::uint16_t>(UdfTag::file_entry), 2);
  copy(2, 2, 2);  // version
  copy(6, 6, 2);  // serial number
  entry.set(strategy_at, 4, 2);
  entry.set(24, 1, 2);  // entries
  entry.set(type_at, static_cast<std::uint8_t>(type), 1);
  copy(36, 36, 8);                                              // owner
  entry.set(44, type == Type::directory ? 0x14a5 : 0x1084, 4);  // all may read, and enter a directory
  entry.set(links_at, 1, 2);
  copy(plain_layout.times_at, from.times_at, 24);  // access, modification
  copy(plain_layout.times_at + 24, from.times_at + (&from == &extended_layout ? 36 : 24), 12);  // attributes
  entry.set(108, 1, 4);                                                                         // checkpoint
  copy(plain_layout.implementation_at, from.implementation_at, 32);
  entry.set(plain_layout.unique_id_at, unique_id, 8);
  entry.content_at_ = plain_layout.attributes_at;
  return entry;
}

bool UdfFileEntry::extended() const { return &layout_of(block_) == &extended_layout; }
bool UdfFileEntry::directory() const {
  return static_cast<std::uint8_t>(block_[type_at]) == static_cast<std::uint8_t>(Type::directory);
}
std::uint64_t UdfFileEntry::links() const { return little(block_, links_at, 2); }
void UdfFileEntry::set_links(std::uint64_t links) { set(links_at, links, 2); }
std::uint64_t UdfFileEntry::length() const { return little(block_, length_at, 8); }
std::string UdfFileEntry::embedded_content() const { return block_.substr(content_at_, length()); }

void UdfFileEntry::set(std::size_t at, std::uint64_t value, std::size_t width) {
  block_.replace(at, width, little_bytes(value, width));
}

void UdfFileEntry::set_length(std::uint64_t length, std::uint64_t blocks, unsigned descriptor_kind) {
  const EntryLayout& layout = layout_of(block_);
  set(length_at, length, 8);
  if (extended()) set(object_size_at, length, 8);
  set(layout.blocks_at, blocks, 8);
  set(flags_at, (static_cast<std::uint8_t>(block_[flags_at]) & ~7U) | descriptor_kind, 1);
  set(layout.attributes_length_at + 4, content_bytes_, 4);
}

void UdfFileEntry::embed(std::string_view content) {
  content_bytes_ = content.size();
  embedded_ = true;
  block_.replace(content_at_, std::string::npos, content);
  block_.resize(iso_sector, '\0');
  set_length(content.size(), 0, embedded_content_kind);
}

void UdfFileEntry::point(std::uint64_t first_block, std::uint64_t length) {
  content_bytes_ = length == 0 ? 0 : 8;
  embedded_ = false;
  first_block_ = first_block;
  block_.resize(content_at_);
  if (length > 0) block_ += little_bytes(length, 4) + little_bytes(first_block, 4);
  block_.resize(iso_sector, '\0');
  set_length(length, (length + iso_sector - 1) / iso_sector, short_descriptors);
}

std::string UdfFileEntry::sealed(std::uint64_t location) const {
  std::string block = block_;
  seal_udf(block, location, content_at_ + content_bytes_ - tag_bytes);
  return block;
}

Result<UdfName> parse_udf_name(std::string_view bytes) {
  if (bytes.size() < name_head ||
      little(bytes, 0, 2) != static_cast<std::uint16_t>(UdfTag::file_identifier)) {
    return fail(ErrorKind::corrupt, "a UDF directory is damaged");
  }
  const std::size_t name_length = static_cast<std::uint8_t>(bytes[19]);
  const std::size_t use_length = little(bytes, 36, 2);
  UdfName found;
  found.size = (name_head + use_length + name_length + 3) / 4 * 4;
  if (found.size > bytes.size()) return fail(ErrorKind::corrupt, "a UDF directory is damaged");
  const auto flags = static_cast<std::uint8_t>(bytes[18]);
  found.directory = (flags & 0x02U) != 0;
  found.deleted = (flags & 0x04U) != 0;
  found.parent = (flags & 0x08U) != 0;
  found.block = little32(bytes, 24);
  if (little(bytes, 28, 2) != 0) return fail(ErrorKind::unsupported, "a UDF file lies in another partition");
  if (name_length > 1) {
    const std::string_view text = bytes.substr(name_head + use_length + 1, name_length - 1);
    found.name = bytes[name_head + use_length] == 16 ? from_ucs2(text) : std::string(text);
  }
  return found;
}

std::string make_udf_name(std::string_view name, bool directory, std::uint64_t block, std::uint64_t unique_id,
                          std::uint64_t version) {
  std::string bytes(name_head, '\0');
  const auto set = [&](std::size_t at, std::uint64_t value, std::size_t width) {
    bytes.replace(at, width, little_bytes(value, width));
  };
  set(0, static_cast<std::uint16_t>(UdfTag::file_identifier), 2);
  set(2, version, 2);
  set(16, 1, 2);  // file version
  set(18, (directory || name.empty() ? 0x02U : 0U) | (name.empty() ? 0x08U : 0U), 1);
  set(19, name.empty() ? 0 : name.size() + 1, 1);
  set(20, iso_sector, 4);
  set(24, block, 4);
  set(32, unique_id, 4);
  if (!name.empty()) bytes += '\x08' + std::string(name);
  bytes.resize((bytes.size() + 3) / 4 * 4, '\0');
  return bytes;
}

}  // namespace metalmesh::media
