#include "agents/media/package_tree.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "common/text/percent.h"

namespace metalmesh::media {
namespace {

constexpr int most_links = 16;  // followed for one path

std::deque<std::string> components_of(std::string_view path) {
  std::deque<std::string> out;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) out.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return out;
}

/// What names bear in a URL as they are, beside letters and digits.
constexpr std::string_view plain_in_names = "/+:@";

/// Nothing: a bad escape, or a character that no name has.
std::optional<std::string> unescaped(std::string_view component) {
  auto name = percent_decode(component);
  if (name && name->find_first_of(std::string_view("/\0", 2)) != std::string::npos) return std::nullopt;
  return name;
}

std::string as_text(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

Result<PackageTree> PackageTree::read(BlockReader& image) {
  auto volume = read_iso_volume(image);
  if (!volume) return std::unexpected(volume.error());
  auto tree = read_iso_tree(image, *volume);
  if (tree && !tree->rock_ridge && volume->joliet_root.length > 0) tree = read_joliet_tree(image, *volume);
  if (!tree) return std::unexpected(tree.error());
  PackageTree out;
  out.files_ = std::move(tree->files);
  std::ranges::sort(out.files_, {}, &IsoFile::path);
  out.files_.shrink_to_fit();
  return out;
}

const IsoFile* PackageTree::file_at(std::string_view path) const {
  const auto found = std::ranges::lower_bound(files_, path, {}, &IsoFile::path);
  return found != files_.end() && found->path == path ? &*found : nullptr;
}

std::vector<std::string> PackageTree::names_in(const std::string& directory) const {
  std::vector<std::string> names;
  const std::string prefix = directory + "/";
  for (auto at = std::ranges::lower_bound(files_, prefix, {}, &IsoFile::path);
       at != files_.end() && at->path.starts_with(prefix);) {
    std::string name = at->path.substr(prefix.size());
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos) {
      names.push_back(std::move(name));
      ++at;
      continue;
    }
    name.resize(slash);
    names.push_back(name + "/");
    // '0' comes right behind '/': past all that is in this sub-directory.
    at = std::ranges::lower_bound(files_, prefix + name + "0", {}, &IsoFile::path);
  }
  return names;
}

PackageTree::Found PackageTree::find(std::string_view path) const {
  std::deque<std::string> ahead = components_of(path);
  std::string here;
  for (int links = 0; !ahead.empty();) {
    const std::string name = std::move(ahead.front());
    ahead.pop_front();
    if (name == ".") continue;
    if (name == "..") {
      here.resize(std::min(here.size(), here.rfind('/')));
      continue;
    }
    const std::string next = here + "/" + name;
    const IsoFile* file = file_at(next);
    if (file == nullptr || file->link.empty()) {
      here = next;
      continue;
    }
    if (++links > most_links) return Nothing{};
    if (file->link.starts_with('/')) here.clear();
    const std::deque<std::string> target = components_of(file->link);
    ahead.insert(ahead.begin(), target.begin(), target.end());
  }
  if (const IsoFile* file = file_at(here)) return file;
  Directory directory{names_in(here)};
  if (directory.names.empty() && !here.empty()) return Nothing{};
  return directory;
}

Result<std::string> tree_path(std::string_view url_rest) {
  std::string path;
  for (const std::string& component : components_of(url_rest.substr(0, url_rest.find('?')))) {
    const auto name = unescaped(component);
    if (!name) return fail(ErrorKind::invalid, "the path has a bad escape");
    if (*name == "." || *name == "..") return fail(ErrorKind::invalid, "the path has a . or .. in it");
    path += "/" + *name;
  }
  return path.empty() ? "/" : path;
}

std::vector<Segment> segments_of(const IsoFile& file, const ByteRange& range) {
  std::vector<Segment> out;
  std::uint64_t start = 0;  // of the extent, in the file
  for (const ByteRange& extent : file.extents) {
    const std::uint64_t from = std::max(range.offset, start);
    const std::uint64_t to = std::min(range.end(), start + extent.length);
    if (from < to) out.emplace_back(ByteRange{extent.offset + (from - start), to - from});
    start += extent.length;
  }
  return out;
}

std::string listing_page(const PackageTree::Directory& directory, std::string_view url) {
  std::string base(url.substr(0, url.find('?')));
  while (base.ends_with('/')) base.pop_back();
  std::string page = "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>packages</title>\n<ul>\n";
  for (const std::string& name : directory.names) {
    page += "<li><a href=\"" + as_text(base) + "/" + percent_encode(name, plain_in_names) + "\">" +
            as_text(name) + "</a>\n";
  }
  return page + "</ul>\n";
}

}  // namespace metalmesh::media
