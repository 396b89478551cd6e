// Wall times as protobuf stamps, and durations both ways.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "common/base/time.h"

namespace metalmesh::controller {

google::protobuf::Timestamp to_stamp(WallTime time);
WallTime from_stamp(const google::protobuf::Timestamp& stamp);
google::protobuf::Duration to_proto(Duration duration);
/// Saturates: a duration of a thousand years is one of a hundred.
Duration from_proto(const google::protobuf::Duration& duration);
/// "2026-03-02 04:10:07 UTC"
std::string for_people(const google::protobuf::Timestamp& stamp);

}  // namespace metalmesh::controller
