// Objects as rows of a table: the columns people look for first. Pure.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "controller/cli/kinds.h"

namespace metalmesh::cli {

using Objects = std::vector<std::unique_ptr<google::protobuf::Message>>;

/// All of one kind.
std::string objects_table(const Kind& kind, const Objects& objects, WallTime now);

}  // namespace metalmesh::cli
