// What is shown of an object holds no secret, and may be applied again as it is.
#include "controller/core/hidden_secrets.h"

#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char hash[] = "$6$rounds=5000$saltsalt$0123456789abcdef0123456789abcdef";
constexpr char token[] = "K10f3a9c2e4b6d8f0a1c3e5b7d9f1a3c";

rest::Profile secretive() {
  rest::Profile profile = Mesh::profile("p");
  auto& spec = *profile.mutable_spec();
  spec.mutable_template_()->set_inline_("lang en\nrootpw --iscrypted " + std::string(hash) +
                                        "\nurl {{base}}\n");
  (*spec.mutable_vars())["joinToken"] = token;
  (*spec.mutable_vars())["rootHash"] = hash;
  (*spec.mutable_vars())["rack"] = "r12";
  spec.mutable_host()->mutable_root()->set_password_hash(hash);
  spec.mutable_host()->add_users()->set_name("ann");
  spec.mutable_host()->mutable_users(0)->set_password_hash(hash);
  spec.mutable_host()->mutable_users(0)->add_ssh_keys("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ ann");
  return profile;
}

struct HiddenSecrets : ::testing::Test {
  Mesh mesh;
  rest::Profile shown() {
    rest::Profile out = mesh.state().profiles.at("p");
    hide_secrets(out);
    return out;
  }
  std::uint64_t version() { return mesh.state().profiles.at("p").metadata().version(); }
};

TEST_F(HiddenSecrets, NoneIsShownAndWhatIsNoneStays) {
  mesh.apply(secretive());
  const std::string text = shown().ShortDebugString();
  EXPECT_THAT(text, Not(HasSubstr("0123456789abcdef")));
  EXPECT_THAT(text, Not(HasSubstr(token)));
  EXPECT_EQ(shown().spec().vars().at("rack"), "r12");
  EXPECT_THAT(text, HasSubstr("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ ann"));
  EXPECT_THAT(shown().spec().template_().inline_(), HasSubstr("lang en\n"));
}

TEST_F(HiddenSecrets, WhatWasShownIsAppliedAgainAndChangesNothing) {
  mesh.apply(secretive());
  const std::uint64_t before = version();
  mesh.apply(shown());
  EXPECT_EQ(version(), before);
  EXPECT_EQ(mesh.state().profiles.at("p").spec().vars().at("joinToken"), token);
}

TEST_F(HiddenSecrets, OtherLinesAndValuesMayBeEdited) {
  mesh.apply(secretive());
  rest::Profile edited = shown();
  auto& text = *edited.mutable_spec()->mutable_template_()->mutable_inline_();
  text = "# by hand\n" + text;
  (*edited.mutable_spec()->mutable_vars())["joinToken"] = "another-token-of-today";
  mesh.apply(edited);
  const rest::ProfileSpec& spec = mesh.state().profiles.at("p").spec();
  EXPECT_THAT(spec.template_().inline_(),
              HasSubstr("# by hand\nlang en\nrootpw --iscrypted " + std::string(hash)));
  EXPECT_EQ(spec.vars().at("joinToken"), "another-token-of-today");
  EXPECT_EQ(spec.host().users(0).password_hash(), hash);
}

TEST_F(HiddenSecrets, AMarkThatStandsForNothingIsRefusedByItsPlace) {
  rest::Profile profile = secretive();
  (*profile.mutable_spec()->mutable_vars())["joinToken"] = std::string(hidden_mark);
  EXPECT_EQ(mesh.ask(Apply{profile, std::nullopt}).error().field, "spec.vars.joinToken");
  mesh.apply(secretive());
  profile = shown();
  profile.mutable_spec()->mutable_host()->mutable_users(0)->set_name("bob");
  const Refusal refusal = mesh.ask(Apply{profile, std::nullopt}).error();
  EXPECT_EQ(refusal.field, "spec.host.users.bob.passwordHash");
  EXPECT_THAT(refusal.message, HasSubstr("there is none here that could be kept"));
}

TEST_F(HiddenSecrets, UrlsAreShownWithoutTheirPasswordsAndKeepThem) {
  rest::Image image = Mesh::image("signed");
  auto& urls = *image.mutable_spec()->mutable_iso()->mutable_urls();
  urls.Clear();
  *urls.Add() = "https://ann:pw@mirror/x.iso";
  *urls.Add() = "https://s3/x.iso?X-Amz-Signature=0123456789abcdef";
  mesh.apply(image);
  rest::Profile profile = Mesh::profile("p");
  profile.mutable_spec()->set_packages("https://ann:pw@mirror/");
  (*profile.mutable_spec()->mutable_vars())["proxy"] = "http://ann:pw@proxy:3128";
  mesh.apply(profile);
  image = mesh.state().images.at("signed");
  hide_secrets(image);
  EXPECT_EQ(image.spec().iso().urls(0), "https://ann:**@mirror/x.iso");
  EXPECT_THAT(image.ShortDebugString(), Not(HasSubstr("0123456789abcdef\"")));
  EXPECT_EQ(shown().spec().packages(), "https://ann:**@mirror/");
  EXPECT_EQ(shown().spec().vars().at("proxy"), hidden_mark);
  // In another order, and beside a new one.
  image.mutable_spec()->mutable_iso()->mutable_urls()->SwapElements(0, 1);
  image.mutable_spec()->mutable_iso()->add_urls("https://other/x.iso");
  mesh.apply(image);
  mesh.apply(shown());
  const auto& kept = mesh.state().images.at("signed").spec().iso();
  EXPECT_EQ(kept.urls(0), "https://s3/x.iso?X-Amz-Signature=0123456789abcdef");
  EXPECT_EQ(kept.urls(1), "https://ann:pw@mirror/x.iso");
  EXPECT_EQ(mesh.state().profiles.at("p").spec().packages(), "https://ann:pw@mirror/");
  image.mutable_spec()->mutable_iso()->set_urls(0, "https://ann:**@elsewhere/x.iso");
  const Refusal refusal = mesh.ask(Apply{image, std::nullopt}).error();
  EXPECT_EQ(refusal.field, "spec.iso.urls[0]") << "a password goes to no host that it was not given for";
}

}  // namespace
}  // namespace metalmesh::testing
