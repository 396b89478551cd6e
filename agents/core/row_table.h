// Reading and writing protobuf rows below one prefix, once it is known that they are whole (row_check.h): after
// that a row that is not stops the process, rather than that a fence is forgotten.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/core/row_keys.h"
#include "common/base/check.h"
#include "common/ports/row_walk.h"
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
  std::vector<std::pair<std::string, Message>> loaded;
  const Status read =
      walk_whole_rows(reader, std::string(prefix), rows::after(prefix),
                      [&](const std::string& key, const std::string& value) -> Status {
                        loaded.emplace_back(key.substr(prefix.size()), parse_row<Message>(value));
                        return {};
                      });
  if (!read) check_failed(read.error().message, __FILE__, __LINE__);
  return loaded;
}

template <class Message>
Message load_row(const RowReader& reader, std::string_view key) {
  const auto bytes = reader.get(key);
  if (!bytes) check_failed(bytes.error().message, __FILE__, __LINE__);
  return *bytes ? parse_row<Message>(**bytes) : Message{};
}

template <class Message>
void put_row(Outcome& out, std::string key, Message& message) {
  message.set_row_version(rows::version);
  out.put(std::move(key), message.SerializeAsString());
}

}  // namespace metalmesh::agent
