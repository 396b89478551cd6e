#include "agents/media/patch/compose.h"

#include "agents/media/iso_record.h"
#include "agents/media/patch/image_patch.h"
#include "agents/media/patch/second_medium.h"
#include "agents/media/test_medium.h"
#include "agents/media/virtual_image.h"
#include "common/base/check.h"

namespace metalmesh::media {
namespace {

/// Zeros up to its length, one copy for all, and nothing that anybody need not see.
Result<Overlay> fit_for_test(Overlay medium, std::uint64_t bytes) {
  static const SharedText zeros(std::string(test_medium_bytes, '\0'));
  if (bytes > test_medium_bytes || medium.size > bytes)
    return fail(ErrorKind::invalid, "a test medium of " + std::to_string(bytes) + " bytes");
  medium.guarded.clear();
  medium.patches.push_back({medium.size, zeros.cut({0, bytes - medium.size})});
  medium.size = bytes;
  return medium;
}

}  // namespace

bool reads_base(const wire::Mount& order) { return !order.has_second() && !order.changes().empty(); }

Result<Overlay> compose_medium(const wire::Mount& order, BlockReader* base) {
  if (order.has_second()) {
    auto second = make_second_medium(order.second());
    if (second && order.second().test_bytes() > 0)
      return fit_for_test(std::move(*second), order.second().test_bytes());
    if (second) second->guarded = normalised(std::move(second->guarded), iso_sector, second->size);
    return second;
  }
  const wire::ImageFacts& facts = order.image();
  Result<Overlay> overlay;
  if (reads_base(order)) {
    MM_CHECK(base != nullptr);
    if (base->size() != facts.size())
      return fail(ErrorKind::corrupt, "the image is not as long as when it was probed");
    auto changes = check_changes(order.changes());
    if (!changes) return std::unexpected(changes.error());
    overlay = patch_image(*base, *changes);
  } else {
    overlay = fill_placeholder(facts, order.answer());
  }
  if (!overlay) return overlay;
  for (const auto& range : facts.guarded()) overlay->guarded.push_back({range.offset(), range.length()});
  if (facts.placeholder().length() > 0) {
    overlay->guarded.push_back({facts.placeholder().offset(), facts.placeholder().length()});
  }
  overlay->guarded = normalised(std::move(overlay->guarded), iso_sector, overlay->size);
  return overlay;
}

}  // namespace metalmesh::media
