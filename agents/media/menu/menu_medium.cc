#include "agents/media/menu/menu_medium.h"

#include <algorithm>
#include <utility>

#include "common/text/letters.h"

namespace metalmesh::media {
namespace {

constexpr int most_names = 2000;  // of a survey (agents/media/image_survey.h)
constexpr auto levels = 2;        // of which it has every file

}  // namespace

Truth negated(Truth truth) {
  if (truth == Truth::unknown) return truth;
  return truth == Truth::yes ? Truth::no : Truth::yes;
}

MenuMedium::MenuMedium(const wire::ImageFacts& facts)
    : volume_id_(facts.volume_id()), complete_(facts.survey().files_size() < most_names) {
  for (const std::string& file : facts.survey().files()) names_.emplace(to_lower(file), file);
  for (const wire::FileChange& text : facts.survey().texts()) {
    if (!names_.contains(to_lower(text.path()))) in_boot_partition_.insert(to_lower(text.path()));
    replace(text.path(), text.content());
  }
  arm_ = names_.contains("/efi/boot/bootaa64.efi") && !names_.contains("/efi/boot/bootx64.efi");
}

void MenuMedium::replace(const std::string& path, std::string text) {
  std::string key = to_lower(path);
  std::erase(text, '\r');  // GRUB skips them
  names_.emplace(key, path);
  texts_.insert_or_assign(std::move(key), std::move(text));
}

std::optional<std::string_view> MenuMedium::text(std::string_view path) const {
  const auto found = texts_.find(to_lower(path));
  if (found == texts_.end()) return std::nullopt;
  return found->second;
}

Truth MenuMedium::has_file(std::string_view path) const {
  if (names_.contains(to_lower(path))) return Truth::yes;
  return complete_ && std::ranges::count(path, '/') <= levels ? Truth::no : Truth::unknown;
}

Truth MenuMedium::has_folder(std::string_view path) const {
  const std::string folder = to_lower(path) + (path.ends_with('/') ? "" : "/");
  const auto below = names_.lower_bound(folder);
  if (below != names_.end() && below->first.starts_with(folder)) return Truth::yes;
  return complete_ && std::ranges::count(folder, '/') <= levels ? Truth::no : Truth::unknown;
}

}  // namespace metalmesh::media
