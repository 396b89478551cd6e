#include "agents/media/composed_medium.h"

#include <memory>

#include "agents/media/patch/compose.h"
#include "common/base/digest.h"

namespace metalmesh::media {

std::string recipe_of(const wire::Mount& order) {
  wire::Mount recipe;
  *recipe.mutable_image() = order.image();
  recipe.set_answer(order.answer());
  *recipe.mutable_changes() = order.changes();
  if (order.has_second()) *recipe.mutable_second() = order.second();
  return sha256(recipe.SerializeAsString());
}

Result<ComposedMedium> compose_medium_of(const wire::Mount& order, BaseImages* bases,
                                         std::uint64_t most_bytes) {
  const wire::ImageFacts& facts = order.image();
  std::unique_ptr<BlockReader> base;
  if (!order.has_second()) {
    if (facts.size() == 0 || facts.size() > most_bytes) {
      return fail(ErrorKind::invalid, "image size " + std::to_string(facts.size()) + " is out of bounds");
    }
    if (facts.path().empty()) return fail(ErrorKind::invalid, "the image has no path");
  }
  if (reads_base(order)) {
    if (bases == nullptr)
      return fail(ErrorKind::unsupported, "this media server cannot change an image's files");
    auto opened = bases->open(facts.path());
    if (!opened) return std::unexpected(opened.error());
    base = std::move(*opened);
  }
  auto overlay = compose_medium(order, base.get());
  if (!overlay) return std::unexpected(overlay.error());
  ComposedMedium composed;
  composed.guarded = std::move(overlay->guarded);
  const bool on_its_own = order.has_second();
  auto image = VirtualImage::create(
      on_its_own ? 0 : facts.size(),
      on_its_own ? std::string("second") : (facts.sha256().empty() ? facts.path() : facts.sha256()),
      std::move(*overlay));
  if (!image) return std::unexpected(image.error());
  composed.image = std::move(*image);
  return composed;
}

}  // namespace metalmesh::media
