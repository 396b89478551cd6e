#include "agents/media/image_survey.h"

#include <algorithm>
#include <string>

#include "agents/media/boot_files.h"

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

}  // namespace

Result<wire::ImageSurvey> survey_tree(BlockReader& image, const IsoTree& tree) {
  wire::ImageSurvey survey;
  std::uint64_t bytes = 0;
  for (const IsoFile& file : tree.files) {
    const auto role = boot_role_of(file.path);
    // What it leads to is a name of its own, and cannot be changed by this one.
    if (role == BootRole::configuration && !file.link.empty()) continue;
    const int most = role ? most_names + most_parts : is_near_root(file.path) ? most_names : 0;
    if (survey.files_size() < most) survey.add_files(file.path);
    const bool wanted = role == BootRole::configuration && file.extents.size() == 1 &&
                        file.size <= longest_text && survey.texts_size() < most_texts &&
                        bytes + file.size <= most_text_bytes;
    if (!wanted) continue;
    auto content = image.read(file.extents[0].offset, file.size);
    if (!content) return std::unexpected(content.error());
    if (!is_text(*content)) continue;
    bytes += file.size;
    wire::FileChange& text = *survey.add_texts();
    text.set_path(file.path);
    text.set_content(std::move(*content));
  }
  return survey;
}

}  // namespace metalmesh::media
