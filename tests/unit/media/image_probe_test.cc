#include "agents/media/image_probe.h"

#include <gmock/gmock.h>

#include "agents/media/boot_files.h"
#include "agents/media/byte_range.h"
#include "agents/media/image_survey.h"
#include "agents/media/patch/second_medium.h"
#include "tests/unit/media/iso_writer.h"

namespace metalmesh::media {
namespace {

using test::sector;

std::string esp_with(const std::vector<MediaChange>& files) {
  const auto made = make_fat("ESP", files);
  EXPECT_TRUE(made) << made.error().message;
  std::string out(made ? made->size : 0, '\0');
  for (const Patch& patch : made->patches)
    out.replace(patch.offset, length_of(patch.content), std::get<SharedText>(patch.content).view());
  return out;
}

std::vector<ByteRange> guarded(const wire::ImageFacts& facts) {
  std::vector<ByteRange> out;
  for (const auto& range : facts.guarded()) out.push_back({range.offset(), range.length()});
  return out;
}

wire::ImageFacts probe(std::string bytes) {
  MemoryReader image(std::move(bytes));
  auto facts = probe_image(image);
  EXPECT_TRUE(facts.has_value()) << facts.error().message;
  return facts.value_or(wire::ImageFacts());
}

TEST(ImageProbe, FindsPlaceholderAndBootFiles) {
  auto iso = test::installer_iso(4096);
  const auto facts = probe(iso.build());
  EXPECT_EQ(facts.volume_id(), "UNIT_TEST");
  EXPECT_EQ(facts.placeholder().offset(), iso.offset_of("/answer.txt"));
  EXPECT_EQ(facts.placeholder().length(), 4096U);
  const auto ranges = guarded(facts);
  for (const char* path : {"/answer.txt", "/boot/grub.cfg", "/boot/initrd.img", "/boot/vmlinuz"}) {
    EXPECT_TRUE(touches(ranges, {iso.offset_of(path), 1})) << path;
  }
  EXPECT_TRUE(touches(ranges, {iso.offset_of("/boot/vmlinuz") + 49999, 1}));
  EXPECT_FALSE(touches(ranges, {iso.offset_of("/pool/package.deb"), 300000}));
  EXPECT_FALSE(touches(ranges, {0, iso.offset_of("/answer.txt")}))
      << "descriptors and directories stay readable";
  for (const ByteRange& range : ranges) EXPECT_EQ(range.offset % sector, 0U);
}

TEST(ImageProbe, ALabelInAnotherEncodingTravelsAsItIs) {
  auto iso = test::installer_iso();
  iso.volume_id = "B\xFCRO";  // Latin-1
  iso.add("/boot/B\xFCRO.cfg", "menuentry 'a' { }\n");
  const auto facts = probe(iso.build());
  EXPECT_EQ(facts.volume_id(), "B\xFCRO");
  wire::MediaCommand command;
  *command.mutable_mount()->mutable_image() = facts;
  wire::MediaCommand arrived;
  ASSERT_TRUE(arrived.ParseFromString(command.SerializeAsString()));
  EXPECT_EQ(arrived.mount().image().volume_id(), facts.volume_id());
}

TEST(ImageProbe, KnowsEveryMenuAmongManyFiles) {
  IsoTree tree;
  for (int i = 0; i < 3000; ++i) tree.files.push_back({.path = "/a" + std::to_string(i)});
  tree.files.push_back({.path = "/y/grub.cfg", .link = "../z/grub.cfg"});
  tree.files.push_back({.path = "/z/grub.cfg"});
  MemoryReader image("");
  const auto survey = survey_tree(image, tree, {});
  ASSERT_TRUE(survey) << survey.error().message;
  EXPECT_EQ(survey->files_size(), 2001);
  EXPECT_EQ(survey->files(2000), "/z/grub.cfg");
}

TEST(ImageProbe, GuardsAllButTheListingWithoutAKernel) {
  test::IsoWriter iso;
  iso.add("/stuff/strange", std::string(100000, 's'));
  const std::string bytes = iso.build();
  const auto ranges = guarded(probe(bytes));
  EXPECT_TRUE(touches(ranges, {iso.offset_of("/stuff/strange"), 1}));
  EXPECT_TRUE(touches(ranges, {bytes.size() - 1, 1}));
  EXPECT_FALSE(touches(ranges, {0, 19 * sector}));
  EXPECT_FALSE(touches(ranges, {iso.directory_offset("stuff"), sector}));
}

TEST(ImageProbe, GuardsAllBehindTheDescriptorsWhenTheTreeIsBroken) {
  auto iso = test::installer_iso();
  std::string bytes = iso.build();
  bytes[iso.directory_offset("boot")] = 5;
  const auto facts = probe(bytes);
  EXPECT_THAT(guarded(facts), testing::ElementsAre(ByteRange{19 * sector, bytes.size() - 19 * sector}));
  EXPECT_EQ(facts.placeholder().length(), 0U);
}

TEST(ImageProbe, GuardsWhatIsNoIsoAtAll) {
  const auto ranges = guarded(probe(std::string(100000, 'x')));
  EXPECT_THAT(ranges, testing::ElementsAre(ByteRange{16 * sector, 100000 - 16 * sector}));
}

TEST(ImageProbe, RefusesTwoPlaceholders) {
  auto iso = test::installer_iso();
  iso.add("/other.txt", "#METALMESH-ANSWER-PLACEHOLDER-V1\n\n\n");
  MemoryReader image(iso.build());
  const auto facts = probe_image(image);
  ASSERT_FALSE(facts.has_value());
  EXPECT_THAT(facts.error().message,
              testing::AllOf(testing::HasSubstr("/answer.txt"), testing::HasSubstr("/other.txt")));
}

TEST(ImageProbe, GuardsTheWholeBootImageWhateverTheCatalogueSays) {
  auto iso = test::installer_iso();
  iso.add("/esp.bin", std::string(40000, 'e'));
  iso.boot_image = "/esp.bin";
  const auto ranges = guarded(probe(iso.build()));
  EXPECT_TRUE(touches(ranges, {iso.offset_of("/esp.bin") + 39999, 1}));
}

TEST(ImageProbe, ReadsTheMenusThatTheBootPartitionHasAlone) {
  const std::string esp =
      esp_with({{"/EFI/debian/grub.cfg", {"EFI", "debian", "grub.cfg"}, "of the partition"},
                {"/boot/grub.cfg", {"boot", "grub.cfg"}, "the medium has one, too"},
                {"/EFI/BOOT/long.cfg", {"EFI", "BOOT", "long.cfg"}, std::string(70000, 'x')},
                {"/EFI/BOOT/BOOTX64.EFI", {"EFI", "BOOT", "BOOTX64.EFI"}, "loader"}});
  auto iso = test::installer_iso();
  iso.add("/esp.bin", esp);
  iso.boot_image = "/esp.bin";
  const auto facts = probe(iso.build());
  std::map<std::string, std::string> texts;
  for (const wire::FileChange& text : facts.survey().texts()) texts[text.path()] = text.content();
  EXPECT_EQ(texts["/EFI/debian/grub.cfg"], "of the partition");
  EXPECT_EQ(texts["/EFI/BOOT/long.cfg"], "") << "it is there, and longer than any that is read";
  EXPECT_NE(texts["/boot/grub.cfg"], "the medium has one, too");
  for (const std::string& file : facts.survey().files()) {
    EXPECT_NE(file, "/EFI/debian/grub.cfg") << "families recognise the medium";
    EXPECT_NE(file, "/EFI/BOOT/BOOTX64.EFI");
  }
  iso.add("/esp.bin", std::string(512, '\xeb') + esp);  // no partition begins there
  EXPECT_EQ(probe(iso.build()).survey().texts_size(), 1);
}

TEST(BootFiles, KnowsTheCommonInstallers) {
  const std::vector<std::pair<const char*, BootRole>> known = {
      {"/install.amd/vmlinuz", BootRole::kernel},
      {"/casper/hwe-vmlinuz", BootRole::kernel},
      {"/images/pxeboot/vmlinuz", BootRole::kernel},
      {"/boot/x86_64/loader/linux", BootRole::kernel},
      {"/sources/boot.wim", BootRole::kernel},
      {"/B.B00", BootRole::kernel},
      {"/INSTALL.AMD/VMLINUZ", BootRole::kernel},
      {"/casper/initrd", BootRole::initrd},
      {"/install.amd/gtk/initrd.gz", BootRole::initrd},
      {"/images/efiboot.img", BootRole::initrd},
      {"/EFI/BOOT/grub.cfg", BootRole::configuration},
      {"/isolinux/isolinux.cfg", BootRole::configuration},
      {"/BOOT.CFG", BootRole::configuration},
      {"/loader/entries/install.conf", BootRole::configuration},
      {"/EFI/BOOT/BOOTX64.EFI", BootRole::loader},
  };
  for (const auto& [path, role] : known) EXPECT_EQ(boot_role_of(path), role) << path;
  for (const char* path : {"/README.txt", "/pool/main/l/linux/linux-image.deb", "/payload.bin", "/ks.cfg"}) {
    EXPECT_EQ(boot_role_of(path), std::nullopt) << path;
  }
}

TEST(ByteRanges, AlignMergeAndCut) {
  EXPECT_THAT(normalised({{5000, 10}, {100, 1}, {2048, 2048}, {9000, 100000}, {7, 0}}, 2048, 10000),
              testing::ElementsAre(ByteRange{0, 6144}, ByteRange{8192, 1808}));
  EXPECT_THAT(normalised({{UINT64_MAX - 5, 100}}, 2048, 10000), testing::IsEmpty());
  EXPECT_THAT(normalised({{100, UINT64_MAX}}, 1, 10000), testing::ElementsAre(ByteRange{100, 9900}));
  EXPECT_THAT(complement({{10, 5}, {20, 80}}, 100), testing::ElementsAre(ByteRange{0, 10}, ByteRange{15, 5}));
  EXPECT_FALSE(touches({{10, 5}}, {15, 100}));
  EXPECT_TRUE(touches({{10, 5}}, {0, 11}));
}

}  // namespace
}  // namespace metalmesh::media
