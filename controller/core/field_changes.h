// What differs between two messages of one type, field by field, for people. Pure.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "controller/core/operator_request.h"

namespace metalmesh::controller {

/// Adds what `to` has otherwise than `from`, in the order of the schema; `path` is in front of each field.
void find_changes(const google::protobuf::Message& from, const google::protobuf::Message& to,
                  const std::string& path, std::vector<FieldChange>& changes);

}  // namespace metalmesh::controller
