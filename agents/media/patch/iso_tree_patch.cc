#include "agents/media/patch/iso_tree_patch.h"

#include <set>
#include <utility>

#include "agents/media/patch/iso_path_table.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t root_record_at = 156;  // in a volume descriptor
constexpr std::size_t most_depth = 16;
constexpr std::size_t most_searched = 4096;  // directories
constexpr unsigned most_attempts = 1000;
constexpr std::string_view self{"\0", 1};
constexpr std::string_view parent_of{"\1", 1};

/// Takes the recording time, the Rock Ridge version and the habit of ";1" from the root directory.
Result<IsoDialect> dialect_of(Canvas& canvas, const IsoRecord& root, bool joliet) {
  IsoDialect dialect;
  dialect.naming = joliet ? IsoNaming::joliet : IsoNaming::plain;
  dialect.versions = !joliet;
  const std::uint64_t length = std::min<std::uint64_t>(root.extent.length, iso_sector);
  auto bytes = canvas.read(root.extent.offset, length);
  if (!bytes) return std::unexpected(bytes.error());
  const std::string_view all = *bytes;
  for (std::size_t at = 0; at < all.size();) {
    const auto size = static_cast<std::uint8_t>(all[at]);
    if (size == 0) break;
    if (size > all.size() - at) return fail(ErrorKind::corrupt, "a directory record leaves its sector");
    auto record = parse_iso_record(all.substr(at, size));
    if (!record) return std::unexpected(record.error());
    if (at == 0) {
      dialect.recorded = std::string(all.substr(18, 7));
      const auto skip = joliet ? std::nullopt : susp_skip_of(record->system_use);
      if (skip) {
        auto fields = read_rock_ridge(canvas, record->system_use, 0);
        if (!fields) return std::unexpected(fields.error());
        dialect.naming = IsoNaming::rock_ridge;
        dialect.susp_skip = *skip;
        if (fields->mode_length == 44) dialect.mode_length = 44;
      }
    } else if (!record->directory) {
      const std::string name = joliet ? from_ucs2(record->name) : std::string(record->name);
      dialect.versions = name.find(';') != std::string::npos;
      break;
    }
    at += size;
  }
  if (dialect.recorded.empty()) return fail(ErrorKind::corrupt, "the root directory is empty");
  return dialect;
}

Status check_replaceable(Canvas& canvas, const IsoEntry& entry, const IsoDialect& dialect) {
  if (entry.directory) return fail(ErrorKind::unsupported, entry.name + " is a directory");
  if (entry.more_extents) return fail(ErrorKind::unsupported, entry.name + " is stored in several extents");
  if (dialect.naming != IsoNaming::rock_ridge) return {};
  auto fields = read_rock_ridge(canvas, entry.system_use, dialect.susp_skip);
  if (!fields) return std::unexpected(fields.error());
  if (fields->child_sector) return fail(ErrorKind::unsupported, entry.name + " is a relocated directory");
  if (fields->symbolic_link) return fail(ErrorKind::unsupported, entry.name + " is a symbolic link");
  if (fields->transformed) return fail(ErrorKind::unsupported, entry.name + " is stored compressed");
  return {};
}

}  // namespace

Result<IsoTreePatch> IsoTreePatch::open(Canvas& canvas, std::uint64_t descriptor, bool joliet) {
  auto bytes = canvas.read(descriptor, iso_sector);
  if (!bytes) return std::unexpected(bytes.error());
  auto root = parse_iso_record(std::string_view(*bytes).substr(root_record_at, smallest_iso_record));
  if (!root) return std::unexpected(std::move(root.error()).with("root directory"));
  auto dialect = dialect_of(canvas, *root, joliet);
  if (!dialect) return std::unexpected(std::move(dialect.error()).with("root directory"));
  auto directory = IsoDirectory::load(canvas, root->extent, *dialect);
  if (!directory) return std::unexpected(std::move(directory.error()).with("root directory"));
  IsoTreePatch tree;
  tree.dialect_ = std::move(*dialect);
  tree.descriptor_ = descriptor;
  tree.root_ = std::make_unique<Node>();
  tree.root_->sector = root->extent.offset / iso_sector;
  tree.root_->directory = std::move(*directory);
  return tree;
}

Result<IsoTreePatch::Node*> IsoTreePatch::load(Canvas& canvas, Node& parent, const IsoEntry& entry) {
  if (const auto known = parent.children.find(entry.identifier); known != parent.children.end()) {
    return known->second.get();
  }
  if (!entry.directory) {
    if (auto sound = check_replaceable(canvas, entry, dialect_); !sound)
      return std::unexpected(sound.error());
    return fail(ErrorKind::unsupported, entry.name + " is not a directory");
  }
  auto directory = IsoDirectory::load(canvas, entry.extent, dialect_);
  if (!directory) return std::unexpected(std::move(directory.error()).with(entry.name));
  auto node = std::make_unique<Node>();
  node->directory = std::move(*directory);
  node->parent = &parent;
  node->identifier = entry.identifier;
  node->sector = entry.extent.offset / iso_sector;
  return (parent.children[entry.identifier] = std::move(node)).get();
}

Result<IsoTreePatch::Node*> IsoTreePatch::enter(Canvas& canvas, Node& node, const std::string& name,
                                                Missing missing, bool shortened) {
  auto entry = node.directory.find(canvas, name, shortened);
  if (!entry) return std::unexpected(entry.error());
  if (*entry) return load(canvas, node, **entry);
  if (missing == Missing::leave) return nullptr;
  return make_directory(canvas, node, name);
}

Result<std::string> IsoTreePatch::free_identifier(const Node& node, const std::string& name,
                                                  bool directory) const {
  const std::string version = directory || !dialect_.versions ? "" : ";1";
  if (dialect_.naming == IsoNaming::joliet) return to_ucs2(name + version);
  for (unsigned attempt = 0; attempt < most_attempts; ++attempt) {
    std::string shortened = short_iso_name(name, attempt);
    if (directory) {
      std::erase(shortened, '.');
    } else if (shortened.find('.') == std::string::npos) {
      shortened += '.';
    }
    shortened += version;
    if (!node.directory.has_identifier(shortened)) return shortened;
  }
  return fail(ErrorKind::exhausted, "no short name is free for " + name);
}

std::string IsoTreePatch::fields(std::string_view name, bool directory, std::uint64_t serial) const {
  if (dialect_.naming != IsoNaming::rock_ridge) return "";
  return std::string(dialect_.susp_skip, '\0') +
         make_rock_ridge(name, directory, dialect_.mode_length, serial, dialect_.recorded);
}

Result<IsoTreePatch::Node*> IsoTreePatch::make_directory(Canvas& canvas, Node& parent,
                                                         const std::string& name) {
  auto identifier = free_identifier(parent, name, true);
  if (!identifier) return std::unexpected(identifier.error());
  const std::uint64_t sector = canvas.allocate(iso_sector);
  const auto record = [&](std::string_view raw, std::string_view shown) {
    return make_iso_record(
        {std::string(raw), sector, iso_sector, true, dialect_.recorded, fields(shown, true, sector)});
  };
  auto listed = record(*identifier, name);
  auto own = record(self, "");
  auto above = record(parent_of, "");
  for (const auto* made : {&listed, &own, &above}) {
    if (!*made) return std::unexpected(made->error());
  }
  parent.directory.insert(*listed);
  auto node = std::make_unique<Node>();
  node->directory = IsoDirectory::fresh(*own, *above, dialect_);
  node->parent = &parent;
  node->identifier = *identifier;
  node->sector = sector;
  return (parent.children[*identifier] = std::move(node)).get();
}

Result<std::optional<ByteRange>> IsoTreePatch::locate(Canvas& canvas, const std::vector<std::string>& path) {
  Node* node = root_.get();
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    auto next = enter(canvas, *node, path[i], Missing::leave);
    if (!next) return std::unexpected(next.error());
    if (*next == nullptr) return std::nullopt;
    node = *next;
  }
  auto entry = node->directory.find(canvas, path.back());
  if (!entry) return std::unexpected(entry.error());
  if (!*entry) return std::nullopt;
  if (auto sound = check_replaceable(canvas, **entry, dialect_); !sound)
    return std::unexpected(sound.error());
  return (*entry)->extent;
}

Result<std::size_t> IsoTreePatch::depth_of(Canvas& canvas, const std::vector<std::string>& path) {
  Node* node = root_.get();
  std::size_t depth = 0;
  for (; depth + 1 < path.size(); ++depth) {
    auto next = enter(canvas, *node, path[depth], Missing::leave);
    if (!next) return std::unexpected(next.error());
    if (*next == nullptr) break;
    node = *next;
  }
  return depth;
}

Status IsoTreePatch::put(Canvas& canvas, const std::vector<std::string>& path, const FileContent& content,
                         const FormerFile& former) {
  if (path.size() > most_depth) return fail(ErrorKind::unsupported, "the path is too deep");
  const bool plain = dialect_.naming == IsoNaming::plain;
  if (plain && former.content && former.content->length > 0) {
    auto here = locate(canvas, path);
    if (!here) return std::unexpected(here.error());
    if (*here != former.content) return replace_anywhere(canvas, *former.content, content);
  }
  Node* node = root_.get();
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    auto next = enter(canvas, *node, path[i], Missing::make, plain && i < former.depth);
    if (!next) return std::unexpected(next.error());
    node = *next;
  }
  auto entry = node->directory.find(canvas, path.back());
  if (!entry) return std::unexpected(entry.error());
  return *entry ? replace(canvas, *node, **entry, content) : add_file(*node, path.back(), content);
}

Status IsoTreePatch::replace(Canvas& canvas, Node& node, const IsoEntry& entry,
                             const FileContent& content) const {
  if (auto sound = check_replaceable(canvas, entry, dialect_); !sound) return sound;
  node.directory.point(entry.identifier, content.sector, content.size);
  if (dialect_.naming == IsoNaming::rock_ridge) node.directory.renumber(entry.identifier, content.sector);
  return {};
}

/// Looks through the whole tree for the content, because the name was shortened here. A tree that does not
/// show the file at all stays as it is.
Status IsoTreePatch::replace_anywhere(Canvas& canvas, const ByteRange& former, const FileContent& content) {
  std::vector<Node*> queue{root_.get()};
  std::set<std::uint64_t> seen;  // a directory that is reached twice is read once
  Node* holder = nullptr;
  std::optional<IsoEntry> found;
  while (!queue.empty()) {
    Node* node = queue.back();
    queue.pop_back();
    if (!seen.insert(node->sector).second) continue;
    if (seen.size() > most_searched)
      return fail(ErrorKind::unsupported, "too many directories to search for it");
    auto entry = node->directory.find_content(former);
    if (!entry) return std::unexpected(entry.error());
    if (*entry && found) return fail(ErrorKind::unsupported, "several shortened names could be meant");
    if (*entry) {
      found = std::move(*entry);
      holder = node;
    }
    auto children = node->directory.subdirectories(canvas);
    if (!children) return std::unexpected(children.error());
    for (const IsoEntry& child : *children) {
      if (seen.contains(child.extent.offset / iso_sector)) continue;
      auto below = load(canvas, *node, child);
      if (!below) return std::unexpected(below.error());
      queue.push_back(*below);
    }
  }
  return found ? replace(canvas, *holder, *found, content) : Status();
}

Status IsoTreePatch::add_file(Node& node, const std::string& name, const FileContent& content) {
  auto identifier = free_identifier(node, name, false);
  if (!identifier) return std::unexpected(identifier.error());
  auto record = make_iso_record({*identifier, content.sector, content.size, false, dialect_.recorded,
                                 fields(name, false, content.sector)});
  if (!record) return std::unexpected(record.error());
  node.directory.insert(*record);
  return {};
}

void IsoTreePatch::collect(Node& node, std::vector<Node*>& out) const {
  out.push_back(&node);
  for (auto& [identifier, child] : node.children) collect(*child, out);
}

/// Every sub-directory's ".." names this directory's new place.
Status IsoTreePatch::lead_children_to(Canvas& canvas, Node& node) {
  auto children = node.directory.subdirectories(canvas);
  if (!children) return std::unexpected(children.error());
  const std::string where = both_bytes(node.sector, 4) + both_bytes(node.directory.size(), 4);
  for (const IsoEntry& child : *children) {
    if (const auto loaded = node.children.find(child.identifier); loaded != node.children.end()) {
      loaded->second->directory.point(parent_of, node.sector, node.directory.size());
      continue;
    }
    auto head = canvas.read(child.extent.offset, std::min<std::uint64_t>(child.extent.length, iso_sector));
    if (!head) return std::unexpected(head.error());
    const std::size_t second = head->empty() ? 0 : static_cast<std::uint8_t>((*head)[0]);
    if (second < smallest_iso_record || second + smallest_iso_record > head->size() ||
        (*head)[second + 33] != '\1') {
      return fail(ErrorKind::corrupt, "a directory does not begin with itself and its parent");
    }
    if (auto written = canvas.write(child.extent.offset + second + 2, where); !written) return written;
  }
  return {};
}

Status IsoTreePatch::finish(Canvas& canvas) {
  std::vector<Node*> nodes;  // parents before children
  collect(*root_, nodes);
  std::map<std::uint64_t, std::uint64_t> moved;
  std::vector<Node*> movers;
  for (Node* node : nodes) {
    if (!node->directory.must_move()) continue;
    movers.push_back(node);
    if (node->directory.home()) {
      moved[node->sector] = canvas.allocate(node->directory.size());
      node->sector = moved[node->sector];
    } else if (node->directory.size() > iso_sector) {
      node->sector = canvas.allocate(node->directory.size());  // grew beyond what it was made with
    }
  }
  std::vector<FreshDirectory> fresh;
  for (Node* node : movers) {
    const std::uint64_t size = node->directory.size();
    node->directory.point(self, node->sector, size);
    if (node->parent != nullptr) {
      node->parent->directory.point(node->identifier, node->sector, size);
    } else {
      node->directory.point(parent_of, node->sector, size);
      auto written =
          canvas.write(descriptor_ + root_record_at + 2, both_bytes(node->sector, 4) + both_bytes(size, 4));
      if (!written) return written;
    }
    if (auto led = lead_children_to(canvas, *node); !led) return led;
    if (node->parent != nullptr) {
      node->directory.point(parent_of, node->parent->sector, node->parent->directory.size());
      if (!node->directory.home()) fresh.push_back({node->sector, node->parent->sector, node->identifier});
    }
  }
  if (auto tables = patch_path_tables(canvas, descriptor_, dialect_.naming, moved, fresh); !tables)
    return tables;
  for (const Node* node : nodes) {
    if (node->directory.must_move()) {
      node->directory.write_at(canvas, node->sector);
    } else if (auto written = node->directory.write_in_place(canvas); !written) {
      return written;
    }
  }
  return {};
}

}  // namespace metalmesh::media
