// Committed rows in memory, and cheap stand-ins for signatures and entropy.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/digest.h"
#include "common/base/random.h"
#include "common/ports/entropy.h"
#include "common/ports/signer.h"
#include "common/ports/store.h"

namespace metalmesh::test {

class MemoryStore final : public RowReader {
 public:
  void commit(const Batch& batch) {
    for (const RowWrite& write : batch) {
      if (write.value) {
        rows_[write.key] = *write.value;
      } else {
        rows_.erase(write.key);
      }
    }
  }
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
    const auto row = rows_.find(key);
    return row == rows_.end() ? std::nullopt : std::optional(row->second);
  }
  [[nodiscard]] std::vector<Row> scan(std::string_view first, std::string_view last,
                                      std::size_t limit) const override {
    std::vector<Row> found;
    for (auto row = rows_.lower_bound(first); row != rows_.end() && found.size() < limit; ++row) {
      if (!last.empty() && row->first >= last) break;
      found.push_back({row->first, row->second});
    }
    return found;
  }

 private:
  std::map<std::string, std::string, std::less<>> rows_;
};

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
