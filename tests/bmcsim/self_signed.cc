#include "tests/bmcsim/self_signed.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

#include "common/base/check.h"
#include "common/base/digest.h"

namespace metalmesh::bmcsim {

std::string use_self_signed(SSL_CTX* context, const std::string& common_name) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  MM_CHECK(key && certificate);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 10L * 365 * 24 * 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  MM_CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  MM_CHECK(SSL_CTX_use_certificate(context, certificate.get()) == 1);
  MM_CHECK(SSL_CTX_use_PrivateKey(context, key.get()) == 1);
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key.get(), &der);
  MM_CHECK(length > 0);
  const std::string digest =
      to_hex(sha256(std::string_view(reinterpret_cast<char*>(der), static_cast<std::size_t>(length))));
  OPENSSL_free(der);
  return digest;
}

void only_tls_1_0(SSL_CTX* context) {
  SSL_CTX_set_security_level(context, 0);
  MM_CHECK(SSL_CTX_set_min_proto_version(context, TLS1_VERSION) == 1);
  MM_CHECK(SSL_CTX_set_max_proto_version(context, TLS1_VERSION) == 1);
  MM_CHECK(SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") == 1);
}

}  // namespace metalmesh::bmcsim
