// A quick 64-bit fingerprint of bytes, the same on every platform. It tells equal from different, for replays
// and damaged files; against people it protects nothing.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace metalmesh::recording {

class Fingerprint {
 public:
  /// Each call counts for itself: ("ab", "c") differs from ("a", "bc").
  Fingerprint& add(std::string_view bytes) {
    mix(bytes.size());
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) mix(word(bytes.data() + at, 8));
    if (at < bytes.size()) mix(word(bytes.data() + at, bytes.size() - at));
    return *this;
  }
  Fingerprint& add(std::uint64_t number) {
    mix(number);
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t z = state_ ^ (state_ >> 32U);
    z *= 0x94d049bb133111ebULL;
    return z ^ (z >> 29U);
  }

 private:
  /// Little endian, whatever the machine is.
  static std::uint64_t word(const char* bytes, std::size_t count) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes, count);
    return std::endian::native == std::endian::little ? value : __builtin_bswap64(value);
  }
  void mix(std::uint64_t value) {
    state_ = (state_ ^ value) * 0x9e3779b97f4a7c15ULL;
    state_ ^= state_ >> 31U;
  }

  std::uint64_t state_ = 0x2545f4914f6cdd1dULL;
};

inline std::uint64_t fingerprint(std::string_view bytes) { return Fingerprint().add(bytes).value(); }

}  // namespace metalmesh::recording
