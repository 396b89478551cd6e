// Unguessable bytes for tokens, journal ids and nonces. Real: the kernel's generator. Simulated: seeded.
#pragma once

#include <cstddef>
#include <string>

namespace metalmesh {

class Entropy {
 public:
  virtual ~Entropy() = default;
  [[nodiscard]] virtual std::string bytes(std::size_t count) = 0;
  /// The same for what opens a door, written in hex: whoever keeps draws keeps these masked.
  [[nodiscard]] virtual std::string secret(std::size_t count) { return bytes(count); }
};

}  // namespace metalmesh
