// Unguessable bytes for tokens, journal ids and nonces. Real: the kernel's generator. Simulated: seeded.
#pragma once

#include <cstddef>
#include <string>

namespace metalmesh {

class Entropy {
 public:
  virtual ~Entropy() = default;
  [[nodiscard]] virtual std::string bytes(std::size_t count) = 0;
};

}  // namespace metalmesh
