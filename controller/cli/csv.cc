#include "controller/cli/csv.h"

#include <fmt/format.h>

#include <utility>

#include "common/text/filler/text_node.h"
#include "common/text/visible.h"

namespace metalmesh::cli {
namespace {

constexpr std::size_t text_limit = std::size_t{64} << 20;
constexpr std::size_t cell_limit = std::size_t{64} << 10;

std::string without_blanks(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Result<std::vector<CsvRow>> rows() {
    while (at_ < text_.size()) {
      CsvRow row{line_, {}};
      const bool is_remark = text_[at_] == '#';
      if (Status read = is_remark ? skip_line() : read_row(row.cells); !read)
        return std::unexpected(read.error());
      const bool is_empty = row.cells.empty() || (row.cells.size() == 1 && row.cells.front().empty());
      if (!is_empty) out_.push_back(std::move(row));
    }
    return std::move(out_);
  }

 private:
  Status wrong(std::string_view what) const {
    return fail(ErrorKind::invalid, fmt::format("{}:{}: {}", name_, line_, what));
  }

  Status skip_line() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    end_line();
    return {};
  }

  void end_line() {
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
  }

  [[nodiscard]] bool ends_row() const {
    return at_ == text_.size() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n");
  }

  Status read_row(std::vector<std::string>& cells) {
    while (true) {
      std::string cell;
      if (Status read = read_cell(cell); !read) return read;
      cells.push_back(std::move(cell));
      if (ends_row()) {
        end_line();
        return {};
      }
      ++at_;  // the comma
    }
  }

  Status read_cell(std::string& cell) {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    if (at_ < text_.size() && text_[at_] == '"') return read_quoted(cell);
    while (!ends_row() && text_[at_] != ',') {
      if (text_[at_] == '"')
        return wrong("a quote in the middle of a cell: the whole cell is quoted, and \" is \"\"");
      cell += text_[at_++];
      if (cell.size() > cell_limit) return wrong("a cell is longer than 65536 bytes");
    }
    cell = without_blanks(cell);
    return {};
  }

  Status read_quoted(std::string& cell) {
    const std::size_t began = line_;
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"' && at_ < text_.size() && text_[at_] == '"') {
        ++at_;
        cell += '"';
      } else if (c == '"') {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
        if (!ends_row() && text_[at_] != ',')
          return wrong("behind a closing quote comes a comma or the end of the line");
        return {};
      } else {
        if (c == '\n') ++line_;
        cell += c;
        if (cell.size() > cell_limit) return wrong("a cell is longer than 65536 bytes");
      }
    }
    line_ = began;
    return wrong("a quote is opened here and never closed");
  }

  std::string_view text_;
  const std::string& name_;
  std::vector<CsvRow> out_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

std::string csv_text(const std::vector<std::vector<std::string>>& rows) {
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : ",") + csv_cell(visible(row[i]));
    out += "\r\n";  // RFC 4180
  }
  return out;
}

Result<std::vector<CsvRow>> parse_csv(std::string_view text, const std::string& name) {
  if (text.size() > text_limit)
    return fail(ErrorKind::exhausted, fmt::format("{}: longer than {} bytes", name, text_limit));
  if (auto good = check_utf8(text, name); !good) return std::unexpected(good.error());
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // spreadsheets begin a file with it
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return Reader(text, name).rows();
}

}  // namespace metalmesh::cli
