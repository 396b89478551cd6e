#include "agents/media/patch/udf_patch.h"

#include <algorithm>

#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t anchor_sector = 256;
constexpr std::uint64_t most_volume_sectors = 64;
constexpr std::uint64_t most_directory_bytes = 4ULL << 20;
constexpr std::size_t most_depth = 16;

Result<std::string> block_with(Canvas& canvas, std::uint64_t sector, UdfTag tag, const char* what) {
  auto bytes = canvas.read(sector * iso_sector, iso_sector);
  if (bytes && !has_udf_tag(*bytes, tag)) {
    return fail(ErrorKind::corrupt, std::string("the UDF ") + what + " is missing or damaged");
  }
  return bytes;
}

}  // namespace

Status UdfPatch::take_logical_volume(std::string_view descriptor) {
  if (little32(descriptor, 212) != iso_sector) {
    return fail(ErrorKind::unsupported, "UDF blocks are not 2048 bytes");
  }
  // One partition map of type 1 (6 bytes); metadata, sparable and virtual partitions have type 2.
  if (little32(descriptor, 268) != 1 || little32(descriptor, 264) != 6 || descriptor[440] != 1) {
    return fail(ErrorKind::unsupported, "the UDF volume has several or special partitions");
  }
  partition_number_ = little(descriptor, 444, 2);
  file_set_ = little32(descriptor, 252);
  integrity_ = little32(descriptor, 436);
  return {};
}

/// One volume descriptor sequence, main or reserve.
Status UdfPatch::read_volume(Canvas& canvas, std::uint64_t sector, std::uint64_t count) {
  for (std::uint64_t i = 0; i < std::min(count, most_volume_sectors); ++i) {
    auto bytes = canvas.read((sector + i) * iso_sector, iso_sector);
    if (!bytes) return std::unexpected(bytes.error());
    if (has_udf_tag(*bytes, UdfTag::terminator)) break;
    if (has_udf_tag(*bytes, UdfTag::pointer)) {
      return fail(ErrorKind::unsupported, "the UDF volume description continues elsewhere");
    }
    if (has_udf_tag(*bytes, UdfTag::logical_volume)) {
      if (auto taken = take_logical_volume(*bytes); !taken) return taken;
    }
    if (!has_udf_tag(*bytes, UdfTag::partition)) continue;
    const std::uint64_t start = little32(*bytes, 188);
    if (!partition_descriptors_.empty() && start != partition_) {
      return fail(ErrorKind::unsupported, "the UDF volume has several partitions");
    }
    // The partition header (at 56) of a writable one lists free space, which would have to grow as well.
    for (std::size_t at = 56; at < 56 + 40; at += 8) {
      if (little32(*bytes, at) != 0) return fail(ErrorKind::unsupported, "the UDF partition is writable");
    }
    partition_ = start;
    partition_descriptors_.push_back(sector + i);
  }
  return {};
}

Result<UdfPatch> UdfPatch::open(Canvas& canvas) {
  auto anchor = block_with(canvas, anchor_sector, UdfTag::anchor, "anchor");
  if (!anchor) return std::unexpected(anchor.error());
  UdfPatch udf;
  for (const std::size_t at : {std::size_t{16}, std::size_t{24}}) {
    auto read = udf.read_volume(canvas, little32(*anchor, at + 4), little32(*anchor, at) / iso_sector);
    if (!read) return std::unexpected(read.error());
  }
  if (udf.partition_descriptors_.empty() || !udf.file_set_) {
    return fail(ErrorKind::corrupt, "the UDF volume has no partition");
  }
  auto integrity = block_with(canvas, udf.integrity_, UdfTag::integrity, "integrity descriptor");
  if (!integrity) return std::unexpected(integrity.error());
  if (little32(*integrity, 32) != 0 || little32(*integrity, 72) != 1) {
    return fail(ErrorKind::unsupported, "the UDF volume has a longer history");
  }
  udf.next_id_ = std::max<std::uint64_t>(little(*integrity, 40, 8), 16);
  auto file_set =
      block_with(canvas, udf.partition_ + *udf.file_set_, UdfTag::file_set, "file set descriptor");
  if (!file_set) return std::unexpected(file_set.error());
  auto root = udf.load(canvas, little32(*file_set, 404));
  if (!root) return std::unexpected(std::move(root.error()).with("UDF root directory"));
  udf.root_ = std::move(*root);
  return udf;
}

Result<UdfFileEntry> UdfPatch::entry_at(Canvas& canvas, std::uint64_t block) const {
  auto bytes = canvas.read((partition_ + block) * iso_sector, iso_sector);
  if (!bytes) return std::unexpected(bytes.error());
  return UdfFileEntry::parse(std::move(*bytes));
}

Result<std::unique_ptr<UdfPatch::Node>> UdfPatch::load(Canvas& canvas, std::uint64_t block) const {
  auto entry = entry_at(canvas, block);
  if (!entry) return std::unexpected(entry.error());
  if (!entry->directory()) return fail(ErrorKind::unsupported, "is not a directory");
  if (entry->length() > most_directory_bytes) return fail(ErrorKind::corrupt, "is too long");
  auto node = std::make_unique<Node>();
  node->block = block;
  if (entry->embedded()) {
    node->names = entry->embedded_content();
  } else {
    auto bytes = canvas.read((partition_ + entry->first_block()) * iso_sector, entry->length());
    if (!bytes) return std::unexpected(bytes.error());
    node->names = std::move(*bytes);
  }
  if (auto first = parse_udf_name(node->names); !first) return std::unexpected(first.error());
  node->entry = std::move(*entry);
  return node;
}

Result<std::optional<UdfName>> UdfPatch::find(const Node& node, const std::string& name) const {
  std::optional<UdfName> alike;
  bool several = false;
  for (std::size_t at = 0; at < node.names.size();) {
    auto found = parse_udf_name(std::string_view(node.names).substr(at));
    if (!found) return std::unexpected(found.error());
    at += found->size;
    if (found->deleted || found->parent) continue;
    if (found->name == name) return *found;
    if (!same_letters(found->name, name)) continue;
    several = alike.has_value();
    alike = std::move(*found);
  }
  if (several) return fail(ErrorKind::unsupported, "several names of a directory could be meant by " + name);
  return alike;
}

Result<UdfPatch::Node*> UdfPatch::enter(Canvas& canvas, Node& node, const std::string& name, bool make) {
  auto found = find(node, name);
  if (!found) return std::unexpected(found.error());
  if (!*found) return make ? make_directory(canvas, node, name) : nullptr;
  auto& child = node.children[(*found)->name];
  if (!child) {
    auto loaded = load(canvas, (*found)->block);
    if (!loaded) {
      node.children.erase((*found)->name);
      return std::unexpected(std::move(loaded.error()).with((*found)->name));
    }
    child = std::move(*loaded);
  }
  return child.get();
}

Result<UdfPatch::Node*> UdfPatch::make_directory(Canvas& canvas, Node& node, const std::string& name) {
  const std::uint64_t id = next_id_++;
  auto child = std::make_unique<Node>();
  child->block = append_entry(canvas);
  child->fresh = true;
  child->changed = true;
  child->entry = UdfFileEntry::make(node.entry, UdfFileEntry::Type::directory, id);
  child->names = make_udf_name("", true, node.block, 0, little(node.names, 2, 2));
  node.names += make_udf_name(name, true, child->block, id, little(node.names, 2, 2));
  node.entry.set_links(node.entry.links() + 1);
  node.changed = true;
  ++directories_added_;
  return (node.children[name] = std::move(child)).get();
}

Result<std::optional<ByteRange>> UdfPatch::locate(Canvas& canvas, const std::vector<std::string>& path) {
  Node* node = root_.get();
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    auto next = enter(canvas, *node, path[i], false);
    if (!next) return std::unexpected(next.error());
    if (*next == nullptr) return std::nullopt;
    node = *next;
  }
  auto found = find(*node, path.back());
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::nullopt;
  auto entry = entry_at(canvas, (*found)->block);
  if (!entry) return std::unexpected(entry.error());
  if (entry->directory()) return fail(ErrorKind::unsupported, (*found)->name + " is a directory");
  if (entry->embedded()) return ByteRange{};
  return ByteRange{(partition_ + entry->first_block()) * iso_sector, entry->length()};
}

Status UdfPatch::store(Canvas& canvas, std::uint64_t block, const UdfFileEntry& entry, bool fresh) const {
  std::string sealed = entry.sealed(block);
  if (!fresh) return canvas.write((partition_ + block) * iso_sector, sealed);
  canvas.place(partition_ + block, {Segment(std::move(sealed))});
  return {};
}

Status UdfPatch::put(Canvas& canvas, const std::vector<std::string>& path, const FileContent& content) {
  if (path.size() > most_depth) return fail(ErrorKind::unsupported, "the path is too deep");
  if (content.size > 0 && content.sector < partition_) {
    return fail(ErrorKind::unsupported, "the UDF partition lies behind the end of the image");
  }
  Node* node = root_.get();
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    auto next = enter(canvas, *node, path[i], true);
    if (!next) return std::unexpected(next.error());
    node = *next;
  }
  auto found = find(*node, path.back());
  if (!found) return std::unexpected(found.error());
  if (*found) {
    auto entry = entry_at(canvas, (*found)->block);
    if (!entry) return std::unexpected(entry.error());
    if (entry->directory()) return fail(ErrorKind::unsupported, (*found)->name + " is a directory");
    if (entry->links() > 1) return fail(ErrorKind::unsupported, (*found)->name + " has several names");
    entry->point(content.sector - partition_, content.size);
    return store(canvas, (*found)->block, *entry, false);
  }
  const std::uint64_t id = next_id_++;
  const std::uint64_t block = append_entry(canvas);
  UdfFileEntry entry = UdfFileEntry::make(node->entry, UdfFileEntry::Type::file, id);
  entry.point(content.sector - partition_, content.size);
  node->names += make_udf_name(path.back(), false, block, id, little(node->names, 2, 2));
  node->changed = true;
  ++files_added_;
  return store(canvas, block, entry, true);
}

/// A directory's names carry the block they lie in, so they are sealed when their place is known.
Status UdfPatch::draw(Canvas& canvas, Node& node) {
  for (auto& [name, child] : node.children) {
    if (auto drawn = draw(canvas, *child); !drawn) return drawn;
  }
  if (!node.changed) return {};
  const bool embed = (node.entry.embedded() || node.fresh) && node.names.size() <= node.entry.embedded_room();
  const auto blocks = [](std::uint64_t bytes) { return (bytes + iso_sector - 1) / iso_sector; };
  const bool stays =
      !node.fresh && !node.entry.embedded() && blocks(node.names.size()) == blocks(node.entry.length());
  const std::uint64_t first = embed   ? node.block
                              : stays ? node.entry.first_block()
                                      : canvas.allocate(node.names.size()) - partition_;
  std::string sealed;
  for (std::size_t at = 0; at < node.names.size();) {
    auto parsed = parse_udf_name(std::string_view(node.names).substr(at));
    if (!parsed) return std::unexpected(parsed.error());
    std::string one = node.names.substr(at, parsed->size);
    // An identifier is covered as a whole, whatever its writer covered.
    seal_udf(one, embed ? first : first + at / iso_sector, parsed->size - 16);
    sealed += one;
    at += parsed->size;
  }
  const std::uint64_t length = sealed.size();
  if (embed) {
    node.entry.embed(sealed);
  } else {
    node.entry.point(first, length);
    if (stays) {
      if (auto written = canvas.write((partition_ + first) * iso_sector, sealed); !written) return written;
    } else {
      canvas.place(partition_ + first, {Segment(std::move(sealed))});
    }
  }
  return store(canvas, node.block, node.entry, node.fresh);
}

Status UdfPatch::grow_partition(Canvas& canvas) {
  auto anchor = canvas.read(anchor_sector * iso_sector, iso_sector);
  if (!anchor) return std::unexpected(anchor.error());
  const std::uint64_t last = canvas.allocate(iso_sector);
  const auto covered = [](const std::string& bytes) {
    return static_cast<std::size_t>(little(bytes, 10, 2));
  };
  const std::uint64_t length = last - partition_;
  seal_udf(*anchor, last, covered(*anchor));
  canvas.place(last, {Segment(std::move(*anchor))});
  for (const std::uint64_t sector : partition_descriptors_) {
    auto bytes = canvas.read(sector * iso_sector, iso_sector);
    if (!bytes) return std::unexpected(bytes.error());
    bytes->replace(192, 4, little_bytes(length, 4));
    seal_udf(*bytes, sector, covered(*bytes));
    if (auto written = canvas.write(sector * iso_sector, *bytes); !written) return written;
  }
  auto bytes = canvas.read(integrity_ * iso_sector, iso_sector);
  if (!bytes) return std::unexpected(bytes.error());
  const auto add = [&](std::size_t at, std::uint64_t count) {
    bytes->replace(at, 4, little_bytes(little32(*bytes, at) + count, 4));
  };
  bytes->replace(40, 8, little_bytes(next_id_, 8));
  bytes->replace(84, 4, little_bytes(length, 4));  // size table, behind the free space table
  if (little32(*bytes, 76) >= 40) {                // implementation use with counts
    add(88 + 32, files_added_);
    add(88 + 36, directories_added_);
  }
  seal_udf(*bytes, integrity_, covered(*bytes));
  return canvas.write(integrity_ * iso_sector, *bytes);
}

Status UdfPatch::finish(Canvas& canvas) {
  if (auto drawn = draw(canvas, *root_); !drawn) return drawn;
  return grow_partition(canvas);
}

}  // namespace metalmesh::media
