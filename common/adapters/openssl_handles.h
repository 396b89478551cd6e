// OpenSSL objects that free themselves, PEM in and out, and the library's last error as text.
// For .cc files of this room only.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace metalmesh::adapters {

template <auto free_function>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};

using KeyHandle = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>>;
using BioHandle = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;
using CertificateHandle = std::unique_ptr<X509, OpensslFree<X509_free>>;
using BignumHandle = std::unique_ptr<BIGNUM, OpensslFree<BN_free>>;

/// "<what>: <OpenSSL's reason>"; empties the error queue of this thread.
Error openssl_error(ErrorKind kind, std::string_view what);

/// Unencrypted PEM. Kind invalid with `what` in front when it is not such a key.
Result<KeyHandle> parse_private_key(std::string_view pem, std::string_view what);
Result<KeyHandle> parse_public_key(std::string_view pem, std::string_view what);
Result<CertificateHandle> parse_certificate(std::string_view pem, std::string_view what);

std::string private_key_pem(EVP_PKEY* key);
std::string public_key_pem(EVP_PKEY* key);
std::string certificate_pem(X509* certificate);

/// The public key as SubjectPublicKeyInfo, DER: what pins and key ids are digests of.
std::string spki_der(EVP_PKEY* key);
/// As it stands in the certificate; OpenSSL 3 takes 0.1 ms to encode a key anew. Empty when there is none.
std::string spki_der(const X509* certificate);

}  // namespace metalmesh::adapters
