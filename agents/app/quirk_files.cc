#include "agents/app/quirk_files.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "agents/bmc/quirk_texts.h"
#include "common/os/files.h"
#include "common/text/filler/filler.h"

namespace metalmesh::agent {
namespace {

Status add_text(bmc::QuirkTable& table, std::string_view text, std::string_view name,
                bmc::QuirkOrigin origin) {
  auto row = read_yaml<config::BmcQuirks>(text, name);
  if (!row) return std::unexpected(row.error());
  Status added = table.add(std::move(*row), origin);
  if (!added) return std::unexpected(std::move(added.error()).with(name));
  return {};
}

}  // namespace

Result<bmc::QuirkTable> load_quirks(const std::string& folder) {
  bmc::QuirkTable table;
  for (const bmc::QuirkText& each : bmc::quirk_texts()) {
    if (auto added = add_text(table, each.text, each.name, bmc::QuirkOrigin::built_in); !added)
      return std::unexpected(added.error());
  }
  if (folder.empty()) return table;
  auto files = os::files_in(folder, ".yaml");
  if (!files) return std::unexpected(std::move(files.error()).with("quirks folder"));
  for (const std::filesystem::path& file : *files) {
    const auto text = os::read_file(file);
    if (!text) return std::unexpected(text.error());
    if (auto added = add_text(table, *text, file.string(), bmc::QuirkOrigin::site); !added)
      return std::unexpected(added.error());
  }
  return table;
}

}  // namespace metalmesh::agent
