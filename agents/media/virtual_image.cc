#include "agents/media/virtual_image.h"

#include "agents/media/answer_renderer.h"
#include "common/base/check.h"
#include "common/base/digest.h"

namespace metalmesh::media {
namespace {

void append_number(std::string& out, std::uint64_t value) {
  out += std::to_string(value);
  out += ';';
}

}  // namespace

std::uint64_t length_of(const Segment& segment) {
  const auto* base = std::get_if<ByteRange>(&segment);
  return base != nullptr ? base->length : std::get<std::string>(segment).size();
}

Result<VirtualImage> VirtualImage::create(std::uint64_t size, std::string_view base_id,
                                          std::vector<Patch> patches) {
  std::erase_if(patches, [](const Patch& patch) { return patch.bytes.empty(); });
  std::sort(patches.begin(), patches.end(),
            [](const Patch& a, const Patch& b) { return a.offset < b.offset; });
  std::uint64_t position = 0;
  std::string identity(base_id);
  identity += '\n';
  append_number(identity, size);
  for (const Patch& patch : patches) {
    if (patch.offset < position) return fail(ErrorKind::invalid, "patches of a virtual image overlap");
    if (patch.offset > size || patch.bytes.size() > size - patch.offset) {
      return fail(ErrorKind::invalid, "a patch leaves the image");
    }
    position = patch.offset + patch.bytes.size();
    append_number(identity, patch.offset);
    append_number(identity, patch.bytes.size());
    identity += sha256(patch.bytes);
  }
  VirtualImage image;
  image.size_ = size;
  image.etag_ = '"' + to_hex(sha256(identity)).substr(0, 32) + '"';
  image.patches_ = std::move(patches);
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
  for (const Patch& patch : patches_) {
    const ByteRange where{patch.offset, patch.bytes.size()};
    if (!where.overlaps(range)) continue;
    base_until(where.offset);
    const std::uint64_t last = std::min(where.end(), range.end());
    out.emplace_back(patch.bytes.substr(position - where.offset, last - position));
    position = last;
  }
  base_until(range.end());
  return out;
}

Result<VirtualImage> compose(const wire::ImageFacts& facts, const std::string& answer) {
  std::vector<Patch> patches;
  if (!answer.empty()) {
    if (auto fits = check_answer_fits(answer, facts.placeholder().length()); !fits)
      return std::unexpected(fits.error());
    std::string padded = answer;
    padded.resize(facts.placeholder().length(), '\n');
    patches.push_back({facts.placeholder().offset(), std::move(padded)});
  }
  return VirtualImage::create(facts.size(), facts.sha256().empty() ? facts.path() : facts.sha256(),
                              std::move(patches));
}

}  // namespace metalmesh::media
