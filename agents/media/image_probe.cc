#include "agents/media/image_probe.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/media/boot_files.h"
#include "agents/media/byte_range.h"
#include "agents/media/image_survey.h"
#include "agents/media/iso9660.h"
#include "agents/media/patch/image_patch.h"

namespace metalmesh::media {
namespace {

constexpr std::uint64_t most_placeholder = 4ULL << 20;

/// A device error must not pass for a strange image: the caller retries it.
bool is_about_content(const Error& error) {
  return error.kind == ErrorKind::corrupt || error.kind == ErrorKind::unsupported;
}

Result<std::optional<IsoFile>> find_placeholder(BlockReader& image, const std::vector<IsoFile>& files) {
  const std::string first_line = std::string(placeholder_line) + "\n";
  std::optional<IsoFile> found;
  for (const IsoFile& file : files) {
    if (file.extents.size() != 1 || file.size < first_line.size() || file.size > most_placeholder) continue;
    auto head = image.read(file.extents[0].offset, first_line.size());
    if (!head) return std::unexpected(head.error());
    if (*head != first_line) continue;
    if (found && found->extents != file.extents) {
      return fail(ErrorKind::invalid, "the image has two answer placeholders, " + found->path + " and " +
                                          file.path + ": keep one");
    }
    found = file;
  }
  return found;
}

/// The catalogue's lengths are unreliable: prefer the file at that place, else end at the next known extent.
ByteRange boot_image_extent(const IsoBootImage& boot, const std::vector<IsoFile>& files, std::uint64_t size) {
  std::uint64_t next = size;
  for (const IsoFile& file : files) {
    for (const ByteRange& extent : file.extents) {
      if (extent.offset == boot.extent.offset) return extent;
      if (extent.offset > boot.extent.offset) next = std::min(next, extent.offset);
    }
  }
  if (boot.length_known) return boot.extent;
  return {boot.extent.offset, next - boot.extent.offset};
}

struct Survey {
  std::vector<ByteRange> guarded;
  std::vector<ByteRange> kernels;
  std::vector<ByteRange> starters;
  std::vector<ByteRange> listing;  // descriptors and directories: always served
  bool complete = false;           // false: guard all but `listing`
};

void add_extents(const IsoFile& file, std::vector<ByteRange>& ranges) {
  ranges.insert(ranges.end(), file.extents.begin(), file.extents.end());
}

void put(const std::vector<ByteRange>& ranges, google::protobuf::RepeatedPtrField<wire::ByteRange>& out) {
  for (const ByteRange& range : ranges) {
    wire::ByteRange& added = *out.Add();
    added.set_offset(range.offset);
    added.set_length(range.length);
  }
}

Result<Survey> survey_image(BlockReader& image, wire::ImageFacts& facts) {
  Survey survey;
  survey.listing.push_back({0, 16 * iso_sector});
  const auto stop = [&](const Error& error) -> Result<Survey> {
    if (is_about_content(error)) return survey;
    return std::unexpected(error);
  };
  auto volume = read_iso_volume(image);
  if (!volume) return stop(volume.error());
  facts.set_volume_id(volume->volume_id);
  survey.listing.push_back(volume->descriptors);
  survey.listing.push_back(volume->boot_catalog);

  auto tree = read_iso_tree(image, *volume);
  if (!tree) return stop(tree.error());
  survey.listing.insert(survey.listing.end(), tree->directories.begin(), tree->directories.end());

  // Without a catalogue it starts nothing, and still has its names.
  const auto boot_images = read_iso_boot_images(image, *volume);
  if (!boot_images && !is_about_content(boot_images.error())) return std::unexpected(boot_images.error());
  auto names = survey_tree(image, *tree, boot_images ? *boot_images : std::vector<IsoBootImage>());
  if (!names) return std::unexpected(names.error());
  *facts.mutable_survey() = std::move(*names);
  auto placeholder = find_placeholder(image, tree->files);
  if (!placeholder) return std::unexpected(placeholder.error());
  if (*placeholder) {
    facts.mutable_placeholder()->set_offset((*placeholder)->extents[0].offset);
    facts.mutable_placeholder()->set_length((*placeholder)->extents[0].length);
    add_extents(**placeholder, survey.guarded);
  }

  bool kernel_seen = false;
  for (const IsoFile& file : tree->files) {
    const auto role = boot_role_of(file.path);
    if (!role) continue;
    const bool is_kernel = *role == BootRole::kernel && file.size > 0;
    kernel_seen = kernel_seen || is_kernel;
    if (is_kernel) survey.kernels.push_back(file.extents.back());
    if (*role == BootRole::loader) add_extents(file, survey.starters);
    add_extents(file, survey.guarded);
  }
  if (!boot_images) return stop(boot_images.error());
  for (const IsoBootImage& boot : *boot_images) {
    if (boot.efi) facts.set_uefi(true);
    survey.guarded.push_back(boot_image_extent(boot, tree->files, image.size()));
    survey.starters.push_back(survey.guarded.back());
  }
  survey.starters.push_back(volume->boot_catalog);
  survey.complete = kernel_seen;
  return survey;
}

}  // namespace

Result<wire::ImageFacts> probe_image(BlockReader& image) {
  if (image.size() == 0) return fail(ErrorKind::invalid, "the image is empty");
  wire::ImageFacts facts;
  facts.set_size(image.size());
  auto obstacle = why_not_patchable(image);
  if (!obstacle) return std::unexpected(obstacle.error());
  facts.set_patchable(!obstacle->has_value());
  if (*obstacle) facts.set_patch_obstacle(**obstacle);
  auto survey = survey_image(image, facts);
  if (!survey) return std::unexpected(survey.error());
  const std::vector<ByteRange> guarded =
      survey->complete
          ? normalised(std::move(survey->guarded), iso_sector, image.size())
          : complement(normalised(std::move(survey->listing), iso_sector, image.size()), image.size());
  put(guarded, *facts.mutable_guarded());
  if (!survey->complete) return facts;
  put(survey->kernels, *facts.mutable_kernels());
  put(normalised(std::move(survey->starters), iso_sector, image.size()), *facts.mutable_starters());
  return facts;
}

}  // namespace metalmesh::media
