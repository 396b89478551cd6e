#include "common/adapters/openssl_handles.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "common/base/check.h"

namespace metalmesh::adapters {
namespace {

BioHandle reader(std::string_view bytes) {
  BioHandle bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  MM_CHECK(bio != nullptr);
  return bio;
}

BioHandle writer() {
  BioHandle bio(BIO_new(BIO_s_mem()));
  MM_CHECK(bio != nullptr);
  return bio;
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

/// Encrypted keys have nobody here to type a passphrase.
int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

Error openssl_error(ErrorKind kind, std::string_view what) {
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return {kind, fmt::format("{}: {}", what, reason == nullptr ? "refused by OpenSSL" : reason)};
}

Result<KeyHandle> parse_private_key(std::string_view pem, std::string_view what) {
  const BioHandle bio = reader(pem);
  KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (key == nullptr) return std::unexpected(openssl_error(ErrorKind::invalid, what));
  return key;
}

Result<KeyHandle> parse_public_key(std::string_view pem, std::string_view what) {
  const BioHandle bio = reader(pem);
  KeyHandle key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  if (key == nullptr) return std::unexpected(openssl_error(ErrorKind::invalid, what));
  return key;
}

Result<CertificateHandle> parse_certificate(std::string_view pem, std::string_view what) {
  const BioHandle bio = reader(pem);
  CertificateHandle certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  if (certificate == nullptr) return std::unexpected(openssl_error(ErrorKind::invalid, what));
  return certificate;
}

std::string private_key_pem(EVP_PKEY* key) {
  const BioHandle bio = writer();
  MM_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return contents(bio.get());
}

std::string public_key_pem(EVP_PKEY* key) {
  const BioHandle bio = writer();
  MM_CHECK(PEM_write_bio_PUBKEY(bio.get(), key) == 1);
  return contents(bio.get());
}

std::string certificate_pem(X509* certificate) {
  const BioHandle bio = writer();
  MM_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return contents(bio.get());
}

std::string spki_der(EVP_PKEY* key) {
  const int size = i2d_PUBKEY(key, nullptr);
  MM_CHECK(size > 0);
  std::string out(static_cast<std::size_t>(size), '\0');
  auto* cursor = reinterpret_cast<unsigned char*>(out.data());
  MM_CHECK(i2d_PUBKEY(key, &cursor) == size);
  return out;
}

std::string spki_der(const X509* certificate) {
  X509_PUBKEY* key = X509_get_X509_PUBKEY(certificate);
  const int size = i2d_X509_PUBKEY(key, nullptr);
  if (size <= 0) return {};
  std::string out(static_cast<std::size_t>(size), '\0');
  auto* cursor = reinterpret_cast<unsigned char*>(out.data());
  MM_CHECK(i2d_X509_PUBKEY(key, &cursor) == size);
  return out;
}

}  // namespace metalmesh::adapters
