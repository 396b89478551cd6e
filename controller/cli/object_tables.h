// Objects as rows of a table: the columns people look for first. Pure.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "controller/cli/kinds.h"
#include "controller/cli/text_table.h"

namespace metalmesh::cli {

using Objects = std::vector<std::unique_ptr<google::protobuf::Message>>;

Cells object_header(const Kind& kind);
Cells object_row(const Kind& kind, const google::protobuf::Message& object, WallTime now);
/// With what fewer people look for.
Cells wide_header(const Kind& kind);
Cells wide_row(const Kind& kind, const google::protobuf::Message& object, WallTime now);
/// All of one kind.
std::string objects_table(const Kind& kind, const Objects& objects, WallTime now);

}  // namespace metalmesh::cli
