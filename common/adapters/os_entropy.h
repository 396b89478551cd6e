// The kernel's generator (getrandom). Blocks only before the machine has gathered its first entropy.
#pragma once

#include "common/ports/entropy.h"

namespace metalmesh::adapters {

class OsEntropy final : public Entropy {
 public:
  [[nodiscard]] std::string bytes(std::size_t count) override;
};

}  // namespace metalmesh::adapters
