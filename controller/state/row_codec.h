// A row's value: one version byte, then the message. A reader refuses versions from the future and is the
// place where rows of older versions are migrated.
#pragma once

#include <google/protobuf/message_lite.h>

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::controller {

inline constexpr char row_version = 4;

std::string encode_row(const google::protobuf::MessageLite& message);
/// Kinds: corrupt (not such a message), unsupported (written by a newer controller).
Status decode_row(std::string_view value, google::protobuf::MessageLite& message);

/// Equal messages give equal bytes, map fields included: for digests.
std::string canonical_bytes(const google::protobuf::MessageLite& message);

}  // namespace metalmesh::controller
