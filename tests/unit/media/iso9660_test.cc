// Reads images made by iso_writer, whole and damaged: hostile ones must end as errors, never as partial
// trees.
#include "agents/media/iso9660.h"

#include <gmock/gmock.h>

#include "tests/unit/media/iso_writer.h"

namespace metalmesh::media {
namespace {

using test::sector;
using ::testing::HasSubstr;

Result<IsoTree> tree_of(std::string bytes) {
  MemoryReader image(std::move(bytes));
  auto volume = read_iso_volume(image);
  if (!volume) return std::unexpected(volume.error());
  return read_iso_tree(image, *volume);
}

std::vector<std::string> paths(const IsoTree& tree) {
  std::vector<std::string> out;
  for (const IsoFile& file : tree.files) out.push_back(file.path);
  return out;
}

TEST(Iso9660, ListsFilesWithExtentsAndRockRidgeNames) {
  auto iso = test::installer_iso();
  const std::string bytes = iso.build();
  const auto tree = tree_of(bytes);
  ASSERT_TRUE(tree.has_value()) << tree.error().message;
  EXPECT_THAT(paths(*tree),
              testing::UnorderedElementsAre("/answer.txt", "/boot/grub.cfg", "/boot/initrd.img",
                                            "/boot/vmlinuz", "/pool/package.deb", "/pool/vmlinuz-doc.deb"));
  for (const IsoFile& file : tree->files) {
    ASSERT_EQ(file.extents.size(), 1U);
    EXPECT_EQ(file.extents[0].offset, iso.offset_of(file.path)) << file.path;
  }
  EXPECT_EQ(tree->directories.size(), 3U);
}

TEST(Iso9660, FallsBackToPlainNames) {
  auto iso = test::installer_iso();
  iso.rock_ridge = false;
  const auto tree = tree_of(iso.build());
  ASSERT_TRUE(tree.has_value());
  EXPECT_THAT(paths(*tree), testing::Contains("/BOOT/VMLINUZ"));
}

TEST(Iso9660, NamesTheVolumeAndItsBootImage) {
  auto iso = test::installer_iso();
  iso.boot_image = "/boot/initrd.img";
  MemoryReader image(iso.build());
  const auto volume = read_iso_volume(image);
  ASSERT_TRUE(volume.has_value());
  EXPECT_EQ(volume->volume_id, "UNIT_TEST");
  EXPECT_EQ(volume->descriptors, (ByteRange{0, 19 * sector}));
  const auto boot = read_iso_boot_images(image, *volume);
  ASSERT_TRUE(boot.has_value());
  ASSERT_EQ(boot->size(), 1U);
  EXPECT_EQ(boot->front().extent.offset, iso.offset_of("/boot/initrd.img"));
}

TEST(Iso9660, RefusesADirectoryLoop) {
  auto iso = test::installer_iso();
  std::string bytes = iso.build();
  // Point the record of /boot (third in the root, after '.', '..') back at the root.
  const std::size_t root = iso.directory_offset("");
  std::size_t at = root;
  for (int i = 0; i < 2; ++i) at += static_cast<std::uint8_t>(bytes[at]);
  bytes[at + 2] = static_cast<char>(root / sector);
  const auto tree = tree_of(bytes);
  ASSERT_FALSE(tree.has_value());
  EXPECT_EQ(tree.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(tree.error().message, HasSubstr("reached twice"));
}

TEST(Iso9660, JoinsExtentsOfOneFile) {
  auto iso = test::installer_iso();
  iso.rock_ridge = false;
  iso.add("/pool/vmlinuz-doc.deb", "");
  iso.add("/pool/package.deb", std::string(100, 'a'));
  iso.add("/pool/packagf.deb", std::string(200, 'b'));
  std::string bytes = iso.build();
  // Make the two records one file of two extents.
  const std::size_t first = bytes.find("PACKAGE.DEB");
  const std::size_t second = bytes.find("PACKAGF.DEB");
  bytes[first - 33 + 25] = static_cast<char>(0x80);
  bytes[second + 6] = 'E';
  const auto tree = tree_of(bytes);
  ASSERT_TRUE(tree.has_value()) << tree.error().message;
  for (const IsoFile& file : tree->files) {
    if (file.path != "/POOL/PACKAGE.DEB") continue;
    EXPECT_EQ(file.extents.size(), 2U);
    EXPECT_EQ(file.size, 300U);
  }
  bytes[second - 33 + 25] = static_cast<char>(0x80);  // promises an extent that another file interrupts
  EXPECT_FALSE(tree_of(bytes).has_value());
}

TEST(Iso9660, RefusesExtentsOutsideTheImage) {
  auto iso = test::installer_iso();
  iso.rock_ridge = false;
  std::string bytes = iso.build();
  bytes[bytes.find("VMLINUZ;1") - 33 + 5] = 0x7f;
  const auto tree = tree_of(bytes);
  ASSERT_FALSE(tree.has_value());
  EXPECT_THAT(tree.error().message, HasSubstr("leaves the image"));
}

// Every single-byte corruption of the metadata ends in a tree or an error; ASan and UBSan watch.
TEST(Iso9660, SurvivesAnyDamagedByteOfTheMetadata) {
  auto iso = test::installer_iso();
  iso.boot_image = "/boot/initrd.img";
  const std::string whole = iso.build();
  for (std::size_t at = 16 * sector; at < 23 * sector; ++at) {
    for (const char value : {'\0', '\x7f', '\xff'}) {
      // Long runs of padding are all the same to the reader.
      if (whole[at] == '\0' && whole[at - 1] == '\0' && at % 7 != 0) continue;
      std::string bytes = whole.substr(0, 24 * sector);
      bytes[at] = value;
      MemoryReader image(bytes);
      const auto volume = read_iso_volume(image);
      if (!volume) continue;
      static_cast<void>(read_iso_tree(image, *volume));
      static_cast<void>(read_iso_boot_images(image, *volume));
    }
  }
}

TEST(Iso9660, RefusesTruncationAnywhere) {
  const std::string whole = test::installer_iso().build();
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, 16 * sector, 17 * sector - 1, 18 * sector, 21 * sector}) {
    EXPECT_FALSE(tree_of(whole.substr(0, size)).has_value()) << size;
  }
}

}  // namespace
}  // namespace metalmesh::media
