// What the controller itself has signed once, and a site shows it again. Only that proves that a store was put back: what a
// site says of its own accord it may have made up. It is no proof of the hour either, but for what its clock says: whoever
// has kept a frame can show it for ever. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.h"
#include "common/ports/signer.h"

namespace metalmesh::controller {

struct ControllerWord {
  std::string instance;
  std::string ledger;  // the newest event by then
  std::uint64_t epoch = 0;
  std::optional<WallTime> clock;  // nothing: it doubted its own
};

/// A sealed Welcome or Ack; nothing, where it is neither, or not of a controller with our key.
std::optional<ControllerWord> read_word(const Verifier& verifier, std::string_view frame);

}  // namespace metalmesh::controller
