// Whose signature is whose. Cheap stand-ins by default: deterministic, and wrong for every other key or byte;
// the program can hand in real Ed25519 keys instead (real_keys.h).
#pragma once

#include <map>
#include <string>
#include <utility>

#include "common/base/random.h"
#include "common/ports/entropy.h"
#include "common/ports/signer.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

/// The signing keys of the controller and of every site, and what trusts them.
class KeyRing {
 public:
  virtual ~KeyRing() = default;
  [[nodiscard]] virtual const Signer& signer(const std::string& owner) const = 0;
  [[nodiscard]] virtual const Verifier& verifier() const = 0;
};

class SimKey final : public Signer {
 public:
  explicit SimKey(std::string owner) : owner_(std::move(owner)) {}
  [[nodiscard]] SignatureBytes sign(std::string_view kind, std::string_view payload) const override {
    return {key_id(owner_), tag(owner_, kind, payload)};
  }
  static std::string key_id(std::string_view owner) {
    std::string id(owner.substr(0, 16));
    id.resize(16, '.');
    return id;
  }
  static std::string tag(std::string_view owner, std::string_view kind, std::string_view payload) {
    constexpr std::string_view separator("\0", 1);
    return std::to_string(fnv(fnv(fnv(fnv(fnv(1, owner), separator), kind), separator), payload));
  }

 private:
  std::string owner_;
};

class SimVerifier final : public Verifier {
 public:
  [[nodiscard]] bool verify(std::string_view signer, std::string_view kind, std::string_view payload,
                            const SignatureBytes& signature) const override {
    return signature.key_id == SimKey::key_id(signer) &&
           signature.bytes == SimKey::tag(signer, kind, payload);
  }
};

class CheapKeyRing final : public KeyRing {
 public:
  [[nodiscard]] const Signer& signer(const std::string& owner) const override {
    return keys_.try_emplace(owner, owner).first->second;
  }
  [[nodiscard]] const Verifier& verifier() const override { return verifier_; }

 private:
  mutable std::map<std::string, SimKey> keys_;
  SimVerifier verifier_;
};

class SimEntropy final : public Entropy {
 public:
  explicit SimEntropy(Random random) : random_(random) {}
  [[nodiscard]] std::string bytes(std::size_t count) override {
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_.next() >> 56);
    return bytes;
  }

 private:
  Random random_;
};

}  // namespace metalmesh::sim
