#include "common/adapters/pki.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "common/adapters/config_file.h"
#include "common/adapters/ed25519_signer.h"
#include "common/adapters/openssl_handles.h"
#include "common/adapters/revocations.h"
#include "common/adapters/system_clock.h"
#include "common/base/digest.h"
#include "common/os/files.h"
#include "schemas/config/client.pb.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::adapters {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using StoreHandle = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
using VerifyHandle = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;

WallTime today() { return SystemClock().now().wall(); }

class PkiTest : public testing::Test {
 protected:
  /// As a broker with our crl.pem sees it.
  bool verify_with_list(const std::string& leaf) const {
    const CertificateHandle ca = certificate("ca.crt"), subject = certificate(leaf);
    const std::string pem = read("crl.pem");
    const BioHandle text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const std::unique_ptr<X509_CRL, OpensslFree<X509_CRL_free>> list(
        PEM_read_bio_X509_CRL(text.get(), nullptr, nullptr, nullptr));
    EXPECT_NE(list, nullptr);
    const StoreHandle store(X509_STORE_new());
    X509_STORE_add_cert(store.get(), ca.get());
    X509_STORE_add_crl(store.get(), list.get());
    X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK);
    const VerifyHandle context(X509_STORE_CTX_new());
    X509_STORE_CTX_init(context.get(), store.get(), subject.get(), nullptr);
    return X509_verify_cert(context.get()) == 1;
  }
  std::vector<std::string> init(const PkiOptions& options) {
    auto written = init_pki(folder_ / "pki", options, today());
    EXPECT_TRUE(written) << written.error().message;
    return written ? *written : std::vector<std::string>{};
  }
  std::filesystem::path file(const std::string& name) const { return folder_ / "pki" / name; }
  std::string read(const std::string& name) const { return os::read_file(file(name)).value_or(""); }
  CertificateHandle certificate(const std::string& name) const {
    auto parsed = parse_certificate(read(name), name);
    EXPECT_TRUE(parsed) << name;
    return parsed ? std::move(*parsed) : nullptr;
  }
  /// X509_V_OK, or why the leaf is not good for `purpose` under our authority.
  int verify(const std::string& leaf, int purpose, const char* host = nullptr,
             const char* address = nullptr) const {
    const CertificateHandle ca = certificate("ca.crt");
    const CertificateHandle subject = certificate(leaf);
    const StoreHandle store(X509_STORE_new());
    X509_STORE_add_cert(store.get(), ca.get());
    const VerifyHandle context(X509_STORE_CTX_new());
    X509_STORE_CTX_init(context.get(), store.get(), subject.get(), nullptr);
    X509_STORE_CTX_set_purpose(context.get(), purpose);
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
    if (host != nullptr) X509_VERIFY_PARAM_set1_host(parameters, host, 0);
    if (address != nullptr) X509_VERIFY_PARAM_set1_ip_asc(parameters, address);
    return X509_verify_cert(context.get()) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context.get());
  }
  static std::string common_name(X509* certificate) {
    char text[128] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof text);
    return text;
  }
  TemporaryFolder folder_;
};

TEST_F(PkiTest, signs_certificates_that_openssl_accepts_for_their_purpose_only) {
  init({.sites = {{"par1", {"10.20.0.5", "media.par1.example"}}},
        .hosts = {"mm.example", "192.0.2.7", "2001:db8::7"}});
  EXPECT_EQ(verify("broker.crt", X509_PURPOSE_SSL_SERVER, "mm.example"), X509_V_OK);
  EXPECT_EQ(verify("broker.crt", X509_PURPOSE_SSL_SERVER, nullptr, "192.0.2.7"), X509_V_OK);
  EXPECT_EQ(verify("api.crt", X509_PURPOSE_SSL_SERVER, nullptr, "2001:db8::7"), X509_V_OK);
  EXPECT_EQ(verify("api.crt", X509_PURPOSE_SSL_SERVER, "localhost"), X509_V_OK);
  EXPECT_EQ(verify("api.crt", X509_PURPOSE_SSL_SERVER, "elsewhere.example"), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verify("controller.crt", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_NE(verify("controller.crt", X509_PURPOSE_SSL_SERVER), X509_V_OK);
  EXPECT_NE(verify("broker.crt", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_EQ(verify("par1.crt", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_EQ(verify("par1.crt", X509_PURPOSE_SSL_SERVER, nullptr, "10.20.0.5"), X509_V_OK);
  EXPECT_EQ(verify("par1.crt", X509_PURPOSE_SSL_SERVER, "media.par1.example"), X509_V_OK);
  EXPECT_EQ(common_name(certificate("par1.crt").get()), "par1");
  EXPECT_EQ(common_name(certificate("controller.crt").get()), "controller");
}

TEST_F(PkiTest, gives_each_certificate_the_key_beside_it) {
  init({.sites = {{"par1", {}}}, .hosts = {}});
  for (const char* stem : {"ca", "broker", "controller", "api", "par1"}) {
    const auto key = parse_private_key(read(std::string(stem) + ".key"), stem);
    ASSERT_TRUE(key) << stem;
    EXPECT_EQ(X509_check_private_key(certificate(std::string(stem) + ".crt").get(), key->get()), 1) << stem;
  }
}

TEST_F(PkiTest, keeps_private_files_private) {
  init({.sites = {{"par1", {}}}, .hosts = {}});
  for (const char* name :
       {"ca.key", "broker.key", "controller.key", "api.key", "par1.key", "controller-sign.key",
        "site-keys/par1.key", "store.key", "admin.token", "tokens"}) {
    struct stat info{};
    ASSERT_EQ(stat(file(name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0600U) << name;
  }
}

TEST_F(PkiTest, adds_a_site_later_and_keeps_everything_else) {
  init({.sites = {{"par1", {}}}, .hosts = {}});
  const std::string ca = read("ca.crt");
  const std::string par1 = read("par1.crt");
  const std::string token = read("admin.token");
  EXPECT_THAT(init({.sites = {{"par1", {}}}, .hosts = {}}), IsEmpty());
  EXPECT_THAT(init({.sites = {{"par1", {}}, {"lyo2", {}}}, .hosts = {}}),
              UnorderedElementsAre("lyo2.key", "lyo2.crt", "site-keys/lyo2.key", "site-keys/lyo2.pub"));
  EXPECT_EQ(read("ca.crt"), ca);
  EXPECT_EQ(read("par1.crt"), par1);
  EXPECT_EQ(read("admin.token"), token);
  EXPECT_EQ(verify("lyo2.crt", X509_PURPOSE_SSL_CLIENT), X509_V_OK);
}

TEST_F(PkiTest, makes_signing_keys_that_work_together) {
  init({.sites = {{"par1", {}}}, .hosts = {}});
  const auto site = Ed25519Signer::from_file(file("site-keys/par1.key"));
  const auto controller = Ed25519Signer::from_file(file("controller-sign.key"));
  ASSERT_TRUE(site);
  ASSERT_TRUE(controller);
  KeyringVerifier verifier;
  verifier.add_folder(file("site-keys"));
  ASSERT_TRUE(verifier.add_file("controller", file("controller-sign.pub")));
  EXPECT_TRUE(verifier.verify("par1", "data", "x", site->sign("data", "x")));
  EXPECT_TRUE(verifier.verify("controller", "data", "x", controller->sign("data", "x")));
  EXPECT_FALSE(verifier.verify("controller", "data", "x", site->sign("data", "x")));
}

TEST_F(PkiTest, writes_a_token_its_digest_and_a_context_that_find_each_other) {
  init({.sites = {}, .hosts = {}, .api_url = "https://mm.example:8443"});
  std::string token = read("admin.token");
  ASSERT_EQ(token.size(), 65U);
  token.pop_back();
  EXPECT_EQ(read("tokens"), "admin admin " + to_hex(sha256(token)) + "\n");
  const auto context = read_config<config::Client>(file("config.yaml"));
  ASSERT_TRUE(context) << context.error().message;
  EXPECT_EQ(context->server(), "https://mm.example:8443");
  EXPECT_EQ(context->token_file(), file("admin.token").string());
  EXPECT_EQ(context->ca(), file("ca.crt").string());
}

TEST_F(PkiTest, a_revoked_site_is_on_the_list_and_its_name_is_given_to_nobody) {
  init({.sites = {{"par1", {}}, {"lyo1", {}}}, .hosts = {}});
  EXPECT_TRUE(verify_with_list("par1.crt")) << "the list is there from the first day";
  ASSERT_TRUE(revoke_site(folder_ / "pki", "par1", today()));
  ASSERT_TRUE(revoke_site(folder_ / "pki", "lyo1", today()));
  EXPECT_FALSE(verify_with_list("revoked/par1.crt")) << "also after another one was revoked";
  EXPECT_FALSE(verify_with_list("revoked/lyo1.crt"));
  EXPECT_TRUE(verify_with_list("controller.crt"));
  EXPECT_FALSE(std::filesystem::exists(file("par1.key")));
  EXPECT_FALSE(std::filesystem::exists(file("site-keys/par1.pub")));
  EXPECT_THAT(revoke_site(folder_ / "pki", "par1", today()).error().message, HasSubstr("revoked before"));
  EXPECT_THAT(init_pki(folder_ / "pki", {.sites = {{"par1", {}}}, .hosts = {}}, today()).error().message,
              HasSubstr("never given again"));
}

TEST_F(PkiTest, a_list_that_has_ended_refuses_everybody_until_it_is_written_anew) {
  init({.sites = {{"par1", {}}, {"lyo1", {}}}, .hosts = {}});
  ASSERT_TRUE(revoke_site(folder_ / "pki", "lyo1", today()));
  const auto ended =
      renew_revocations(folder_ / "pki", std::chrono::hours(1), today() - std::chrono::hours(2));
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_LT(*ended, today());
  EXPECT_EQ(read_revocations(file("crl.pem")).until, *ended);
  EXPECT_FALSE(verify_with_list("par1.crt"));
  const auto renewed = renew_revocations(folder_ / "pki", std::nullopt, today());
  ASSERT_TRUE(renewed) << renewed.error().message;
  EXPECT_GT(*renewed, today() + std::chrono::days(365));
  EXPECT_TRUE(verify_with_list("par1.crt"));
  EXPECT_FALSE(verify_with_list("revoked/lyo1.crt")) << "what was on it stays on it";
  EXPECT_THAT(read_revocations(file("ca.crt")).unreadable, HasSubstr("no list of revoked"));
  EXPECT_THAT(read_revocations(file("gone.pem")).unreadable, HasSubstr("gone.pem"));
}

TEST_F(PkiTest, refuses_names_and_hosts_that_would_do_harm) {
  for (const char* name : {"", "ca", "controller", "../x", "Par1", "-a", "a/b"}) {
    const auto written = init_pki(folder_ / "pki", {.sites = {{name, {}}}, .hosts = {}}, today());
    ASSERT_FALSE(written) << name;
    EXPECT_EQ(written.error().kind, ErrorKind::invalid);
  }
  const auto smuggled = init_pki(folder_ / "pki", {.sites = {}, .hosts = {"a,DNS:evil"}}, today());
  ASSERT_FALSE(smuggled);
  EXPECT_THAT(smuggled.error().message, HasSubstr("neither a host name nor an IP address"));
}

TEST_F(PkiTest, asks_for_the_authoritys_key_when_it_is_kept_elsewhere) {
  init({.sites = {}, .hosts = {}});
  std::filesystem::remove(file("ca.key"));
  EXPECT_THAT(init({.sites = {}, .hosts = {}}), IsEmpty());
  const auto written = init_pki(folder_ / "pki", {.sites = {{"par1", {}}}, .hosts = {}}, today());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::conflict);
  EXPECT_THAT(written.error().message, HasSubstr("bring ca.key back"));
}

}  // namespace
}  // namespace metalmesh::adapters
