#include "common/adapters/ed25519_signer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/adapters/openssl_handles.h"
#include "common/base/check.h"
#include "common/base/digest.h"
#include "common/os/files.h"
#include "common/text/letters.h"

namespace metalmesh::adapters {
namespace {

constexpr std::size_t key_id_size = 16;
constexpr std::size_t signature_size = 64;
constexpr std::size_t key_file_limit = 16384;

std::string key_id_of(EVP_PKEY* key) { return sha256(spki_der(key)).substr(0, key_id_size); }

std::string signed_bytes(std::string_view kind, std::string_view payload) {
  std::string out("metalmesh/1\0", 12);
  out.append(kind).push_back('\0');
  return out.append(payload);
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Status require_ed25519(EVP_PKEY* key, std::string_view what) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return {};
  return fail(ErrorKind::invalid, fmt::format("{}: not an Ed25519 key", what));
}

/// A site's name as schemas/rest/api.proto defines it, and so never a path.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 &&
         std::ranges::all_of(name, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

}  // namespace

struct Ed25519Signer::Key {
  KeyHandle handle;
};

Ed25519Signer::Ed25519Signer(std::unique_ptr<Key> key)
    : key_(std::move(key)), key_id_(key_id_of(key_->handle.get())) {}
Ed25519Signer::Ed25519Signer(Ed25519Signer&&) noexcept = default;
Ed25519Signer& Ed25519Signer::operator=(Ed25519Signer&&) noexcept = default;
Ed25519Signer::~Ed25519Signer() = default;

Result<Ed25519Signer> Ed25519Signer::from_pem(std::string_view pem) {
  auto handle = parse_private_key(pem, "signing key");
  if (!handle) return std::unexpected(handle.error());
  if (auto status = require_ed25519(handle->get(), "signing key"); !status)
    return std::unexpected(status.error());
  return Ed25519Signer(std::make_unique<Key>(Key{std::move(*handle)}));
}

Result<Ed25519Signer> Ed25519Signer::from_file(const std::filesystem::path& private_key) {
  if (auto status = os::check_private(private_key); !status) return std::unexpected(status.error());
  auto pem = os::read_file(private_key, key_file_limit);
  if (!pem) return std::unexpected(pem.error());
  auto signer = from_pem(*pem);
  if (!signer) return std::unexpected(std::move(signer.error()).with(private_key.string()));
  return signer;
}

SignatureBytes Ed25519Signer::sign(std::string_view kind, std::string_view payload) const {
  const DigestContext context(EVP_MD_CTX_new());
  const std::string message = signed_bytes(kind, payload);
  std::string out(signature_size, '\0');
  std::size_t size = out.size();
  MM_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->handle.get()) == 1);
  MM_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                          bytes_of(message), message.size()) == 1);
  return {.key_id = key_id_, .bytes = std::move(out)};
}

struct KeyringVerifier::Keys {
  std::vector<std::pair<std::string, KeyHandle>> by_id;
};

KeyringVerifier::KeyringVerifier() = default;
KeyringVerifier::~KeyringVerifier() = default;

Status KeyringVerifier::add_pem(std::string_view signer, std::string_view pem) {
  auto added = parse_public_key(pem, fmt::format("public key of {}", signer));
  if (!added) return std::unexpected(added.error());
  if (auto status = require_ed25519(added->get(), fmt::format("public key of {}", signer)); !status)
    return status;
  const std::lock_guard lock(mutex_);
  auto keys = std::make_shared<Keys>();
  if (const auto known = signers_.find(signer); known != signers_.end()) {
    for (const auto& [id, key] : known->second->by_id) {
      EVP_PKEY_up_ref(key.get());
      keys->by_id.emplace_back(id, KeyHandle(key.get()));
    }
  }
  keys->by_id.emplace_back(key_id_of(added->get()), std::move(*added));
  signers_.insert_or_assign(std::string(signer), std::move(keys));
  return {};
}

Status KeyringVerifier::add_file(std::string_view signer, const std::filesystem::path& public_key) {
  auto pem = os::read_file(public_key, key_file_limit);
  if (!pem) return std::unexpected(pem.error());
  auto status = add_pem(signer, *pem);
  if (!status) return std::unexpected(std::move(status.error()).with(public_key.string()));
  return {};
}

Status KeyringVerifier::replace_file(std::string_view signer, const std::filesystem::path& public_key) {
  KeyringVerifier anew;
  if (auto status = anew.add_file(signer, public_key); !status) return status;
  const std::lock_guard lock(mutex_);
  signers_.insert_or_assign(std::string(signer), anew.signers_.find(signer)->second);
  return {};
}

void KeyringVerifier::add_folder(std::filesystem::path folder) {
  const std::lock_guard lock(mutex_);
  folder_ = std::move(folder);
}

/// Each is read when its signer speaks next.
void KeyringVerifier::read_folder_again() {
  const std::lock_guard lock(mutex_);
  of_folder_.clear();
}

std::shared_ptr<const KeyringVerifier::Keys> KeyringVerifier::find(std::string_view signer) const {
  const std::lock_guard lock(mutex_);
  for (const auto* known : {&signers_, &of_folder_}) {
    if (const auto found = known->find(signer); found != known->end()) return found->second;
  }
  if (folder_.empty() || !is_plain_name(signer)) return nullptr;
  const auto pem = os::read_file(folder_ / (std::string(signer) + ".pub"), key_file_limit);
  if (!pem) return nullptr;
  auto key = parse_public_key(*pem, signer);
  if (!key || !require_ed25519(key->get(), signer)) return nullptr;
  auto keys = std::make_shared<Keys>();
  keys->by_id.emplace_back(key_id_of(key->get()), std::move(*key));
  return of_folder_.emplace(std::string(signer), std::move(keys)).first->second;
}

bool KeyringVerifier::verify(std::string_view signer, std::string_view kind, std::string_view payload,
                             const SignatureBytes& signature) const {
  if (signature.bytes.size() != signature_size) return false;
  const auto keys = find(signer);
  if (keys == nullptr) return false;
  const auto trusted =
      std::ranges::find(keys->by_id, signature.key_id, [](const auto& entry) { return entry.first; });
  if (trusted == keys->by_id.end()) return false;
  const DigestContext context(EVP_MD_CTX_new());
  const std::string message = signed_bytes(kind, payload);
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, trusted->second.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature.bytes), signature.bytes.size(), bytes_of(message),
                          message.size()) == 1;
}

}  // namespace metalmesh::adapters
