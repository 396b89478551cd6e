#include "common/base/digest.h"

#include <openssl/evp.h>

#include "common/base/check.h"
#include "common/base/digest_tap.h"

namespace metalmesh {
namespace {

thread_local DigestTap* digest_tap = nullptr;

}  // namespace

DigestTapScope::DigestTapScope(DigestTap* tap) : before_(digest_tap) { digest_tap = tap; }
DigestTapScope::~DigestTapScope() { digest_tap = before_; }

struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  // Fetched once: looking it up costs more than a short text's digest.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  MM_CHECK(algorithm != nullptr && EVP_DigestInit_ex(state_->context, algorithm, nullptr) == 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(std::string_view bytes) {
  MM_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Sha256Stream::finish() {
  std::string out(32, '\0');
  unsigned length = 0;
  MM_CHECK(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(out.data()), &length) == 1);
  return out;
}

std::string sha256(std::string_view bytes) { return sha256(bytes, {}); }

std::string sha256(std::string_view a, std::string_view b) {
  Sha256Stream stream;
  stream.update(a);
  stream.update(b);
  std::string digest = stream.finish();
  if (digest_tap != nullptr) digest_tap->digested(a, b, digest);
  return digest;
}

std::string to_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int written =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(written));
  return out;
}

}  // namespace metalmesh
