#include "common/adapters/certificates.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>

#include "common/adapters/openssl_handles.h"
#include "common/base/check.h"

namespace metalmesh::adapters {
namespace {

using ExtensionHandle = std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>>;

struct Extension {
  int nid;
  std::string value;  // OpenSSL's configuration syntax
};

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

/// The extension syntax separates by commas and knows `name:value`; nothing but host names and addresses may
/// enter it.
Status check_host(const std::string& host) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*:";
  if (!host.empty() && host.size() <= 253 && host.find_first_not_of(allowed) == std::string::npos &&
      (host.find(':') == std::string::npos || is_address(host))) {
    return {};
  }
  return fail(ErrorKind::invalid, fmt::format("\"{}\" is neither a host name nor an IP address", host));
}

Result<std::string> alternative_names(const std::vector<std::string>& hosts) {
  std::string out;
  for (const std::string& host : hosts) {
    if (auto status = check_host(host); !status) return std::unexpected(status.error());
    out += fmt::format("{}{}:{}", out.empty() ? "" : ",", is_address(host) ? "IP" : "DNS", host);
  }
  return out;
}

/// 127 random bits: positive, and never two alike.
void set_random_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  MM_CHECK(RAND_bytes(bytes.data(), bytes.size()) == 1);
  bytes[0] &= 0x7f;
  const BignumHandle number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  MM_CHECK(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

struct Draft {
  std::string common_name;
  EVP_PKEY* key;  // the subject's
  X509* issuer;   // nullptr: itself
  EVP_PKEY* issuer_key;
  WallTime now;
  int days;
};

Result<std::string> signed_certificate(const Draft& draft, const std::vector<Extension>& extensions) {
  const CertificateHandle certificate(X509_new());
  X509* raw = certificate.get();
  MM_CHECK(X509_set_version(raw, 2) == 1);
  set_random_serial(raw);
  auto seconds = static_cast<std::time_t>(
      std::chrono::duration_cast<std::chrono::seconds>(draft.now.time_since_epoch()).count());
  MM_CHECK(X509_time_adj_ex(X509_getm_notBefore(raw), 0, -3600, &seconds) != nullptr);
  MM_CHECK(X509_time_adj_ex(X509_getm_notAfter(raw), draft.days, 0, &seconds) != nullptr);
  X509_NAME* subject = X509_get_subject_name(raw);
  if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(draft.common_name.c_str()), -1, -1,
                                 0) != 1) {
    return std::unexpected(openssl_error(ErrorKind::invalid, "certificate name " + draft.common_name));
  }
  X509* issuer = draft.issuer == nullptr ? raw : draft.issuer;
  MM_CHECK(X509_set_issuer_name(raw, X509_get_subject_name(issuer)) == 1);
  MM_CHECK(X509_set_pubkey(raw, draft.key) == 1);
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, raw, nullptr, nullptr, 0);
  for (const Extension& extension : extensions) {
    const ExtensionHandle made(
        X509V3_EXT_conf_nid(nullptr, &context, extension.nid, extension.value.c_str()));
    if (made == nullptr || X509_add_ext(raw, made.get(), -1) != 1) {
      return std::unexpected(openssl_error(ErrorKind::invalid, "certificate extension " + extension.value));
    }
  }
  if (X509_sign(raw, draft.issuer_key, EVP_sha256()) <= 0) {
    return std::unexpected(openssl_error(ErrorKind::internal, "signing a certificate"));
  }
  return certificate_pem(raw);
}

KeyHandle new_p256_key() {
  KeyHandle key(EVP_EC_gen("P-256"));
  MM_CHECK(key != nullptr);
  return key;
}

}  // namespace

Result<KeyPair> make_authority(const std::string& common_name, WallTime now, int days) {
  const KeyHandle key = new_p256_key();
  const std::vector<Extension> extensions = {
      {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
      {NID_key_usage, "critical,keyCertSign,cRLSign"},
      {NID_subject_key_identifier, "hash"},
  };
  auto pem = signed_certificate({common_name, key.get(), nullptr, key.get(), now, days}, extensions);
  if (!pem) return std::unexpected(pem.error());
  return KeyPair{std::move(*pem), private_key_pem(key.get())};
}

Result<KeyPair> make_leaf(const KeyPair& authority, const LeafRequest& request, WallTime now, int days) {
  auto issuer = parse_certificate(authority.certificate, "certificate of the authority");
  if (!issuer) return std::unexpected(issuer.error());
  auto issuer_key = parse_private_key(authority.key, "key of the authority");
  if (!issuer_key) return std::unexpected(issuer_key.error());
  if (X509_check_private_key(issuer->get(), issuer_key->get()) != 1) {
    return std::unexpected(openssl_error(ErrorKind::invalid, "key and certificate of the authority"));
  }
  auto names = alternative_names(request.hosts);
  if (!names) return std::unexpected(names.error());
  std::vector<Extension> extensions = {
      {NID_basic_constraints, "critical,CA:FALSE"},
      {NID_key_usage, "critical,digitalSignature"},
      {NID_ext_key_usage, request.server && request.client ? "serverAuth,clientAuth"
                          : request.server                 ? "serverAuth"
                                                           : "clientAuth"},
      {NID_subject_key_identifier, "hash"},
      {NID_authority_key_identifier, "keyid:always"},
  };
  if (!names->empty()) extensions.push_back({NID_subject_alt_name, *names});
  const KeyHandle key = new_p256_key();
  auto pem = signed_certificate({request.common_name, key.get(), issuer->get(), issuer_key->get(), now, days},
                                extensions);
  if (!pem) return std::unexpected(pem.error());
  return KeyPair{std::move(*pem), private_key_pem(key.get())};
}

Result<SigningPair> make_signing_pair() {
  const KeyHandle key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (key == nullptr) return std::unexpected(openssl_error(ErrorKind::internal, "making an Ed25519 key"));
  return SigningPair{private_key_pem(key.get()), public_key_pem(key.get())};
}

}  // namespace metalmesh::adapters
