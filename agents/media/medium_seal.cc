#include "agents/media/medium_seal.h"

#include <algorithm>
#include <utility>

namespace metalmesh::media {
namespace {

void add_zeros(std::uint64_t length, std::vector<Segment>& out) {
  static const SharedText zeros(std::string(std::size_t{1} << 20, '\0'));
  for (; length > 0; length -= std::min<std::uint64_t>(length, zeros.size()))
    out.emplace_back(zeros.cut({0, std::min<std::uint64_t>(length, zeros.size())}));
}

}  // namespace

MediumSeal::MediumSeal(const wire::ImageFacts& facts) {
  for (const auto& range : facts.kernels()) kernels_.push_back({range.offset(), range.length()});
  for (const auto& range : facts.starters()) starters_.push_back({range.offset(), range.length()});
}

bool MediumSeal::booted(const ReadTracker& reads) const {
  const auto read = [&](const ByteRange& range) { return reads.covers(range); };
  return std::ranges::any_of(kernels_, [&](const ByteRange& kernel) {
    const bool copies = reads.covers({0, kernel.end()});
    return read(kernel) && (!copies || std::ranges::all_of(starters_, read));
  });
}

bool MediumSeal::close() { return !starters_.empty() && !std::exchange(closed_, true); }

bool MediumSeal::withholds(const SeveralRanges& wanted) const {
  return closed_ &&
         std::ranges::any_of(wanted, [&](const ByteRange& range) { return touches(starters_, range); });
}

std::vector<Segment> MediumSeal::over(const VirtualImage& medium, const ByteRange& range) const {
  if (!closed_) return medium.segments(range);
  std::vector<Segment> out;
  std::uint64_t position = range.offset;
  const auto serve_until = [&](std::uint64_t until) {
    if (until <= position) return;
    for (Segment& segment : medium.segments({position, until - position})) out.push_back(std::move(segment));
    position = until;
  };
  for (const ByteRange& starter : starters_) {
    if (!starter.overlaps(range)) continue;
    serve_until(std::max(starter.offset, position));
    const std::uint64_t end = std::min(starter.end(), range.end());
    add_zeros(end - position, out);
    position = end;
  }
  serve_until(range.end());
  return out;
}

}  // namespace metalmesh::media
