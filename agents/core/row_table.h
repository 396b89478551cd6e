// Reading and writing protobuf rows below one prefix. A row that does not parse means a damaged or newer
// store: the process stops rather than forget a fence.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/core/row_keys.h"
#include "common/base/check.h"
#include "common/ports/store.h"
#include "common/turn/outcome.h"

namespace metalmesh::agent {

template <class Message>
Message parse_row(const std::string& bytes) {
  Message message;
  MM_CHECK(message.ParseFromString(bytes));
  MM_CHECK(message.row_version() <= rows::version);
  return message;
}

/// All rows below `prefix`, by the part of the key after it.
template <class Message>
std::vector<std::pair<std::string, Message>> load_rows(const RowReader& reader, std::string_view prefix) {
  constexpr std::size_t page = 256;
  std::vector<std::pair<std::string, Message>> loaded;
  const std::string end = rows::after(prefix);
  std::string from(prefix);
  while (true) {
    const std::vector<Row> found = reader.scan(from, end, page);
    for (const Row& row : found)
      loaded.emplace_back(row.key.substr(prefix.size()), parse_row<Message>(row.value));
    if (found.size() < page) return loaded;
    from = found.back().key + '\0';
  }
}

template <class Message>
Message load_row(const RowReader& reader, std::string_view key) {
  const auto bytes = reader.get(key);
  return bytes ? parse_row<Message>(*bytes) : Message{};
}

template <class Message>
void put_row(Outcome& out, std::string key, Message& message) {
  message.set_row_version(rows::version);
  out.put(std::move(key), message.SerializeAsString());
}

}  // namespace metalmesh::agent
