#include "tests/bmcsim/recorded/recorded_files.h"

#include <cstdlib>
#include <utility>

#include "common/os/files.h"

namespace metalmesh::bmcsim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_file = std::size_t{64} << 20U;
constexpr std::string_view leaf = "index.json";

fs::path here() { return fs::path(__FILE__).parent_path(); }  // tests/bmcsim/recorded

Status add_folder(RecordedTree& tree, const fs::path& folder) {
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(folder, none)) {
    if (!entry.is_regular_file() || entry.path().filename() != leaf) continue;
    auto text = os::read_file(entry.path());
    if (!text) return std::unexpected(text.error());
    tree.put("/" + fs::relative(entry.path().parent_path(), folder).string(), *std::move(text));
  }
  if (!tree.empty()) return {};
  return fail(ErrorKind::invalid, "no redfish/v1/index.json below " + folder.string());
}

}  // namespace

fs::path recorded_trees() {
  if (const char* given = std::getenv("METALMESH_RECORDED_TREES"); given != nullptr && *given != 0)
    return given;
  return (here() / "../../../../shared/redfish-mockups").lexically_normal();
}

Status add_recorded(RecordedTree& tree, const fs::path& from) {
  std::error_code none;
  if (fs::is_directory(from, none)) return add_folder(tree, from);
  const auto lines = os::read_file(from, longest_file);
  if (!lines) return std::unexpected(lines.error());
  Status added = tree.add_lines(*lines);
  if (!added) return std::unexpected(std::move(added.error()).with(from.string()));
  return {};
}

Result<std::shared_ptr<const Personality>> load_personality(const fs::path& file, const fs::path& trees) {
  const auto text = os::read_file(file);
  if (!text) return std::unexpected(text.error());
  auto personality = parse_personality(*text);
  if (!personality) return std::unexpected(std::move(personality.error()).with(file.string()));
  if (!personality->tree_name.empty()) {
    const fs::path tree = trees / personality->tree_name;
    if (!fs::is_directory(tree)) return fail(ErrorKind::not_found, "no recorded tree at " + tree.string());
    if (auto added = add_recorded(personality->tree, tree); !added) return std::unexpected(added.error());
  }
  return std::make_shared<const Personality>(*std::move(personality));
}

std::vector<fs::path> personality_files() {
  auto files = os::files_in(here().parent_path() / "personalities", ".json");
  return files ? *std::move(files) : std::vector<fs::path>{};
}

}  // namespace metalmesh::bmcsim
