// Who said it: signatures over (kind, payload). Synchronous and deterministic, so cores may call it.
// The real one is Ed25519 over "metalmesh/1\0" kind "\0" payload; simulations use a cheap stand-in.
#pragma once

#include <string>
#include <string_view>

namespace metalmesh {

struct SignatureBytes {
  std::string key_id;  // 16 bytes: SHA-256 of the public key (SPKI, DER), cut
  std::string bytes;
};

class Signer {
 public:
  virtual ~Signer() = default;
  [[nodiscard]] virtual SignatureBytes sign(std::string_view kind, std::string_view payload) const = 0;
};

class Verifier {
 public:
  virtual ~Verifier() = default;
  /// True only if `signature` was made over exactly these bytes by a key trusted for `signer` ("controller",
  /// or the name of a site).
  [[nodiscard]] virtual bool verify(std::string_view signer, std::string_view kind, std::string_view payload,
                                    const SignatureBytes& signature) const = 0;
};

}  // namespace metalmesh
