#include "controller/cli/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace metalmesh::cli {
namespace {

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, starts_character));
}

std::string cut_to(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t bytes = 0;
  for (std::size_t characters = 0; bytes < text.size(); ++bytes) {
    if (starts_character(text[bytes]) && ++characters == width) break;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

std::string fit_to(std::string_view text, std::size_t width) {
  std::string out = cut_to(text, width);
  out.append(width - display_width(out), ' ');
  return out;
}

std::string render_table(const std::vector<Cells>& rows) {
  std::vector<std::size_t> widths;
  return render_rows(rows, widths);
}

std::string render_rows(const std::vector<Cells>& rows, std::vector<std::size_t>& widths) {
  const auto shown = [](const std::string& cell) {
    return cell.empty() ? std::string_view("-") : std::string_view(cell);
  };
  for (const Cells& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(shown(row[i])));
  }
  std::string out;
  for (const Cells& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      const std::size_t begin = out.size();
      out += last ? std::string(shown(row[i])) : fit_to(shown(row[i]), widths[i] + 2);
      // A cell that has lines of its own makes no row of the table.
      std::replace(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), '\n', ' ');
    }
    out += '\n';
  }
  return out;
}

std::string rate_words(std::uint64_t bytes_per_second) {
  constexpr const char* units[] = {"B/s", "kB/s", "MB/s", "GB/s"};
  if (bytes_per_second < 1000) return fmt::format("{} B/s", bytes_per_second);
  auto value = static_cast<double>(bytes_per_second);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1000;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string bar(unsigned percent, std::size_t width) {
  const std::size_t inner = width < 2 ? 0 : width - 2;
  const std::size_t full = inner * std::min(percent, 100U) / 100;
  return "[" + std::string(full, '#') + std::string(inner - full, '.') + "]";
}

}  // namespace metalmesh::cli
