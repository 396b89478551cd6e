// A throw-away key with a self-signed certificate, as BMCs leave the factory.
#pragma once

#include <openssl/ssl.h>

#include <string>

namespace metalmesh::bmcsim {

/// Puts a fresh P-256 key and certificate into `context`; returns the hex SHA-256 of the public key (SPKI).
std::string use_self_signed(SSL_CTX* context, const std::string& common_name);
/// As BMCs of long ago: nothing newer than TLS 1.0.
void only_tls_1_0(SSL_CTX* context);

}  // namespace metalmesh::bmcsim
