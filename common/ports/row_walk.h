// Goes through rows in pages, so that nobody holds a whole table in memory.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ports/row_seal.h"
#include "common/ports/store.h"

namespace metalmesh {

/// take(row) for each row with first <= key < last, damaged ones too. What it says ends the walk unless it is good.
template <class Take>
Status walk_rows(const RowReader& rows, std::string first, std::string_view last, Take take) {
  constexpr std::size_t page = 512;
  while (true) {
    auto found = rows.scan(first, last, page);
    if (!found) return std::unexpected(std::move(found.error()));
    for (Row& row : *found) {
      if (Status taken = take(row); !taken) return taken;
    }
    if (found->size() < page) return {};
    first = found->back().key + '\0';
  }
}

/// The same for whole rows: take(key, value). Fails with `corrupt`, naming the first damaged one.
template <class Take>
Status walk_whole_rows(const RowReader& rows, std::string first, std::string_view last, Take take) {
  return walk_rows(rows, std::move(first), last, [&](const Row& row) -> Status {
    if (!row.value) return std::unexpected(damaged_row(row.key, row.value.error()));
    return take(row.key, *row.value);
  });
}

}  // namespace metalmesh
