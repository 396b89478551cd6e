// SHA-256 over bytes in memory; shown as hex. Pure functions (OpenSSL's libcrypto does the work).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/text/hex.h"

namespace metalmesh {

/// 32 raw bytes.
std::string sha256(std::string_view bytes);
/// sha256(a + b) without building a + b.
std::string sha256(std::string_view a, std::string_view b);

std::string to_base64(std::string_view bytes);

/// Streaming form for files that do not fit in memory.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void update(std::string_view bytes);
  /// The digest of everything so far; the stream must not be used afterwards.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace metalmesh
