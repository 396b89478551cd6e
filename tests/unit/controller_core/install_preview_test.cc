// What an install would write is shown as it would be, with secrets as stars and what only the site knows as words.
#include "controller/core/actions/install_preview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/families/family_catalogue.h"

namespace metalmesh::controller {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Preview : ::testing::Test {
  Preview() {
    config::OsFamily family;
    family.set_name("rhel");
    config::AnswerFile& file = *family.add_files();
    file.set_path("/ks.cfg");
    file.set_format("kickstart");
    file.set_main(true);
    config::BootEdit& edit = *family.add_boot();
    edit.add_paths("/EFI/BOOT/grub.cfg");
    edit.set_syntax("grub");
    edit.add_append("inst.ks=hd:LABEL={{{volume_label}}}:/ks.cfg");
    families::FamilyCatalogue catalogue;
    const auto added = catalogue.add(family);
    EXPECT_TRUE(added) << added.error().message;
    state.catalogue = std::make_shared<const families::FamilyCatalogue>(catalogue);
    state.families["par1"]["rhel"] = families::family_sha256(*catalogue.find("rhel"));
    profile.mutable_metadata()->set_name("base");
    profile.mutable_metadata()->set_version(3);
    profile.mutable_spec()->set_family("rhel");
    profile.mutable_spec()->mutable_template_()->set_inline_("name={{hostname}} {{rack}} {{callback_url}}\n");
    (*profile.mutable_spec()->mutable_vars())["rack"] = "a";
    server.mutable_metadata()->set_name("r1");
    server.mutable_spec()->set_site("par1");
    state.images["other"].mutable_spec()->set_family("debian");
  }
  [[nodiscard]] auto render(const std::string& image = {}) const {
    return preview_install(state, {}, profile, image, server);
  }
  [[nodiscard]] std::string text() const {
    const auto made = render();
    return made ? made->files(0).text() : made.error().message;
  }

  MeshState state;
  rest::Profile profile;
  rest::Server server;
};

TEST_F(Preview, IsMergedAsAnOrderIs) {
  (*state.sites["par1"].mutable_spec()->mutable_vars())["rack"] = "b";
  EXPECT_EQ(text(), "name=r1 b '[callback-url]'\n");
  (*server.mutable_spec()->mutable_vars())["rack"] = "c";
  EXPECT_EQ(text(), "name=r1 c '[callback-url]'\n");
  const auto made = render();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->profile(), "base@3");
  EXPECT_EQ(made->files(0).path(), "/ks.cfg");
  EXPECT_THAT(made->boot(0).arguments(), ElementsAre("inst.ks=hd:LABEL=[volume-id]:/ks.cfg"));
  EXPECT_THAT(made->notes(), Contains(HasSubstr("the boot entry of the image is chosen at the site")));
  EXPECT_THAT(made->notes(), Not(Contains(HasSubstr("of its own"))));
}

TEST_F(Preview, SecretsAreStars) {
  profile.mutable_spec()->mutable_template_()->set_inline_(
      "rootpw --iscrypted {{{host.root.password_hash}}}\njoin {{join_token}}\n");
  profile.mutable_spec()->mutable_host()->mutable_root()->set_password_hash(
      "$6$salt$abcdefghijklmnopqrstuvwxyz");
  (*server.mutable_spec()->mutable_vars())["join_token"] = "sesame-open";
  EXPECT_THAT(text(), AllOf(HasSubstr("***"), Not(HasSubstr("abcdefgh")), Not(HasSubstr("sesame"))));
}

TEST_F(Preview, WhatAPlanRefusesIsRefusedInItsWords) {
  profile.mutable_spec()->mutable_host()->add_ntp("10.0.0.1");
  EXPECT_THAT(text(), HasSubstr("does not name host.ntp"));
  profile.mutable_spec()->clear_host();
  profile.mutable_spec()->mutable_vars()->clear();
  EXPECT_THAT(text(), HasSubstr("rack"));
  EXPECT_THAT(render("other").error().message, HasSubstr("image other is debian"));
  EXPECT_THAT(render("none").error().message, HasSubstr("none"));
}

TEST_F(Preview, SaysWhenTheSiteMayDoOtherwise) {
  state.families["par1"]["rhel"] = std::string(64, 'b');
  const auto made = render();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(made->notes(), Contains(HasSubstr("site par1 renders by a file of family rhel of its own")));
  profile.mutable_spec()->set_family("ours");
  EXPECT_THAT(render().error().message, HasSubstr("which a site may have"));
}

}  // namespace
}  // namespace metalmesh::controller
