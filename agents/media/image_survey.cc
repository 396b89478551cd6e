#include "agents/media/image_survey.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "agents/media/boot_files.h"
#include "agents/media/patch/canvas.h"
#include "agents/media/patch/fat_volume.h"
#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr int most_names = 2000;
constexpr int most_parts = 2000;  // more, of what starts the medium: only menus that are known are replaced
constexpr int most_texts = 64;
constexpr std::uint64_t longest_text = 64ULL << 10;
constexpr std::uint64_t most_text_bytes = 512ULL << 10;
constexpr auto levels = 2;

bool is_near_root(const std::string& path) { return std::ranges::count(path, '/') <= levels; }

/// Some configuration is binary (the BCD of Windows): nobody edits that as lines.
bool is_text(const std::string& content) { return content.find('\0') == std::string::npos; }

class SurveyMaker {
 public:
  explicit SurveyMaker(const IsoTree& tree) {
    for (const IsoFile& file : tree.files) names_.insert(to_lower(file.path));
  }

  void name(const std::string& path, int most) {
    if (out_.files_size() < most) out_.add_files(path);
  }
  [[nodiscard]] bool has_room_for(std::uint64_t size) const {
    return size <= longest_text && out_.texts_size() < most_texts && bytes_ + size <= most_text_bytes;
  }
  [[nodiscard]] bool is_named(const std::string& path) const { return names_.contains(to_lower(path)); }
  void text(const std::string& path, std::string content) {
    bytes_ += content.size();
    wire::FileChange& text = *out_.add_texts();
    text.set_path(path);
    text.set_content(std::move(content));
  }
  wire::ImageSurvey done() && { return std::move(out_); }

 private:
  wire::ImageSurvey out_;
  std::set<std::string> names_;  // of the tree, in small letters
  std::uint64_t bytes_ = 0;
};

/// Only a device's error is one: what is strange has no menus.
Status survey_boot_partition(BlockReader& image, std::uint64_t offset, SurveyMaker& survey) {
  const auto well = [](const Error& error) {
    return error.kind == ErrorKind::unavailable ? Status(std::unexpected(error)) : Status();
  };
  Canvas canvas(image);
  auto fat = FatVolume::open(canvas, offset);
  if (!fat) return well(fat.error());
  if (!*fat) return {};
  const auto files = (*fat)->files(canvas, most_names);
  if (!files) return well(files.error());
  for (const FatVolume::File& file : *files) {
    if (boot_role_of(file.path) != BootRole::configuration || survey.is_named(file.path)) continue;
    std::string content;  // of one that is too long, or binary: it is there, and replaced unread
    if (survey.has_room_for(file.size)) {
      auto read = (*fat)->content(canvas, file);
      if (!read && read.error().kind == ErrorKind::unavailable) return std::unexpected(read.error());
      if (read && is_text(*read)) content = std::move(*read);
    }
    survey.text(file.path, std::move(content));
  }
  return {};
}

}  // namespace

Result<wire::ImageSurvey> survey_tree(BlockReader& image, const IsoTree& tree,
                                      const std::vector<IsoBootImage>& boot_images) {
  SurveyMaker survey(tree);
  for (const IsoFile& file : tree.files) {
    const auto role = boot_role_of(file.path);
    // What it leads to is a name of its own, and cannot be changed by this one.
    if (role == BootRole::configuration && !file.link.empty()) continue;
    survey.name(file.path, role ? most_names + most_parts : is_near_root(file.path) ? most_names : 0);
    if (role != BootRole::configuration || file.extents.size() != 1 || !survey.has_room_for(file.size))
      continue;
    auto content = image.read(file.extents[0].offset, file.size);
    if (!content) return std::unexpected(content.error());
    if (is_text(*content)) survey.text(file.path, std::move(*content));
  }
  for (const IsoBootImage& boot : boot_images) {
    if (auto done = survey_boot_partition(image, boot.extent.offset, survey); !done)
      return std::unexpected(done.error());
  }
  return std::move(survey).done();
}

}  // namespace metalmesh::media
