// Cheap stand-ins for signatures and entropy.
#pragma once

#include <string>
#include <string_view>

#include "common/base/digest.h"
#include "common/base/random.h"
#include "common/ports/entropy.h"
#include "common/ports/signer.h"

namespace metalmesh::test {

/// Not a signature scheme: enough to tell who sealed what.
class NamedSigner final : public Signer {
 public:
  explicit NamedSigner(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] SignatureBytes sign(std::string_view kind, std::string_view payload) const override {
    return {sha256(name_).substr(0, 16), sha256(name_ + std::string(kind), payload)};
  }

 private:
  std::string name_;
};

class NamedVerifier final : public Verifier {
 public:
  [[nodiscard]] bool verify(std::string_view signer, std::string_view kind, std::string_view payload,
                            const SignatureBytes& signature) const override {
    const SignatureBytes expected = NamedSigner(std::string(signer)).sign(kind, payload);
    return expected.key_id == signature.key_id && expected.bytes == signature.bytes;
  }
};

class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : random_(seed) {}
  [[nodiscard]] std::string bytes(std::size_t count) override {
    std::string drawn(count, '\0');
    for (char& byte : drawn) byte = static_cast<char>(random_.below(256));
    return drawn;
  }

 private:
  Random random_;
};

}  // namespace metalmesh::test
