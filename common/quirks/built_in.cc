#include "common/quirks/built_in.h"

#include <utility>

#include "common/quirks/quirk_texts.h"
#include "common/text/filler/filler.h"

namespace metalmesh {

Status add_quirks(QuirkTable& table, std::string_view text, std::string_view name, QuirkOrigin origin) {
  auto row = read_yaml<config::BmcQuirks>(text, name);
  if (!row) return std::unexpected(row.error());
  Status added = table.add(std::move(*row), origin);
  if (!added) return std::unexpected(std::move(added.error()).with(name));
  return {};
}

Result<QuirkTable> built_in_quirks() {
  QuirkTable table;
  for (const QuirkText& each : quirk_texts()) {
    if (auto added = add_quirks(table, each.text, each.name, QuirkOrigin::built_in); !added)
      return std::unexpected(added.error());
  }
  return table;
}

}  // namespace metalmesh
