#include "common/adapters/row_cipher.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "common/adapters/os_entropy.h"
#include "common/base/check.h"
#include "common/base/digest.h"
#include "common/os/files.h"

namespace metalmesh::adapters {
namespace {

// An encrypted value: mark, id of the key, nonce, what it was, tag. No row in clear begins with that mark: neither a version of
// one of ours nor the first field of a message.
constexpr char mark = '\xff';
constexpr std::size_t id_bytes = 4, nonce_bytes = 12, tag_bytes = 16, key_bytes = 32;
constexpr std::size_t head_bytes = 1 + id_bytes + nonce_bytes;
constexpr std::size_t file_limit = 65536;

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

bool encrypted(std::string_view value) {
  return value.size() >= head_bytes + tag_bytes && value.front() == mark;
}
std::string_view id_in(std::string_view value) { return value.substr(1, id_bytes); }
std::string id_of(std::string_view key) {
  return sha256("the id of this key of rows: ", key).substr(0, id_bytes);
}

}  // namespace

Result<std::shared_ptr<const RowKeys>> RowKeys::from_file(const std::filesystem::path& file) {
  if (auto closed = os::check_private(file); !closed) return std::unexpected(std::move(closed.error()));
  auto text = os::read_file(file, file_limit);
  if (!text) return std::unexpected(std::move(text.error()));
  auto read = std::make_shared<RowKeys>();
  std::size_t number = 0;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string_view line = std::string_view(*text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.empty()) continue;
    std::string bytes = from_hex(line);
    if (bytes.size() != key_bytes)
      return fail(ErrorKind::invalid,
                  fmt::format("{}: line {} is no key: 64 hex digits, as \"openssl rand -hex 32\" prints them",
                              file.string(), number));
    std::string id = id_of(bytes);
    read->keys_.push_back({std::move(id), std::move(bytes)});
  }
  OPENSSL_cleanse(text->data(), text->size());
  if (read->keys_.empty()) return fail(ErrorKind::invalid, file.string() + " holds no key");
  return read;
}

std::string RowKeys::fresh() { return to_hex(OsEntropy().bytes(key_bytes)) + "\n"; }

RowKeys::~RowKeys() {
  for (Key& key : keys_) OPENSSL_cleanse(key.bytes.data(), key.bytes.size());
}

RowCipher::RowCipher(std::shared_ptr<const RowKeys> keys) : keys_(std::move(keys)) {
  if (!keys_) return;
  for (const RowKeys::Key& key : keys_->keys()) {
    const Context& context = readers_.emplace_back(EVP_CIPHER_CTX_new());
    MM_CHECK(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                                octets(std::string_view(key.bytes)), nullptr) == 1);
  }
  writer_.reset(EVP_CIPHER_CTX_new());
  const std::string_view first = keys_->keys().front().bytes;
  MM_CHECK(EVP_EncryptInit_ex(writer_.get(), EVP_aes_256_gcm(), nullptr, octets(first), nullptr) == 1);
  const std::string start = OsEntropy().bytes(nonce_bytes);
  std::ranges::copy(start, nonce_.begin());
}

void RowCipher::count_on() {
  for (unsigned char& digit : nonce_)
    if (++digit != 0) return;
}

std::string RowCipher::encrypt(std::string_view key, std::string_view value) {
  if (!keys_) return std::string(value);
  count_on();
  std::string out(head_bytes + value.size() + tag_bytes, '\0');
  out[0] = mark;
  std::ranges::copy(keys_->keys().front().id, out.begin() + 1);
  std::ranges::copy(nonce_, octets(out) + 1 + id_bytes);
  int length = 0;
  EVP_CIPHER_CTX* context = writer_.get();
  MM_CHECK(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce_.data()) == 1);
  MM_CHECK(EVP_EncryptUpdate(context, nullptr, &length, octets(key), static_cast<int>(key.size())) == 1);
  MM_CHECK(EVP_EncryptUpdate(context, octets(out) + head_bytes, &length, octets(value),
                             static_cast<int>(value.size())) == 1);
  MM_CHECK(EVP_EncryptFinal_ex(context, octets(out) + head_bytes + length, &length) == 1);
  MM_CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, tag_bytes,
                               octets(out) + head_bytes + value.size()) == 1);
  return out;
}

EVP_CIPHER_CTX* RowCipher::reader(std::string_view id) const {
  for (std::size_t i = 0; i < readers_.size(); ++i)
    if (keys_->keys()[i].id == id) return readers_[i].get();
  return nullptr;
}

std::string RowCipher::opened(EVP_CIPHER_CTX* context, std::string_view key, std::string_view value,
                              bool& proved) {
  const std::size_t size = value.size() - head_bytes - tag_bytes;
  std::string out(size, '\0'), tag(value.substr(head_bytes + size));
  int length = 0;
  MM_CHECK(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, octets(value.substr(1 + id_bytes))) == 1);
  MM_CHECK(EVP_DecryptUpdate(context, nullptr, &length, octets(key), static_cast<int>(key.size())) == 1);
  MM_CHECK(EVP_DecryptUpdate(context, octets(out), &length, octets(value.substr(head_bytes)),
                             static_cast<int>(size)) == 1);
  MM_CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1);
  proved = EVP_DecryptFinal_ex(context, octets(tag), &length) == 1;
  return out;
}

bool RowCipher::decrypt(std::string_view key, std::string& value) {
  if (!encrypted(value)) return true;
  EVP_CIPHER_CTX* context = reader(id_in(value));
  if (context == nullptr) return false;
  bool proved = false;
  std::string clear = opened(context, key, value, proved);
  if (proved) value = std::move(clear);
  return proved;
}

std::string RowCipher::unproved(std::string value) {
  if (!keys_ || !encrypted(value)) return value;
  EVP_CIPHER_CTX* context = reader(id_in(value));
  bool proved = false;
  return opened(context == nullptr ? readers_.front().get() : context, {}, value, proved);
}

bool RowCipher::current(std::string_view value) const {
  if (!keys_) return true;
  return encrypted(value) && id_in(value) == keys_->keys().front().id;
}

std::string RowCipher::missing_key(std::string_view value) const {
  return encrypted(value) && reader(id_in(value)) == nullptr ? to_hex(id_in(value)) : std::string();
}

}  // namespace metalmesh::adapters
