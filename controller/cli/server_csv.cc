#include "controller/cli/server_csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "common/base/command_words.h"
#include "common/text/letters.h"
#include "common/text/near_miss.h"
#include "controller/cli/csv.h"

namespace metalmesh::cli {
namespace {

using SetCell = std::string (*)(rest::Server&, const std::string&);  // what is wrong; empty: nothing

struct CsvColumn {
  std::string_view name;
  std::string_view field;  // as the API spells it; empty: it is the name
  SetCell set;
};

/// A number that a spreadsheet has rounded is nobody's serial.
bool is_rounded(const std::string& text) {
  const auto e = text.find("E+");
  return e != std::string::npos && e > 0 && e + 2 < text.size() &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '.' || c == 'E' || c == '+'; });
}

std::optional<bool> truth(const std::string& text) {
  const std::string word = to_lower(text);
  if (word == "true" || word == "yes" || word == "1") return true;
  if (word == "false" || word == "no" || word == "0") return false;
  return std::nullopt;
}

std::string set_serial(rest::Server& server, const std::string& text) {
  if (is_rounded(text))
    return fmt::format("{} is what a spreadsheet made of a serial: make the column text, and enter it again",
                       text);
  server.mutable_spec()->mutable_identity()->set_serial(text);
  return {};
}

/// "role=web;rack=r01"
std::string set_labels(rest::Server& server, const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of(";, "), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      return fmt::format("\"{}\" is no label: key=value, with ; between", pair);
    const bool fresh =
        server.mutable_metadata()
            ->mutable_labels()
            ->insert({std::string(pair.substr(0, equals)), std::string(pair.substr(equals + 1))})
            .second;
    if (!fresh) return fmt::format("label {} is given twice", pair.substr(0, equals));
  }
  return {};
}

std::string set_protected(rest::Server& server, const std::string& text) {
  const auto value = truth(text);
  if (!value) return fmt::format("\"{}\" is neither true nor false", text);
  server.mutable_spec()->set_protected_(*value);
  return {};
}

constexpr std::string_view password_column = "bmc_password";

const std::array csv_columns = {
    CsvColumn{"name", "",
              [](rest::Server& s, const std::string& v) {
                s.mutable_metadata()->set_name(v);
                return std::string();
              }},
    CsvColumn{"site", "spec.site",
              [](rest::Server& s, const std::string& v) {
                s.mutable_spec()->set_site(v);
                return std::string();
              }},
    CsvColumn{"bmc", "spec.bmc.address",
              [](rest::Server& s, const std::string& v) {
                s.mutable_spec()->mutable_bmc()->set_address(v);
                return std::string();
              }},
    CsvColumn{"serial", "spec.identity.serial", set_serial},
    CsvColumn{"uuid", "spec.identity.uuid",
              [](rest::Server& s, const std::string& v) {
                s.mutable_spec()->mutable_identity()->set_uuid(v);
                return std::string();
              }},
    CsvColumn{"hostname", "spec.hostname",
              [](rest::Server& s, const std::string& v) {
                s.mutable_spec()->set_hostname(v);
                return std::string();
              }},
    CsvColumn{"credential", "spec.bmc.credential",
              [](rest::Server& s, const std::string& v) {
                s.mutable_spec()->mutable_bmc()->set_credential(v);
                return std::string();
              }},
    CsvColumn{"bmc_key", "spec.bmc.keySha256",
              [](rest::Server& s, const std::string& v) {
                s.mutable_spec()->mutable_bmc()->set_key_sha256(v);
                return std::string();
              }},
    CsvColumn{"labels", "metadata.labels", set_labels},
    CsvColumn{"protected", "spec.protected", set_protected},
    CsvColumn{"state", "spec.state",
              [](rest::Server& s, const std::string& v) {
                s.mutable_spec()->set_state(v);
                return std::string();
              }},
    CsvColumn{password_column, "", nullptr},
};

Error at_line(const std::string& name, std::size_t line, std::string_view what) {
  return {ErrorKind::invalid, fmt::format("{}:{}: {}", name, line, what)};
}

Result<std::vector<const CsvColumn*>> header_of(const CsvRow& header, const std::string& name) {
  std::vector<const CsvColumn*> out;
  for (const std::string& cell : header.cells) {
    const std::string word = to_lower(cell);
    const auto* const found = std::ranges::find(csv_columns, word, &CsvColumn::name);
    if (found == csv_columns.end()) {
      std::vector<std::string> words;
      for (const CsvColumn& each : csv_columns) words.emplace_back(each.name);
      const std::string near = near_miss(word, words);
      const bool other_separator = header.cells.size() == 1 && cell.find_first_of(";\t") != std::string::npos;
      return std::unexpected(at_line(
          name, header.line,
          other_separator
              ? "the columns are separated by commas here, and by nothing else"
              : fmt::format("there is no column \"{}\"{}\n  next: name the columns in the first line: {}",
                            cell, near.empty() ? "" : fmt::format("; did you mean {}?", near),
                            csv_column_words())));
    }
    if (std::ranges::find(out, &*found) != out.end())
      return std::unexpected(at_line(name, header.line, fmt::format("column {} is there twice", word)));
    out.push_back(&*found);
  }
  if (std::ranges::find(out, "name", &CsvColumn::name) == out.end())
    return std::unexpected(
        at_line(name, header.line,
                fmt::format("there is no column \"name\"\n  next: name the columns in the first "
                            "line: {}",
                            csv_column_words())));
  return out;
}

/// What is wrong with it; empty: nothing.
std::string read_row(const CsvRow& row, const std::vector<const CsvColumn*>& header, ReadObject& out) {
  if (row.cells.size() != header.size())
    return fmt::format("{} cells, and the header has {} columns", row.cells.size(), header.size());
  rest::Server server;
  server.set_api_version("metalmesh/v1");
  server.set_kind("Server");
  for (std::size_t i = 0; i < header.size(); ++i) {
    const CsvColumn& column = *header[i];
    if (row.cells[i].empty() || column.set == nullptr) continue;
    if (std::string wrong = column.set(server, row.cells[i]); !wrong.empty())
      return fmt::format("{}: {}", column.name, wrong);
    if (!column.field.empty()) out.fields += (out.fields.empty() ? "" : ",") + std::string(column.field);
  }
  out.manifest.name = server.metadata().name();
  if (out.manifest.name.empty()) return "name: is missing";
  out.manifest.kind = find_kind("Server");
  out.manifest.object = std::make_unique<rest::Server>(std::move(server));
  return {};
}

}  // namespace

std::string csv_column_words() {
  std::string out;
  for (const CsvColumn& column : csv_columns) {
    if (column.set != nullptr) out += (out.empty() ? "" : ", ") + std::string(column.name);
  }
  return out;
}

Result<ReadObjects> servers_of_csv(std::string_view text, const std::string& name, bool without_passwords) {
  auto rows = parse_csv(text, name);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorKind::invalid, fmt::format("{}: there is no header and no row", name));
  const auto header = header_of(rows->front(), name);
  if (!header) return std::unexpected(header.error());
  const auto password = static_cast<std::size_t>(
      std::ranges::find(*header, password_column, &CsvColumn::name) - header->begin());
  ReadObjects out;
  for (std::size_t i = 1; i < rows->size(); ++i) {
    const CsvRow& row = (*rows)[i];
    if (!without_passwords && password < row.cells.size() && !row.cells[password].empty())
      return std::unexpected(at_line(
          name, row.line,
          fmt::format(
              "column {} holds a password: those of BMCs stay at their site, and are in no object and no "
              "request\n  next: {}, name it in column credential, and import --without-passwords",
              password_column, commands::on_agent_host(commands::set_credential("NAME")))));
    ReadObject object;
    object.manifest.where = fmt::format("{}:{}", name, row.line);
    if (std::string wrong = read_row(row, *header, object); !wrong.empty()) {
      out.misfits.push_back(at_line(name, row.line, wrong));
    } else {
      out.objects.push_back(std::move(object));
    }
  }
  if (out.objects.empty() && out.misfits.empty())
    return fail(ErrorKind::invalid, fmt::format("{}: there is no row below the header", name));
  return out;
}

}  // namespace metalmesh::cli
