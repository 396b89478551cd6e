// The patchers against images made here; tests/integration/media_layout_test.py shows them to other tools.
#include "agents/media/patch/image_patch.h"

#include <gmock/gmock.h>

#include "agents/media/iso9660.h"
#include "agents/media/patch/canvas.h"
#include "agents/media/patch/compose.h"
#include "agents/media/patch/fat_volume.h"
#include "agents/media/patch/second_medium.h"
#include "agents/media/test_medium.h"
#include "common/base/random.h"
#include "tests/unit/media/iso_writer.h"

namespace metalmesh::media {
namespace {

using testing::HasSubstr;
using Files = std::map<std::string, std::string>;

std::vector<MediaChange> changes_of(const Files& files) {
  wire::Mount order;
  for (const auto& [path, content] : files) {
    auto* change = order.add_changes();
    change->set_path(path);
    change->set_content(content);
  }
  auto checked = check_changes(order.changes());
  EXPECT_TRUE(checked.has_value()) << checked.error().message;
  return checked.value_or(std::vector<MediaChange>());
}

std::string materialise(const std::string& base, const Overlay& overlay) {
  std::string out = base;
  out.resize(overlay.size, '?');
  for (const Patch& patch : overlay.patches) {
    const auto* moved = std::get_if<ByteRange>(&patch.content);
    const std::string bytes = moved != nullptr ? base.substr(moved->offset, moved->length)
                                               : std::string(std::get<SharedText>(patch.content).view());
    out.replace(patch.offset, bytes.size(), bytes);
  }
  return out;
}

/// All files of the primary tree, with their content.
Files files_of(const std::string& image) {
  MemoryReader reader(image);
  const auto volume = read_iso_volume(reader);
  EXPECT_TRUE(volume.has_value());
  const auto tree = read_iso_tree(reader, *volume);
  EXPECT_TRUE(tree.has_value()) << tree.error().message;
  Files files;
  for (const IsoFile& file : tree->files) {
    std::string& content = files[file.path];
    for (const ByteRange& extent : file.extents) content += image.substr(extent.offset, extent.length);
  }
  return files;
}

std::string iso_with(const Files& files, const std::string& label = "BASE") {
  auto made = make_iso(label, changes_of(files));
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return made ? materialise("", *made) : "";
}

std::string patched(const std::string& base, const Files& files) {
  MemoryReader reader(base);
  auto overlay = patch_image(reader, changes_of(files));
  EXPECT_TRUE(overlay.has_value()) << overlay.error().message;
  return overlay ? materialise(base, *overlay) : "";
}

Error refusal(const std::string& base, const Files& files) {
  MemoryReader reader(base);
  const auto overlay = patch_image(reader, changes_of(files));
  EXPECT_FALSE(overlay.has_value());
  return overlay ? Error{} : overlay.error();
}

Files crowd(int count, int from = 0) {
  Files files;
  for (int i = from; i < from + count; ++i)
    files["/crowd/package-" + std::to_string(i * 7919 % 1000) + ".deb"] = std::to_string(i);
  return files;
}

TEST(ImagePatch, AddsAndReplacesAndLeavesTheRest) {
  Files files = crowd(120);
  files["/boot/grub/grub.cfg"] = "old";
  files["/install/vmlinuz"] = std::string(9000, 'k');
  files["/empty"] = "";
  const std::string base = iso_with(files);
  EXPECT_EQ(files_of(base), files);

  const Files wanted = {{"/boot/grub/grub.cfg", std::string(5000, 'n')},
                        {"/crowd/package-new.deb", "new"},
                        {"/empty", "no longer"},
                        {"/made/of/folders/user-data", "#cloud-config\n"},
                        {"/ks.cfg", "text\n"}};
  const std::string image = patched(base, wanted);
  for (const auto& [path, content] : wanted) files[path] = content;
  EXPECT_EQ(files_of(image), files);
  EXPECT_EQ(patched(base, wanted), image) << "equal inputs, equal bytes";
}

TEST(ImagePatch, CanBeRepeatedOnItsOwnResult) {
  std::string image = iso_with({});
  Files all;
  Random random(11);
  for (int round = 0; round < 60; ++round) {
    Files some;
    for (int i = 0; i < 4; ++i) {
      const std::string folder = random.below(3) == 0 ? "/d" + std::to_string(random.below(5)) + "/e" : "";
      some[folder + "/file-" + std::to_string(random.below(90))] = std::string(random.below(5000), 'x');
    }
    image = patched(image, some);
    for (const auto& [path, content] : some) all[path] = content;
    ASSERT_EQ(files_of(image), all) << round;
  }
}

TEST(ImagePatch, MovesAFullDirectoryWithoutCopyingIt) {
  const std::string base = patched(patched(iso_with(crowd(200)), crowd(60, 200)), crowd(40, 260));
  MemoryReader reader(base);
  const auto overlay = patch_image(reader, changes_of({{"/crowd/one-more", "1"}}));
  ASSERT_TRUE(overlay.has_value());
  std::size_t in_memory = 0;
  for (const Patch& patch : overlay->patches) {
    if (const auto* bytes = std::get_if<SharedText>(&patch.content)) in_memory += bytes->size();
  }
  EXPECT_LT(in_memory, 12 * iso_sector) << "300 records take more than 15 sectors in each of two trees";
}

TEST(ImagePatch, GuardsWhatItAdds) {
  const std::string base = iso_with({{"/a", "a"}});
  MemoryReader reader(base);
  const auto overlay = patch_image(reader, changes_of({{"/ks.cfg", "secret"}, {"/a", "other secret"}}));
  ASSERT_TRUE(overlay.has_value());
  const std::string image = materialise(base, *overlay);
  const auto guarded = normalised(overlay->guarded, iso_sector, image.size());
  for (const char* text : {"secret", "other secret"}) {
    EXPECT_TRUE(touches(guarded, {image.find(text), 1})) << text;
  }
  EXPECT_FALSE(touches(guarded, {0, base.size()}));
}

TEST(ImagePatch, KeepsTheTreeOfAnImageWithoutPathTables) {
  auto iso = test::installer_iso();
  const std::string base = iso.build();
  Files files = files_of(base);
  const std::string image = patched(base, {{"/boot/grub.cfg", "ours"}, {"/ks.cfg", "text"}});
  files["/boot/grub.cfg"] = "ours";
  files["/ks.cfg"] = "text";
  EXPECT_EQ(files_of(image), files);
}

TEST(ImagePatch, BlanksTheImplantedChecksum) {
  std::string base = iso_with({{"/a", "a"}});
  const std::size_t use = 16 * iso_sector + 883;
  base.replace(use, 20, "ISO MD5SUM = 0123456");
  EXPECT_EQ(patched(base, {{"/b", "b"}}).substr(use, 512), std::string(512, ' '));
  base.replace(use, 20, "something of others ");
  EXPECT_EQ(patched(base, {{"/b", "b"}}).substr(use, 9), "something");
}

TEST(ImagePatch, RefusesWithTheReason) {
  const std::string base = iso_with({{"/folder/file", "x"}, {"/File", "y"}});
  EXPECT_THAT(refusal(base, {{"/folder", "x"}}).message, HasSubstr("/folder: folder is a directory"));
  EXPECT_THAT(refusal(base, {{"/folder/file/below", "x"}}).message, HasSubstr("not a directory"));
  EXPECT_THAT(refusal(std::string(100000, 'x'), {{"/a", "x"}}).message, HasSubstr("neither"));
  std::string enhanced = base;
  enhanced[17 * iso_sector + 6] = 2;
  EXPECT_THAT(refusal(enhanced, {{"/a", "x"}}).message, HasSubstr("9660:1999"));
  std::string unknown = base;
  unknown[17 * iso_sector + 88] = '?';
  EXPECT_THAT(refusal(unknown, {{"/a", "x"}}).message, HasSubstr("unknown kind"));
  std::string udf = base;
  udf.resize(300 * iso_sector);
  udf.replace(19 * iso_sector + 1, 5, "NSR02");
  EXPECT_THAT(refusal(udf, {{"/a", "x"}}).message, HasSubstr("UDF"));
}

/// An image with so many zeros behind it.
class LongReader final : public BlockReader {
 public:
  LongReader(std::string bytes, std::uint64_t size) : image_(std::move(bytes)), size_(size) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t length) override {
    std::string out(length, '\0');
    if (offset >= image_.size()) return out;
    const auto real = std::min<std::uint64_t>(length, image_.size() - offset);
    return image_.read(offset, real)->append(length - real, '\0');
  }

 private:
  MemoryReader image_;
  std::uint64_t size_;
};

TEST(ImagePatch, RefusesWhatTheDirectoryCouldNotPointTo) {
  const std::string base = iso_with({{"/a", "a"}});
  constexpr std::uint64_t sectors = 1ULL << 32;
  LongReader fits(base, (sectors - 1000) * iso_sector);
  EXPECT_TRUE(patch_image(fits, changes_of({{"/ks.cfg", "text"}})).has_value());
  LongReader ends_beyond(base, (sectors + 1) * iso_sector);
  const auto refused = patch_image(ends_beyond, changes_of({{"/ks.cfg", "text"}}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
}

TEST(ImagePatch, SaysWhyAnImageCannotBePatched) {
  MemoryReader good(iso_with({{"/a", "a"}}));
  EXPECT_EQ(*why_not_patchable(good), std::nullopt);
  MemoryReader bad(std::string(100000, 'x'));
  EXPECT_THAT(why_not_patchable(bad)->value_or(""), HasSubstr("neither"));
}

TEST(ImagePatch, SurvivesDamage) {
  Files files = crowd(60);
  files["/boot/grub/grub.cfg"] = "old";
  const std::string base = iso_with(files);
  const auto changes = changes_of({{"/boot/grub/grub.cfg", "new"}, {"/crowd/x", "x"}, {"/n/m", "y"}});
  Random random(5);
  int refused = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string damaged = base;
    for (int n = 0; n < 6; ++n) {
      damaged[16 * iso_sector + random.below(40 * iso_sector)] = static_cast<char>(random.next());
    }
    if (random.chance(100)) damaged.resize(random.below(damaged.size()));
    MemoryReader reader(damaged);
    const auto overlay = patch_image(reader, changes);
    if (!overlay) {
      ++refused;
      EXPECT_FALSE(overlay.error().message.empty());
      continue;
    }
    for (const Patch& patch : overlay->patches) {
      ASSERT_LE(patch.offset + length_of(patch.content), overlay->size);
    }
  }
  EXPECT_GT(refused, 50);
}

TEST(MediaChanges, AreChecked) {
  const auto check = [](std::vector<std::string> paths) {
    wire::Mount order;
    for (const auto& path : paths) order.add_changes()->set_path(path);
    const auto checked = check_changes(order.changes());
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(check({"/ks.cfg", "/EFI/BOOT/grub.cfg"}), "");
  EXPECT_THAT(check({"ks.cfg"}), HasSubstr("slash"));
  EXPECT_THAT(check({"/a/../b"}), HasSubstr("relative"));
  EXPECT_THAT(check({"/a//b"}), HasSubstr("empty"));
  EXPECT_THAT(check({"/a\nb"}), HasSubstr("character"));
  EXPECT_THAT(check({"/" + std::string(61, 'a')}), HasSubstr("60"));
  EXPECT_THAT(check({"/a", "/A"}), HasSubstr("twice"));
  EXPECT_THAT(check({"/EFI/BOOT/BOOTX64.EFI"}), HasSubstr("signed"));
}

std::string fat_with(const Files& files) {
  auto made = make_fat("OEMDRV", changes_of(files));
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return made ? materialise("", *made) : "";
}

TEST(FatVolume, ReplacesAFileWithinItsVolume) {
  const std::string long_content(20000, 'l');
  const std::string base = fat_with(
      {{"/EFI/BOOT/grub.cfg", long_content}, {"/EFI/BOOT/other", "other"}, {"/a long name.txt", "n"}});
  MemoryReader reader(base);
  Canvas canvas(reader);
  auto volume = FatVolume::open(canvas, 0);
  ASSERT_TRUE(volume && *volume);
  EXPECT_TRUE(*(*volume)->replace(canvas, {"efi", "boot", "GRUB.CFG"}, "short"));
  EXPECT_TRUE(*(*volume)->replace(canvas, {"A Long Name.txt"}, std::string(10000, 'N')))
      << "room that became free";
  EXPECT_FALSE(*(*volume)->replace(canvas, {"EFI", "none"}, "x"));
  const auto full = (*volume)->replace(canvas, {"EFI", "BOOT", "other"}, std::string(20000, 'o'));
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().kind, ErrorKind::exhausted);
  const auto overlay = canvas.finish();
  ASSERT_TRUE(overlay.has_value());
  const std::string image = materialise(base, *overlay);
  EXPECT_EQ(image.size(), base.size());
  EXPECT_THAT(image, testing::AllOf(HasSubstr("short"), HasSubstr("other"), HasSubstr("NNNN")));
}

TEST(TestMedium, IsSmallBootsNothingAndKeepsNothingFromAnybody) {
  wire::Mount order;
  *order.mutable_second() = test_medium();
  const auto made = compose_medium(order, nullptr);
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(made->size, 1U << 20U);
  EXPECT_THAT(made->guarded, testing::IsEmpty());
  const std::string image = materialise("", *made);
  EXPECT_EQ(image.size(), 1U << 20U);
  EXPECT_EQ(image.substr(16 * 2048 + 1, 5), "CD001");
  EXPECT_EQ(image.find("EL TORITO"), std::string::npos);
  EXPECT_THAT(image, HasSubstr("Nothing starts from this disc"));
  order.mutable_second()->set_test_bytes(2U << 20U);
  EXPECT_FALSE(compose_medium(order, nullptr).has_value()) << "larger than what all of them share";
}

TEST(SecondMedium, RefusesWhatCannotBe) {
  wire::SecondMedium order;
  order.set_label("CIDATA");
  EXPECT_EQ(make_second_medium(order).error().kind, ErrorKind::unsupported);
  EXPECT_FALSE(make_iso(std::string(17, 'L'), {}).has_value());
  EXPECT_FALSE(make_fat("", {}).has_value());
  EXPECT_FALSE(make_fat("OEMDRV", changes_of({{"/a", "x"}, {"/a/b", "y"}})).has_value());
  EXPECT_FALSE(make_fat("OEMDRV", changes_of({{"/a", "x"}, {"/A/b", "y"}})).has_value());
  EXPECT_TRUE(make_fat("OEMDRV", changes_of({{"/a/b", "x"}, {"/A/c", "y"}})).has_value());
}

}  // namespace
}  // namespace metalmesh::media
