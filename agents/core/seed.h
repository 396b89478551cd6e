// A seed for base/random from real entropy.
#pragma once

#include <cstdint>

#include "common/ports/entropy.h"

namespace metalmesh::agent {

inline std::uint64_t draw_seed(Entropy& entropy) {
  std::uint64_t seed = 0;
  for (const char byte : entropy.bytes(sizeof seed)) seed = seed << 8U | static_cast<unsigned char>(byte);
  return seed;
}

}  // namespace metalmesh::agent
