// A long body of lines (application/x-ndjson), of somebody who may come in, is given in pieces of whole lines: each is an
// ExchangeOpened of the same id, all but the last carry this header, which nobody can send, and the next one comes after
// a reply with status 100. Any other reply, or an ExchangeClosed, ends it.
#pragma once

#include <string_view>

namespace metalmesh {

inline constexpr std::string_view body_goes_on = ":body-goes-on";

}  // namespace metalmesh
