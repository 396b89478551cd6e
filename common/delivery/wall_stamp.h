// WallTime <-> google.protobuf.Timestamp. A stamp that the type cannot hold is clamped: peers are not
// trusted to send sane ones.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include "common/base/time.h"

namespace metalmesh::delivery {

google::protobuf::Timestamp to_stamp(WallTime time);
WallTime from_stamp(const google::protobuf::Timestamp& stamp);

}  // namespace metalmesh::delivery
