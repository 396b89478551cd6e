// How a list is to look: which columns, in what order, as a table or as comma-separated values. Pure.
#pragma once

#include <string>
#include <vector>

#include "controller/cli/object_tables.h"

namespace metalmesh::cli {

struct ListView {
  bool wide = false;
  bool csv = false;
  std::string columns;  // headings or paths of fields, with commas between; empty: the usual ones
  std::string sort;  // a heading or a path; with a dash in front from the last to the first; empty: by name
  std::string json_path;  // empty: none
  [[nodiscard]] bool is_usual() const { return !wide && !csv && columns.empty() && json_path.empty(); }
};

/// Numbers as numbers, anything else as text; what is equal stays in its order.
Status sort_objects(const Kind& kind, Objects& objects, const std::string& sort, WallTime now);
/// The header, and a row for each.
Result<std::vector<Cells>> object_rows(const Kind& kind, const Objects& objects, const ListView& view,
                                       WallTime now);

}  // namespace metalmesh::cli
