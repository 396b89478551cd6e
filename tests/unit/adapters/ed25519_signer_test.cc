#include "common/adapters/ed25519_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/adapters/certificates.h"
#include "common/adapters/openssl_handles.h"
#include "common/base/digest.h"
#include "common/os/files.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::adapters {
namespace {

// RFC 8410, section 10.3: a published Ed25519 key.
constexpr char published_key[] =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END "
    "PRIVATE KEY-----\n";
constexpr char published_public[] =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END "
    "PUBLIC KEY-----\n";

Ed25519Signer signer_of(const SigningPair& pair) {
  auto signer = Ed25519Signer::from_pem(pair.private_key);
  EXPECT_TRUE(signer);
  return std::move(*signer);
}

class SignerTest : public testing::Test {
 protected:
  SigningPair pair_ = *make_signing_pair();
  SigningPair other_ = *make_signing_pair();
  KeyringVerifier verifier_;
};

TEST_F(SignerTest, verifies_exactly_what_was_signed) {
  const Ed25519Signer signer = signer_of(pair_);
  ASSERT_TRUE(verifier_.add_pem("par1", pair_.public_key));
  const SignatureBytes signature = signer.sign("data", "payload");
  EXPECT_EQ(signature.key_id.size(), 16U);
  EXPECT_TRUE(verifier_.verify("par1", "data", "payload", signature));
  EXPECT_FALSE(verifier_.verify("par1", "data", "payloae", signature));
  EXPECT_FALSE(verifier_.verify("par1", "ack", "payload", signature));
  EXPECT_FALSE(verifier_.verify("lyo2", "data", "payload", signature));
  // The kind is fenced off from the payload.
  EXPECT_FALSE(verifier_.verify("par1", "dat", "apayload", signature));
}

TEST_F(SignerTest, refuses_damaged_signatures_and_foreign_keys) {
  ASSERT_TRUE(verifier_.add_pem("par1", pair_.public_key));
  SignatureBytes signature = signer_of(pair_).sign("data", "payload");
  SignatureBytes flipped = signature;
  flipped.bytes[10] = static_cast<char>(flipped.bytes[10] ^ 1);
  EXPECT_FALSE(verifier_.verify("par1", "data", "payload", flipped));
  SignatureBytes cut = signature;
  cut.bytes.pop_back();
  EXPECT_FALSE(verifier_.verify("par1", "data", "payload", cut));
  EXPECT_FALSE(verifier_.verify("par1", "data", "payload", signer_of(other_).sign("data", "payload")));
  SignatureBytes borrowed = signer_of(other_).sign("data", "payload");
  borrowed.key_id = signature.key_id;
  EXPECT_FALSE(verifier_.verify("par1", "data", "payload", borrowed));
}

TEST_F(SignerTest, trusts_several_keys_of_one_signer) {
  ASSERT_TRUE(verifier_.add_pem("par1", pair_.public_key));
  ASSERT_TRUE(verifier_.add_pem("par1", other_.public_key));
  EXPECT_TRUE(verifier_.verify("par1", "k", "p", signer_of(pair_).sign("k", "p")));
  EXPECT_TRUE(verifier_.verify("par1", "k", "p", signer_of(other_).sign("k", "p")));
}

TEST_F(SignerTest, finds_the_key_of_a_site_that_joins_later) {
  const TemporaryFolder folder;
  verifier_.add_folder(folder.path());
  const SignatureBytes signature = signer_of(pair_).sign("k", "p");
  EXPECT_FALSE(verifier_.verify("par1", "k", "p", signature));
  ASSERT_TRUE(os::write_file(folder / "par1.pub", pair_.public_key, 0644));
  EXPECT_TRUE(verifier_.verify("par1", "k", "p", signature));
  EXPECT_FALSE(verifier_.verify("../par1", "k", "p", signature)) << "a signer's name is never a path";
}

TEST_F(SignerTest, signs_the_documented_bytes_with_the_documented_key_id) {
  const auto signer = Ed25519Signer::from_pem(published_key);
  ASSERT_TRUE(signer) << signer.error().message;
  ASSERT_TRUE(verifier_.add_pem("x", published_public));
  const SignatureBytes signature = signer->sign("hello", "payload");
  EXPECT_TRUE(verifier_.verify("x", "hello", "payload", signature));
  const auto key = parse_public_key(published_public, "published");
  ASSERT_TRUE(key);
  EXPECT_EQ(signature.key_id, sha256(spki_der(key->get())).substr(0, 16));
  const std::string message("metalmesh/1\0hello\0payload", 25);
  const DigestContext context(EVP_MD_CTX_new());
  ASSERT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key->get()), 1);
  EXPECT_EQ(EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.bytes.data()),
                             64, reinterpret_cast<const unsigned char*>(message.data()), message.size()),
            1);
}

TEST_F(SignerTest, a_site_whose_key_is_taken_away_or_replaced_is_heard_by_the_old_one_no_more) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "par1.pub", pair_.public_key, 0644));
  ASSERT_TRUE(os::write_file(folder / "lyo2.pub", pair_.public_key, 0644));
  ASSERT_TRUE(verifier_.add_pem("controller", pair_.public_key));
  verifier_.add_folder(folder.path());
  const SignatureBytes old = signer_of(pair_).sign("data", "payload");
  const auto heard = [&](const char* who, const SignatureBytes& by) {
    return verifier_.verify(who, "data", "payload", by);
  };
  ASSERT_TRUE(heard("par1", old) && heard("lyo2", old));
  std::filesystem::remove(folder / "par1.pub");
  ASSERT_TRUE(os::write_file(folder / "lyo2.pub", other_.public_key, 0644));
  EXPECT_TRUE(heard("par1", old)) << "until the folder is read again";
  verifier_.read_folder_again();
  EXPECT_FALSE(heard("par1", old));
  EXPECT_FALSE(heard("lyo2", old));
  EXPECT_TRUE(heard("lyo2", signer_of(other_).sign("data", "payload")));
  EXPECT_TRUE(heard("controller", old)) << "it is not of the folder";
}

TEST_F(SignerTest, refuses_unsuitable_key_files) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "open.key", pair_.private_key, 0644));
  const auto open_to_all = Ed25519Signer::from_file(folder / "open.key");
  ASSERT_FALSE(open_to_all);
  EXPECT_EQ(open_to_all.error().kind, ErrorKind::denied);
  EXPECT_THAT(open_to_all.error().message, testing::HasSubstr("chmod 600"));
  ASSERT_TRUE(os::write_file(folder / "good.key", pair_.private_key, 0600));
  EXPECT_TRUE(Ed25519Signer::from_file(folder / "good.key"));
  const auto tls = make_authority("x", WallTime{});
  ASSERT_TRUE(tls);
  EXPECT_THAT(Ed25519Signer::from_pem(tls->key).error().message, testing::HasSubstr("not an Ed25519 key"));
  EXPECT_FALSE(Ed25519Signer::from_pem("rubbish"));
  EXPECT_FALSE(verifier_.add_pem("x", "rubbish"));
  EXPECT_EQ(verifier_.add_file("x", folder / "missing.pub").error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace metalmesh::adapters
