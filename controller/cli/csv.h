// Comma-separated values as spreadsheets write them (RFC 4180): quotes, doubled quotes, line breaks within quotes, CR LF. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::cli {

struct CsvRow {
  std::size_t line = 0;  // where it begins, from 1
  std::vector<std::string> cells;
};

/// Every row, empty ones and those that begin with # left out. Errors read `name:line: what is wrong`.
Result<std::vector<CsvRow>> parse_csv(std::string_view text, const std::string& name);

/// The other way round, with what would move a terminal shown as what it is; to be written as it is.
std::string csv_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace metalmesh::cli
