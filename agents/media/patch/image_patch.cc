#include "agents/media/patch/image_patch.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "agents/media/iso9660.h"
#include "agents/media/patch/fat_volume.h"
#include "agents/media/patch/iso_descriptors.h"
#include "agents/media/patch/iso_tree_patch.h"
#include "agents/media/patch/udf_patch.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t volume_size_at = 80;
constexpr std::uint64_t application_use_at = 883;
constexpr std::size_t application_use_bytes = 512;

/// Where a boot image waits for a key press, and its twin that does not.
struct PromptTwin {
  std::string_view prompting;
  std::string_view silent;
};
constexpr PromptTwin prompt_twins[] = {
    {"/efi/microsoft/boot/efisys.bin", "/efi/microsoft/boot/efisys_noprompt.bin"},
};

class ImagePatch {
 public:
  explicit ImagePatch(BlockReader& base) : canvas_(base) {}

  Result<Overlay> run(const std::vector<MediaChange>& changes) {
    Status done = open();
    if (!done) return std::unexpected(done.error());
    for (const MediaChange& change : changes) {
      if (done) done = put(change);
      if (!done) return std::unexpected(std::move(done.error()).with(change.path));
    }
    if (done) done = silence_prompts();
    for (IsoTreePatch& tree : trees_) {
      if (done) done = tree.finish(canvas_);
    }
    if (done && udf_) done = udf_->finish(canvas_);
    if (done) done = finish_descriptors();
    if (!done) return std::unexpected(done.error());
    auto overlay = canvas_.finish();
    if (overlay) overlay->guarded = std::move(guarded_);
    return overlay;
  }

 private:
  Status open() {
    auto found = read_iso_descriptors(canvas_);
    if (!found) return std::unexpected(found.error());
    descriptors_ = std::move(*found);
    if (!descriptors_.primary.empty()) {
      if (auto opened = open_tree(descriptors_.primary.front(), false); !opened) return opened;
    }
    for (const std::uint64_t joliet : descriptors_.joliet) {
      if (auto opened = open_tree(joliet, true); !opened) return opened;
    }
    // The tree with the best names first: it says which content a change replaces.
    std::sort(trees_.begin(), trees_.end(),
              [](const IsoTreePatch& a, const IsoTreePatch& b) { return a.naming() < b.naming(); });
    if (descriptors_.udf) {
      auto udf = UdfPatch::open(canvas_);
      if (!udf) return std::unexpected(udf.error());
      udf_ = std::move(*udf);
    }
    return open_boot_images();
  }

  Status open_tree(std::uint64_t descriptor, bool joliet) {
    auto tree = IsoTreePatch::open(canvas_, descriptor, joliet);
    if (!tree) return std::unexpected(tree.error());
    trees_.push_back(std::move(*tree));
    return {};
  }

  Status open_boot_images() {
    if (!descriptors_.boot_record) return {};
    auto record = canvas_.read(*descriptors_.boot_record, iso_sector);
    if (!record) return std::unexpected(record.error());
    IsoVolume volume;
    volume.boot_catalog = {little32(*record, 0x47) * iso_sector, iso_sector};
    auto images = read_iso_boot_images(canvas_, volume);
    if (!images) return std::unexpected(images.error());
    boot_images_ = std::move(*images);
    for (const IsoBootImage& image : boot_images_) {
      const auto same = [&](const auto& known) { return known.first == image.extent.offset; };
      if (std::any_of(fats_.begin(), fats_.end(), same)) continue;
      auto fat = FatVolume::open(canvas_, image.extent.offset);
      if (!fat) return std::unexpected(fat.error());
      if (*fat) fats_.emplace_back(image.extent.offset, std::move(**fat));
    }
    boot_catalog_at_ = volume.boot_catalog.offset;
    return {};
  }

  Result<std::optional<ByteRange>> locate(const std::vector<std::string>& path) {
    // A bridge may show next to nothing in its ISO tree, so UDF knows best.
    if (udf_) {
      auto found = udf_->locate(canvas_, path);
      if (!found || *found) return found;
    }
    for (IsoTreePatch& tree : trees_) {
      auto found = tree.locate(canvas_, path);
      if (!found || *found) return found;
    }
    return std::nullopt;
  }

  Status put(const MediaChange& change) {
    auto former = locate(change.components);
    if (!former) return std::unexpected(former.error());
    if (*former && (*former)->length > 0 && is_boot_image((*former)->offset)) {
      return fail(ErrorKind::denied, "this is a boot image or the boot catalogue and is never replaced");
    }
    FileContent content;
    content.size = change.content.size();
    content.sector = canvas_.append(change.content);
    if (content.size > 0) guarded_.push_back({content.sector * iso_sector, content.size});
    FormerFile known{*former, 0};
    if (trees_.size() > 1) {
      auto depth = trees_.front().depth_of(canvas_, change.components);
      if (!depth) return std::unexpected(depth.error());
      known.depth = *depth;
    }
    for (IsoTreePatch& tree : trees_) {
      if (auto done = tree.put(canvas_, change.components, content, known); !done) return done;
    }
    if (udf_) {
      if (auto done = udf_->put(canvas_, change.components, content); !done) return done;
    }
    for (auto& [offset, fat] : fats_) {
      auto done = fat.replace(canvas_, change.components, change.content);
      if (!done) return std::unexpected(done.error());
      if (*done) guarded_.push_back(fat.extent());
    }
    return {};
  }

  [[nodiscard]] bool is_boot_image(std::uint64_t offset) const {
    return offset == boot_catalog_at_ ||
           std::any_of(boot_images_.begin(), boot_images_.end(),
                       [&](const IsoBootImage& image) { return image.extent.offset == offset; });
  }

  /// Nobody is there to press a key: the catalogue gets the twin that does not ask.
  Status silence_prompts() {
    for (const PromptTwin& twin : prompt_twins) {
      const auto prompting = locate(*split_media_path(twin.prompting));
      const auto silent = locate(*split_media_path(twin.silent));
      if (!prompting || !*prompting || !silent || !*silent) continue;
      for (const IsoBootImage& image : boot_images_) {
        if (image.extent.offset != (*prompting)->offset) continue;
        auto written = canvas_.write(image.entry + 8, little_bytes((*silent)->offset / iso_sector, 4));
        if (!written) return written;
      }
    }
    return {};
  }

  /// New volume sizes; and no checksum of the medium, because it is no longer the one that was measured.
  Status finish_descriptors() {
    if (canvas_.next_sector() > std::numeric_limits<std::uint32_t>::max())
      return fail(ErrorKind::unsupported, "it ends beyond the 2^32 sectors that ISO 9660 can count");
    const std::string size = both_bytes(canvas_.next_sector(), 4);
    for (const auto* list : {&descriptors_.primary, &descriptors_.joliet}) {
      for (const std::uint64_t descriptor : *list) {
        if (auto written = canvas_.write(descriptor + volume_size_at, size); !written) return written;
      }
    }
    for (const std::uint64_t descriptor : descriptors_.primary) {
      auto use = canvas_.read(descriptor + application_use_at, application_use_bytes);
      if (!use) return std::unexpected(use.error());
      // "ISO MD5SUM = ...;" of isomd5sum, "sha256sum=..." of SUSE's tagmedia.
      if (to_lower(*use).find("sum") == std::string::npos) continue;
      auto blanked = canvas_.write(descriptor + application_use_at, std::string(application_use_bytes, ' '));
      if (!blanked) return blanked;
    }
    return {};
  }

  Canvas canvas_;
  IsoDescriptors descriptors_;
  std::vector<IsoTreePatch> trees_;
  std::optional<UdfPatch> udf_;
  std::vector<IsoBootImage> boot_images_;
  std::optional<std::uint64_t> boot_catalog_at_;
  std::vector<std::pair<std::uint64_t, FatVolume>> fats_;  // by their offset
  std::vector<ByteRange> guarded_;
};

}  // namespace

Result<Overlay> patch_image(BlockReader& base, const std::vector<MediaChange>& changes) {
  return ImagePatch(base).run(changes);
}

Result<std::optional<std::string>> why_not_patchable(BlockReader& base) {
  const MediaChange trial{"/metalmesh.cfg", {"metalmesh.cfg"}, "#"};
  auto patched = patch_image(base, {trial});
  if (patched) return std::nullopt;
  const Error& error = patched.error();
  if (error.kind == ErrorKind::unavailable) return std::unexpected(error);  // the device, not the image
  return error.message;
}

}  // namespace metalmesh::media
