// Ed25519 signatures over "metalmesh/1\0" kind "\0" payload. The prefix keeps a signature made for one
// kind of message from passing for another. Keys are PEM files (PKCS#8 private, SPKI public); private
// ones must not be readable by others. Signing and verifying are safe from any thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/ports/signer.h"

namespace metalmesh::adapters {

class Ed25519Signer final : public Signer {
 public:
  static Result<Ed25519Signer> from_file(const std::filesystem::path& private_key);
  static Result<Ed25519Signer> from_pem(std::string_view pem);
  Ed25519Signer(Ed25519Signer&&) noexcept;
  Ed25519Signer& operator=(Ed25519Signer&&) noexcept;
  ~Ed25519Signer() override;

  [[nodiscard]] SignatureBytes sign(std::string_view kind, std::string_view payload) const override;
  [[nodiscard]] const std::string& key_id() const { return key_id_; }

 private:
  struct Key;
  explicit Ed25519Signer(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
  std::string key_id_;
};

/// Maps a signer's name to the public keys trusted for it; several keys let one be replaced by another.
class KeyringVerifier final : public Verifier {
 public:
  KeyringVerifier();
  ~KeyringVerifier() override;

  Status add_file(std::string_view signer, const std::filesystem::path& public_key);
  /// From now on the key in this file alone; if it cannot be read, all stays as it was.
  Status replace_file(std::string_view signer, const std::filesystem::path& public_key);
  Status add_pem(std::string_view signer, std::string_view pem);
  /// Signers that are not known yet are looked up as `<folder>/<signer>.pub` when they first speak, so a
  /// site can be added without a restart. A key once read stays trusted until the folder is read again.
  void add_folder(std::filesystem::path folder);
  /// Whose key is not in the folder any more is trusted no more; who has another one, by that alone.
  void read_folder_again();

  [[nodiscard]] bool verify(std::string_view signer, std::string_view kind, std::string_view payload,
                            const SignatureBytes& signature) const override;

 private:
  struct Keys;
  [[nodiscard]] std::shared_ptr<const Keys> find(std::string_view signer) const;

  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const Keys>, std::less<>> signers_;
  mutable std::map<std::string, std::shared_ptr<const Keys>, std::less<>> of_folder_;
  std::filesystem::path folder_;
};

}  // namespace metalmesh::adapters
