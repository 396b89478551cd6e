// What an image is told to be, and why nothing can be installed from one.
#include "agents/core/image_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/adapters/family_files.h"
#include "common/families/image_words.h"

namespace metalmesh::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char menu[] = R"(menuentry 'Install Rocky Linux 9.4' {
  linuxefi /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=Rocky quiet
  initrdefi /images/pxeboot/initrd.img
}
menuentry 'Test this media' {
  linuxefi /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=Rocky rd.live.check
  initrdefi /images/pxeboot/initrd.img
}
)";

wire::ImageFacts rocky(const std::string& text = menu) {
  wire::ImageFacts facts;
  facts.set_volume_id("Rocky-9-4-x86_64-dvd");
  facts.set_patchable(true);
  facts.set_uefi(true);
  for (const char* path : {"/.treeinfo", "/.discinfo", "/images/install.img", "/images/pxeboot/vmlinuz",
                           "/images/pxeboot/initrd.img", "/EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT/grub.cfg"})
    facts.mutable_survey()->add_files(path);
  wire::FileChange& change = *facts.mutable_survey()->add_texts();
  change.set_path("/EFI/BOOT/grub.cfg");
  change.set_content(text);
  return facts;
}

wire::ImageFindings look(const wire::ImageFacts& facts) {
  const auto families = adapters::load_families();
  EXPECT_TRUE(families) << families.error().message;
  return image_findings(facts, *families);
}

std::string against(const wire::ImageFacts& facts, const std::string& family = {}) {
  const auto found = look(facts);
  return families::image_obstacle(found, family.empty() ? families::likely_family(found) : family);
}

TEST(ImageFindings, TellWhatItIsAndWhatWouldBeStarted) {
  const auto found = look(rocky());
  EXPECT_EQ(families::likely_family(found), "rhel");
  EXPECT_EQ(families::image_obstacle(found, "rhel"), "");
  EXPECT_THAT(found.loaders(), ElementsAre("/EFI/BOOT/BOOTX64.EFI"));
  ASSERT_EQ(found.entries_size(), 2);
  EXPECT_EQ(found.entries(1).title(), "Test this media");
  const wire::ImageVerdict* verdict = families::verdict_of(found, "rhel");
  ASSERT_NE(verdict, nullptr);
  ASSERT_EQ(verdict->starts_size(), 1);
  EXPECT_EQ(verdict->starts(0).title(), "Install Rocky Linux 9.4");
  EXPECT_THAT(verdict->starts(0).kernel(), HasSubstr("vmlinuz inst.stage2"));
  EXPECT_THAT(families::image_words(found, "rhel"), HasSubstr("can be installed from it as family rhel"));
}

TEST(ImageFindings, NameWhatIsAgainstIt) {
  auto legacy = rocky();
  legacy.set_uefi(false);
  EXPECT_THAT(against(legacy), HasSubstr("nothing for UEFI"));
  EXPECT_THAT(against(rocky(), families::placeholder_family), HasSubstr("placeholder"));
  EXPECT_THAT(against(rocky(), "debian"), HasSubstr("it looks like rhel")) << "as an install says";
  EXPECT_THAT(against(rocky(), "nobody"), HasSubstr("family nobody is not known"));
  auto rigid = rocky();
  rigid.set_patchable(false);
  rigid.set_patch_obstacle("it is torn");
  EXPECT_THAT(against(rigid), HasSubstr("it is torn"));
  auto bare = rocky();
  bare.mutable_survey()->clear_texts();
  bare.mutable_survey()->mutable_files()->RemoveLast();
  EXPECT_NE(against(bare), "");
  EXPECT_THAT(against(wire::ImageFacts()), HasSubstr("no family that is known here"));
}

TEST(ImageFindings, AreBoundedAndForTerminals) {
  std::string many;
  for (int i = 0; i < 500; ++i)
    many += "menuentry 'Install " + std::to_string(i) + " \x1b[31m \xe9 " + std::string(500, 'x') +
            "' {\n linux /images/pxeboot/vmlinuz\n}\n";
  const auto found = look(rocky(many));
  EXPECT_LE(found.ByteSizeLong(), 16U << 10U);
  EXPECT_GT(found.entries_size(), 0);
  EXPECT_GE(found.left_out(), 436U);
  EXPECT_EQ(found.entries(0).title().find('\x1b'), std::string::npos);
  EXPECT_THAT(found.entries(0).title(), HasSubstr("\xEF\xBF\xBD"));
  EXPECT_NE(families::verdict_of(found, "rhel"), nullptr) << "what plans look at is the last to go";
}

}  // namespace
}  // namespace metalmesh::agent
