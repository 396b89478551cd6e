#include "agents/media/virtual_image.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/digest.h"

namespace metalmesh::media {
namespace {

/// What a patch contributes to the ETag.
void append_identity(std::string& identity, const Patch& patch) {
  identity += std::to_string(patch.offset) + ';' + std::to_string(length_of(patch.content)) + ';';
  if (const auto* moved = std::get_if<ByteRange>(&patch.content)) {
    identity += "base;" + std::to_string(moved->offset) + ';';
  } else {
    identity += sha256(std::get<SharedText>(patch.content).view());
  }
}

/// `part` is relative to the segment.
Segment cut(const Segment& segment, const ByteRange& part) {
  if (const auto* moved = std::get_if<ByteRange>(&segment)) {
    return ByteRange{moved->offset + part.offset, part.length};
  }
  return std::get<SharedText>(segment).cut(part);
}

Status check_patch(const Patch& patch, std::uint64_t position, std::uint64_t base_size, std::uint64_t size) {
  const std::uint64_t length = length_of(patch.content);
  if (patch.offset < position) return fail(ErrorKind::invalid, "patches of a virtual image overlap");
  if (patch.offset > std::max(position, base_size)) {
    return fail(ErrorKind::invalid, "nothing fills the image behind its base");
  }
  if (patch.offset > size || length > size - patch.offset) {
    return fail(ErrorKind::invalid, "a patch leaves the image");
  }
  if (const auto* moved = std::get_if<ByteRange>(&patch.content)) {
    if (moved->offset > base_size || length > base_size - moved->offset) {
      return fail(ErrorKind::invalid, "a patch leaves the base");
    }
  }
  return {};
}

}  // namespace

std::uint64_t length_of(const Segment& segment) {
  const auto* moved = std::get_if<ByteRange>(&segment);
  return moved != nullptr ? moved->length : std::get<SharedText>(segment).size();
}

Result<VirtualImage> VirtualImage::create(std::uint64_t base_size, std::string_view base_id,
                                          Overlay overlay) {
  std::vector<Patch>& patches = overlay.patches;
  std::erase_if(patches, [](const Patch& patch) { return length_of(patch.content) == 0; });
  std::sort(patches.begin(), patches.end(),
            [](const Patch& a, const Patch& b) { return a.offset < b.offset; });
  std::uint64_t position = 0;
  std::string identity(base_id);
  identity += '\n' + std::to_string(overlay.size) + ';';
  for (const Patch& patch : patches) {
    if (auto sound = check_patch(patch, position, base_size, overlay.size); !sound) {
      return std::unexpected(sound.error());
    }
    position = patch.offset + length_of(patch.content);
    append_identity(identity, patch);
  }
  if (std::max(position, base_size) < overlay.size) {
    return fail(ErrorKind::invalid, "nothing fills the image behind its base");
  }
  VirtualImage image;
  image.size_ = overlay.size;
  image.etag_ = '"' + to_hex(sha256(identity)).substr(0, 32) + '"';
  image.patches_ = std::move(patches);
  image.patches_.shrink_to_fit();
  return image;
}

std::vector<Segment> VirtualImage::segments(const ByteRange& range) const {
  MM_CHECK(range.offset <= size_ && range.length <= size_ - range.offset);
  std::vector<Segment> out;
  std::uint64_t position = range.offset;
  const auto base_until = [&](std::uint64_t until) {
    if (until > position) out.emplace_back(ByteRange{position, until - position});
    position = std::max(position, until);
  };
  auto patch = std::upper_bound(
      patches_.begin(), patches_.end(), range.offset,
      [](std::uint64_t offset, const Patch& p) { return offset < p.offset + length_of(p.content); });
  for (; patch != patches_.end() && patch->offset < range.end(); ++patch) {
    base_until(patch->offset);
    const std::uint64_t last = std::min(patch->offset + length_of(patch->content), range.end());
    out.push_back(cut(patch->content, {position - patch->offset, last - position}));
    position = last;
  }
  base_until(range.end());
  return out;
}

Result<Overlay> fill_placeholder(const wire::ImageFacts& facts, const std::string& answer) {
  Overlay overlay;
  overlay.size = facts.size();
  if (answer.empty()) return overlay;
  const ByteRange room{facts.placeholder().offset(), facts.placeholder().length()};
  if (answer.size() > room.length) {
    return fail(ErrorKind::invalid, "the answer file has " + std::to_string(answer.size()) +
                                        " bytes, the image's placeholder has room for " +
                                        std::to_string(room.length));
  }
  overlay.patches.push_back({room.offset, answer});
  // Hundreds of media are served at once, and of most placeholders an answer fills a tenth: all share what fills the rest.
  static const SharedText newlines(std::string(std::size_t{16} << 10U, '\n'));
  for (std::uint64_t at = room.offset + answer.size(); at < room.end();) {
    const std::uint64_t length = std::min<std::uint64_t>(room.end() - at, newlines.size());
    overlay.patches.push_back({at, newlines.cut({0, length})});
    at += length;
  }
  overlay.guarded.push_back(room);
  return overlay;
}

}  // namespace metalmesh::media
