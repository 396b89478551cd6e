#include "agents/media/patch/canvas.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace metalmesh::media {
namespace {

/// Two differences this close become one patch: a patch costs more than the bytes between them.
constexpr std::size_t worth_a_patch = 48;

std::uint64_t sectors_of(std::uint64_t bytes) { return (bytes + iso_sector - 1) / iso_sector; }

}  // namespace

Canvas::Canvas(BlockReader& base) : base_(base), next_sector_(sectors_of(base.size())) {}

Result<std::string> Canvas::base_block(std::uint64_t sector) {
  const std::uint64_t offset = sector * iso_sector;
  const std::uint64_t there = std::min(iso_sector, base_.size() - offset);
  auto bytes = base_.read(offset, there);
  if (bytes) bytes->resize(iso_sector, '\0');  // an image may end within a sector
  return bytes;
}

Result<std::string> Canvas::read(std::uint64_t offset, std::size_t length) {
  if (offset > size() || length > size() - offset) {
    return fail(ErrorKind::corrupt, "a structure of the image points behind its end");
  }
  std::string out;
  out.reserve(length);
  const std::uint64_t end = offset + length;
  const std::uint64_t base_end = std::min(end, base_.size());
  if (offset < base_end) {
    auto bytes = base_.read(offset, base_end - offset);
    if (!bytes) return bytes;
    out = std::move(*bytes);
  }
  out.resize(length, '\0');
  const auto overlay = [&](std::uint64_t at, std::string_view bytes) {
    const std::uint64_t first = std::max(at, offset);
    const std::uint64_t last = std::min(at + bytes.size(), end);
    if (first < last) out.replace(first - offset, last - first, bytes.substr(first - at, last - first));
  };
  for (auto block = blocks_.lower_bound(offset / iso_sector);
       block != blocks_.end() && block->first * iso_sector < end; ++block) {
    overlay(block->first * iso_sector, block->second);
  }
  for (const auto& [at, content] : tail_) {
    if (at >= end || at + length_of(content) <= offset) continue;
    if (const auto* moved = std::get_if<ByteRange>(&content)) {
      auto bytes = base_.read(moved->offset, moved->length);
      if (!bytes) return bytes;
      overlay(at, *bytes);
    } else {
      overlay(at, std::get<SharedText>(content).view());
    }
  }
  return out;
}

Status Canvas::write(std::uint64_t offset, std::string_view bytes) {
  if (offset > base_.size() || bytes.size() > base_.size() - offset) {
    return fail(ErrorKind::corrupt, "a structure of the image points behind its end");
  }
  while (!bytes.empty()) {
    const std::uint64_t sector = offset / iso_sector;
    const std::size_t within = offset % iso_sector;
    auto block = blocks_.find(sector);
    if (block == blocks_.end()) {
      auto content = base_block(sector);
      if (!content) return std::unexpected(content.error());
      block = blocks_.emplace(sector, std::move(*content)).first;
    }
    const std::size_t now = std::min<std::size_t>(bytes.size(), iso_sector - within);
    block->second.replace(within, now, bytes.substr(0, now));
    bytes.remove_prefix(now);
    offset += now;
  }
  return {};
}

std::uint64_t Canvas::allocate(std::uint64_t bytes) {
  return std::exchange(next_sector_, next_sector_ + sectors_of(bytes));
}

void Canvas::place(std::uint64_t sector, std::vector<Segment> content) {
  std::uint64_t at = sector * iso_sector;
  for (Segment& segment : content) {
    const std::uint64_t length = length_of(segment);
    MM_CHECK(at >= base_.size() && at + length <= size());
    if (length > 0) tail_.emplace(at, std::move(segment));
    at += length;
  }
}

std::uint64_t Canvas::append(std::string bytes) {
  const std::uint64_t sector = allocate(bytes.size());
  place(sector, {Segment(std::move(bytes))});
  return sector;
}

/// The runs of a block that differ from the base, neighbours merged.
Status Canvas::add_differences(std::uint64_t sector, const std::string& changed, std::vector<Patch>& out) {
  auto before = base_block(sector);
  if (!before) return std::unexpected(before.error());
  const std::uint64_t offset = sector * iso_sector;
  const std::size_t end = std::min<std::uint64_t>(iso_sector, base_.size() - offset);
  for (std::size_t at = 0; at < end;) {
    if (changed[at] == (*before)[at]) {
      ++at;
      continue;
    }
    std::size_t last = at;  // the last byte that differs
    for (std::size_t next = at + 1; next < end && next - last <= worth_a_patch; ++next) {
      if (changed[next] != (*before)[next]) last = next;
    }
    out.push_back({offset + at, changed.substr(at, last + 1 - at)});
    at = last + 1;
  }
  return {};
}

Result<Overlay> Canvas::finish() {
  Overlay overlay;
  overlay.size = next_sector_ == sectors_of(base_.size()) ? base_.size() : size();
  for (const auto& [sector, changed] : blocks_) {
    if (auto added = add_differences(sector, changed, overlay.patches); !added) {
      return std::unexpected(added.error());
    }
  }
  std::uint64_t position = base_.size();
  const auto zeros_until = [&](std::uint64_t until) {
    if (until > position) overlay.patches.push_back({position, std::string(until - position, '\0')});
  };
  for (auto& [at, content] : tail_) {
    zeros_until(at);
    position = at + length_of(content);
    overlay.patches.push_back({at, std::move(content)});
  }
  zeros_until(overlay.size);
  return overlay;
}

}  // namespace metalmesh::media
