// Signed envelopes: the one choke point through which bytes from the bus become messages.
#pragma once

#include <google/protobuf/message_lite.h>

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/ports/signer.h"

namespace metalmesh::delivery {

inline constexpr std::size_t envelope_limit = 64 * 1024;

/// Serializes, signs and wraps. The result is at most envelope_limit bytes: callers keep payloads below 48
/// KiB.
std::string seal(const Signer& signer, std::string_view kind, const google::protobuf::MessageLite& payload);

struct Opened {
  std::string kind;
  std::string payload;
};
/// Verifies over the received bytes, then unwraps. Kinds: denied (signature), invalid (not an envelope, too
/// long, no or duplicate key id). Nothing of an envelope that fails may be used.
Result<Opened> open(const Verifier& verifier, std::string_view signer, std::string_view bytes);

}  // namespace metalmesh::delivery
