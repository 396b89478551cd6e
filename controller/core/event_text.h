// Events whose text is in another encoding than UTF-8, as BMCs send it: a message with such a string does not
// parse, and one bad byte in a sentence must not cost the fact.
#pragma once

#include <google/protobuf/descriptor.h>

#include <optional>
#include <string>
#include <string_view>

namespace metalmesh::controller {

/// `bytes`, a message of `type`, with every string in it made valid UTF-8; all else stays byte for byte.
/// Nothing when the bytes are no message at all.
std::optional<std::string> with_valid_text(std::string_view bytes, const google::protobuf::Descriptor& type);

}  // namespace metalmesh::controller
