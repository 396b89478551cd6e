// Wall times as people read them.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <string>

namespace metalmesh::controller {

/// "2026-03-02 04:10:07 UTC"
std::string for_people(const google::protobuf::Timestamp& stamp);

}  // namespace metalmesh::controller
