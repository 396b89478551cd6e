#include <gtest/gtest.h>

#include "common/base/digest.h"
#include "common/delivery/envelope_codec.h"
#include "common/delivery/topics.h"
#include "schemas/wire/envelope.pb.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::delivery {
namespace {

/// Keyed hash in place of a signature: what is signed is what matters here.
class KeyedHash final : public Signer, public Verifier {
 public:
  explicit KeyedHash(std::string who) : who_(std::move(who)) {}
  SignatureBytes sign(std::string_view kind, std::string_view payload) const override {
    return {sha256(who_).substr(0, 16), tag(who_, kind, payload)};
  }
  bool verify(std::string_view signer, std::string_view kind, std::string_view payload,
              const SignatureBytes& signature) const override {
    return signature.key_id == sha256(signer).substr(0, 16) && signature.bytes == tag(signer, kind, payload);
  }

 private:
  static std::string tag(std::string_view who, std::string_view kind, std::string_view payload) {
    return sha256(std::string(who).append(1, '\0').append(kind).append(1, '\0'), payload);
  }
  std::string who_;
};

const KeyedHash site_a("site-a");

wire::Envelope sealed_ack() {
  wire::Ack ack;
  ack.set_up_to(7);
  wire::Envelope envelope;
  EXPECT_TRUE(envelope.ParseFromString(seal(site_a, "ack", ack)));
  return envelope;
}

ErrorKind refusal(const wire::Envelope& envelope, std::string_view signer = "site-a") {
  const auto opened = open(site_a, signer, envelope.SerializeAsString());
  EXPECT_FALSE(opened.has_value());
  return opened ? ErrorKind::internal : opened.error().kind;
}

TEST(Envelope, opens_what_was_sealed) {
  const auto opened = open(site_a, "site-a", sealed_ack().SerializeAsString());
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(opened->kind, "ack");
  wire::Ack ack;
  ASSERT_TRUE(ack.ParseFromString(opened->payload));
  EXPECT_EQ(ack.up_to(), 7U);
}

TEST(Envelope, refuses_what_was_changed_or_said_by_another) {
  wire::Envelope envelope = sealed_ack();
  EXPECT_EQ(refusal(envelope, "site-b"), ErrorKind::denied);
  envelope.set_kind("data");
  EXPECT_EQ(refusal(envelope), ErrorKind::denied);
  envelope = sealed_ack();
  envelope.mutable_payload()->push_back('x');
  EXPECT_EQ(refusal(envelope), ErrorKind::denied);
}

TEST(Envelope, refuses_malformed_ones) {
  wire::Envelope envelope = sealed_ack();
  *envelope.add_signatures() = envelope.signatures(0);
  EXPECT_EQ(refusal(envelope), ErrorKind::invalid);
  envelope = sealed_ack();
  envelope.clear_signatures();
  EXPECT_EQ(refusal(envelope), ErrorKind::invalid);
  envelope = sealed_ack();
  envelope.mutable_signatures(0)->set_key_id("short");
  EXPECT_EQ(refusal(envelope), ErrorKind::invalid);
  envelope = sealed_ack();
  envelope.set_kind(std::string("ack\0x", 5));
  EXPECT_EQ(refusal(envelope), ErrorKind::invalid);
  envelope = sealed_ack();
  envelope.set_payload(std::string(envelope_limit, 'x'));
  EXPECT_EQ(refusal(envelope), ErrorKind::invalid);
  EXPECT_EQ(open(site_a, "site-a", "\xff\xff garbage").error().kind, ErrorKind::invalid);
  EXPECT_EQ(open(site_a, "site-a", "").error().kind, ErrorKind::invalid);
}

TEST(Envelope, accepts_one_trusted_signature_among_several) {
  wire::Envelope envelope = sealed_ack();
  const auto other = KeyedHash("retired key").sign("ack", envelope.payload());
  auto& added = *envelope.add_signatures();
  added.set_key_id(other.key_id);
  added.set_bytes(other.bytes);
  EXPECT_TRUE(open(site_a, "site-a", envelope.SerializeAsString()).has_value());
}

TEST(Topics, name_the_site_both_ways) {
  EXPECT_EQ(topics::down(SiteName("ams1")), "mm/1/ams1/down");
  EXPECT_EQ(topics::up(SiteName("ams1")), "mm/1/ams1/up");
  EXPECT_EQ(topics::site_of_up("mm/1/ams1/up"), SiteName("ams1"));
  for (const char* foreign : {"mm/1/ams1/down", "mm/1//up", "mm/1/up", "mm/1/a/b/up", "mm/2/ams1/up",
                              "mm/1/+/up", "mm/1/AMS/up", "mm/1/-a/up", "", "x/mm/1/a/up"}) {
    EXPECT_EQ(topics::site_of_up(foreign), std::nullopt) << foreign;
  }
}

}  // namespace
}  // namespace metalmesh::delivery
