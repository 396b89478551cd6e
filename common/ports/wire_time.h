// Times of ours to and from protobuf's. Peers are not trusted to send sane ones: what does not fit is clamped
// (about two hundred years around 1970), so that arithmetic on it cannot overflow.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "common/base/time.h"

namespace metalmesh {

google::protobuf::Timestamp to_wire(WallTime time);
google::protobuf::Duration to_wire(Duration duration);
WallTime from_wire(const google::protobuf::Timestamp& stamp);
Duration from_wire(const google::protobuf::Duration& duration);

}  // namespace metalmesh
