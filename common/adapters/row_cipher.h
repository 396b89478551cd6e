// Encrypts the values of stored rows: AES-256-GCM under a key from a file, bound to the row's own key, so that a value
// that was put under another one is not taken for it.
//
// A value carries the id of its key: the file may name several, of which the first encrypts and the others are still
// read. No nonce comes twice: each cipher draws the 96 bits at which it begins, and counts from there.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/adapters/openssl_handles.h"
#include "common/base/result.h"

namespace metalmesh::adapters {

/// What a key file says; wiped when the last cipher that uses it is gone.
class RowKeys {
 public:
  /// A line of 64 hex digits for each key; the file is nobody else's. Kinds: not_found, denied, invalid.
  static Result<std::shared_ptr<const RowKeys>> from_file(const std::filesystem::path& file);
  /// What such a file holds at first: one key that was just drawn.
  static std::string fresh();

  RowKeys() = default;
  ~RowKeys();
  RowKeys(const RowKeys&) = delete;
  RowKeys& operator=(const RowKeys&) = delete;

  struct Key {
    std::string id;  // four bytes, which tell nothing of it
    std::string bytes;
  };
  [[nodiscard]] const std::vector<Key>& keys() const { return keys_; }

 private:
  std::vector<Key> keys_;
};

/// Not thread-safe.
class RowCipher {
 public:
  /// Without keys it leaves values as they are, and reads none that is encrypted.
  explicit RowCipher(std::shared_ptr<const RowKeys> keys);

  [[nodiscard]] std::string encrypt(std::string_view key, std::string_view value);
  /// A value in clear is what it is. Fails where the key is not here, and where it was not written under `key`.
  [[nodiscard]] bool decrypt(std::string_view key, std::string& value);
  /// For what is known to be damaged: what can be told of it, proved by nothing.
  [[nodiscard]] std::string unproved(std::string value);

  /// Whether it is as this cipher would write it today.
  [[nodiscard]] bool current(std::string_view value) const;
  /// The id (hex) of the key of an encrypted value, when that key is not here.
  [[nodiscard]] std::string missing_key(std::string_view value) const;
  [[nodiscard]] const std::shared_ptr<const RowKeys>& keys() const { return keys_; }

 private:
  using Context = std::unique_ptr<EVP_CIPHER_CTX, OpensslFree<EVP_CIPHER_CTX_free>>;
  [[nodiscard]] EVP_CIPHER_CTX* reader(std::string_view id) const;
  std::string opened(EVP_CIPHER_CTX* context, std::string_view key, std::string_view value, bool& proved);
  void count_on();

  std::shared_ptr<const RowKeys> keys_;
  Context writer_;
  std::vector<Context> readers_;  // one for each key
  std::array<unsigned char, 12> nonce_{};
};

}  // namespace metalmesh::adapters
