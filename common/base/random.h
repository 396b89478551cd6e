// The only randomness a core sees: small, seeded, portable (SplitMix64). Equal seeds give equal runs
// on every platform, which std:: distributions do not promise. Not for secrets: see ports/entropy.h.
#pragma once

#include <cstdint>

namespace metalmesh {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, bound); bound > 0. The modulo bias is below 2^-32 for the bounds used here.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// True with probability `per_mille` / 1000.
  bool chance(std::uint32_t per_mille) { return below(1000) < per_mille; }
  /// An independent generator, so that drawing more in one place does not shift another.
  Random fork() { return Random(next()); }

 private:
  std::uint64_t state_;
};

}  // namespace metalmesh
