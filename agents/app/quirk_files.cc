#include "agents/app/quirk_files.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "common/os/files.h"
#include "common/quirks/built_in.h"

namespace metalmesh::agent {

Result<QuirkTable> load_quirks(const std::string& folder) {
  auto table = built_in_quirks();
  if (!table || folder.empty()) return table;
  auto files = os::files_in(folder, ".yaml");
  if (!files) return std::unexpected(std::move(files.error()).with("quirks folder"));
  for (const std::filesystem::path& file : *files) {
    const auto text = os::read_file(file);
    if (!text) return std::unexpected(text.error());
    if (auto added = add_quirks(*table, *text, file.string(), QuirkOrigin::site); !added)
      return std::unexpected(added.error());
  }
  return table;
}

}  // namespace metalmesh::agent
