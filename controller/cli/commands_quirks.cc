// get quirks, and which row holds for a server: what is known of kinds of BMCs beside the standard.
#include <fmt/format.h>

#include "common/base/command_words.h"
#include "common/quirks/built_in.h"
#include "controller/cli/commands.h"
#include "controller/cli/json_text.h"
#include "controller/cli/text_table.h"

namespace metalmesh::cli {
namespace {

std::string row_text(const config::BmcQuirks& row) {
  std::string out = fmt::format("{}: {}\n  holds for {}\n", row.name(), level_of(row), conditions_of(row));
  for (const std::string& field : fields_of(row))
    out += fmt::format("  {}: {}\n", field, row.sources().at(field));
  return out;
}

}  // namespace

CommandResult show_quirks(Session& session, const std::string& name) {
  const auto table = built_in_quirks();
  if (!table) return std::unexpected(table.error());
  if (!name.empty()) {
    const auto found = table->all().find(name);
    if (found == table->all().end())
      return fail(ErrorKind::not_found, fmt::format("there is no row {} in this version\n  next: {}", name,
                                                    commands::list("quirks")));
    session.show(found->second, row_text(found->second));
    return ExitCode::ok;
  }
  std::vector<Cells> cells = {{"NAME", "KNOWN", "HOLDS FOR", "CHANGES"}};
  for (const auto& [row_name, row] : table->all()) {
    if (session.format != Format::table) session.show(row, "");
    cells.push_back({row_name, std::string(level_of(row)), conditions_of(row),
                     fmt::format("{}", fmt::join(fields_of(row), ", "))});
  }
  if (session.format == Format::table) session.console().print(render_table(cells));
  return ExitCode::ok;
}

std::string quirks_text(const rest::Server& server) {
  const std::string& name = server.status().quirks();
  if (!server.status().has_inspected_at()) return {};
  if (name.empty()) return "\nits BMC: as the standard says; no row of known peculiarities holds for it\n";
  const auto table = built_in_quirks();
  const auto found =
      table ? table->all().find(name) : std::map<std::string, config::BmcQuirks>::const_iterator();
  if (!table || found == table->all().end())
    return fmt::format("\nits BMC: row {} holds, of the site's own folder of quirks\n", name);
  return "\nits BMC: row " + row_text(found->second);
}

}  // namespace metalmesh::cli
