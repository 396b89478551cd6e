// What an image is told to be, and why nothing can be installed from one.
#include "agents/app/image_inspection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/app/image_inspect_command.h"
#include "common/adapters/family_files.h"
#include "common/os/files.h"
#include "tests/support/temporary_folder.h"

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

wire::ImageFacts rocky() {
  wire::ImageFacts facts;
  facts.set_volume_id("Rocky-9-4-x86_64-dvd");
  facts.set_patchable(true);
  for (const char* path : {"/.treeinfo", "/.discinfo", "/images/install.img", "/images/pxeboot/vmlinuz",
                           "/images/pxeboot/initrd.img", "/EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT/grub.cfg"})
    facts.mutable_survey()->add_files(path);
  wire::FileChange& text = *facts.mutable_survey()->add_texts();
  text.set_path("/EFI/BOOT/grub.cfg");
  text.set_content(menu);
  return facts;
}

ImageInspection inspect(const wire::ImageFacts& facts, bool uefi = true, const std::string& family = {}) {
  const auto families = adapters::load_families();
  EXPECT_TRUE(families) << families.error().message;
  return inspect_image(facts, uefi, *families, family);
}

TEST(ImageInspection, TellsWhatItIsAndWhatWouldBeStarted) {
  const auto image = inspect(rocky());
  EXPECT_EQ(image.obstacle, "");
  EXPECT_THAT(image.recognised, ElementsAre("rhel"));
  EXPECT_EQ(image.family, "rhel");
  EXPECT_THAT(image.loaders, ElementsAre("/EFI/BOOT/BOOTX64.EFI"));
  ASSERT_EQ(image.menus.entries.size(), 2U);
  EXPECT_EQ(image.menus.entries[1].title, "Test this media");
  ASSERT_FALSE(image.choices.empty());
  EXPECT_EQ(image.choices[0].entry, "Install Rocky Linux 9.4");
  EXPECT_THAT(image.choices[0].own, HasSubstr("vmlinuz inst.stage2"));
}

TEST(ImageInspection, NamesWhatIsAgainstIt) {
  EXPECT_THAT(inspect(rocky(), false).obstacle, HasSubstr("nothing for UEFI"));
  EXPECT_THAT(inspect(rocky(), true, families::placeholder_family).obstacle, HasSubstr("placeholder"));
  EXPECT_THAT(inspect(rocky(), true, "debian").obstacle, HasSubstr("it looks like rhel"))
      << "as an install says";
  auto rigid = rocky();
  rigid.set_patchable(false);
  rigid.set_patch_obstacle("it is torn");
  EXPECT_THAT(inspect(rigid).obstacle, HasSubstr("it is torn"));
  auto bare = rocky();
  bare.mutable_survey()->clear_texts();
  bare.mutable_survey()->mutable_files()->RemoveLast();
  EXPECT_NE(inspect(bare).obstacle, "");
  EXPECT_THAT(inspect(wire::ImageFacts()).obstacle, HasSubstr("no family that is known here"));
}

TEST(ImageInspection, ItsExitCodeTells) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "strange.iso", std::string(65536, 'x'), 0644));
  AgentOptions options;
  options.images = {(folder / "strange.iso").string()};
  testing::internal::CaptureStdout();
  EXPECT_EQ(inspect_image_command(options), 1);
  options.json = true;
  EXPECT_EQ(inspect_image_command(options), 1);
  const std::string out = testing::internal::GetCapturedStdout();
  EXPECT_THAT(out, HasSubstr("servers cannot be installed from it: it bears the marks of no family"));
  EXPECT_THAT(out, HasSubstr(R"("installable":false)"));
  testing::internal::CaptureStderr();
  options.family = "nobody";
  EXPECT_EQ(inspect_image_command(options), 2);
  options.family.clear();
  options.images = {(folder / "missing.iso").string()};
  EXPECT_EQ(inspect_image_command(options), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("missing.iso"));
}

}  // namespace
}  // namespace metalmesh::agent
