#include "controller/cli/object_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <utility>

#include "common/text/filler/field_path.h"
#include "common/text/letters.h"

namespace metalmesh::cli {
namespace {

using google::protobuf::Message;

struct ShownColumn {
  std::string heading;
  std::function<std::string(const Message&)> cell;
};

/// "JOBS HELD" is typed jobs-held, too.
std::string as_typed(std::string_view heading) {
  std::string out = to_lower(std::string(heading));
  std::ranges::replace(out, ' ', '-');
  return out;
}

Result<ShownColumn> column_of(const Kind& kind, const std::string& word, WallTime now) {
  const Cells headings = wide_header(kind);
  for (std::size_t i = 0; i < headings.size(); ++i) {
    if (as_typed(headings[i]) != as_typed(word)) continue;
    return ShownColumn{headings[i],
                       [&kind, i, now](const Message& object) { return wide_row(kind, object, now).at(i); }};
  }
  auto path = FieldPath::of(*kind.make()->GetDescriptor(), word);
  if (path)
    return ShownColumn{word, [path = std::move(*path)](const Message& object) {
                         return fmt::format("{}", fmt::join(path.values(object), ","));
                       }};
  std::vector<std::string> known;
  for (const std::string& heading : headings) known.push_back(as_typed(heading));
  return fail(ErrorKind::invalid,
              fmt::format("\"{}\" is no column of {}: {}; or a path such as metadata.labels.NAME", word,
                          kind.plural, fmt::join(known, ", ")));
}

std::optional<double> number_in(const std::string& text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

bool comes_before(const std::string& a, const std::string& b) {
  const auto one = number_in(a);
  const auto other = number_in(b);
  if (one && other) return *one < *other;
  return a < b;
}

}  // namespace

Status sort_objects(const Kind& kind, Objects& objects, const std::string& sort, WallTime now) {
  const bool falls = sort.starts_with('-');
  const auto column = column_of(kind, falls ? sort.substr(1) : sort, now);
  if (!column) return std::unexpected(column.error());
  std::vector<std::pair<std::string, std::size_t>> order;
  for (std::size_t i = 0; i < objects.size(); ++i) order.emplace_back(column->cell(*objects[i]), i);
  std::ranges::sort(order, [&](const auto& a, const auto& b) {
    if (a.first != b.first) return falls ? comes_before(b.first, a.first) : comes_before(a.first, b.first);
    return a.second < b.second;
  });
  Objects sorted;
  for (const auto& [cell, at] : order) sorted.push_back(std::move(objects[at]));
  objects = std::move(sorted);
  return {};
}

Result<std::vector<Cells>> object_rows(const Kind& kind, const Objects& objects, const ListView& view,
                                       WallTime now) {
  std::vector<Cells> rows;
  if (view.columns.empty()) {
    rows.push_back(view.wide ? wide_header(kind) : object_header(kind));
    for (const auto& object : objects)
      rows.push_back(view.wide ? wide_row(kind, *object, now) : object_row(kind, *object, now));
    return rows;
  }
  std::vector<ShownColumn> chosen;
  std::string_view rest = view.columns;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(','), rest.size());
    auto column = column_of(kind, std::string(rest.substr(0, end)), now);
    if (!column) return std::unexpected(column.error());
    chosen.push_back(std::move(*column));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  Cells& header = rows.emplace_back();
  for (const ShownColumn& column : chosen) header.push_back(column.heading);
  for (const auto& object : objects) {
    Cells& row = rows.emplace_back();
    for (const ShownColumn& column : chosen) row.push_back(column.cell(*object));
  }
  return rows;
}

}  // namespace metalmesh::cli
