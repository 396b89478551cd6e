// Columns of text for terminals and for grep. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace metalmesh::cli {

using Cells = std::vector<std::string>;

/// The first row is the header. Columns are two blanks apart; an empty cell shows as "-".
std::string render_table(const std::vector<Cells>& rows);
/// Rows that go below others: `widths` are those of the columns so far, and grow.
std::string render_rows(const std::vector<Cells>& rows, std::vector<std::size_t>& widths);

/// Characters, not bytes; wide East Asian ones count as one.
std::size_t display_width(std::string_view text);
/// At most `width` characters, the last one an ellipsis when something was cut.
std::string cut_to(std::string_view text, std::size_t width);
/// `cut_to`, filled up with blanks.
std::string fit_to(std::string_view text, std::size_t width);

/// "12.4 MB/s", "700 B/s".
std::string rate_words(std::uint64_t bytes_per_second);
/// "[#####.....]" of `width` characters in all.
std::string bar(unsigned percent, std::size_t width);

}  // namespace metalmesh::cli
