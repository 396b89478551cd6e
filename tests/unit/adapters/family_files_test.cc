#include "common/adapters/family_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/os/files.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::adapters {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char appliance[] = R"(name: appliance
title: Our storage appliance
recognise: [{volumeIds: ["APPL*"]}]
files:
  - {path: /answer.json, format: json, main: true, template: '{"host": {{hostname}}}'}
)";

TEST(FamilyFiles, AFolderAddsToWhatIsBuiltInAndReplacesIt) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "appliance.yaml", appliance, 0644));
  ASSERT_TRUE(os::write_file(folder / "mine.yaml", "name: rhel\ntitle: As we do it\n", 0644));
  ASSERT_TRUE(os::write_file(folder / "notes.txt", "not a family", 0644));
  const auto built_in = load_families();
  const auto families = load_families(folder.path().string());
  ASSERT_TRUE(built_in) << built_in.error().message;
  ASSERT_TRUE(families) << families.error().message;
  EXPECT_EQ(families->all().size(), built_in->all().size() + 1);
  EXPECT_EQ(families->find("rhel")->title(), "As we do it");
  ASSERT_NE(families->find("appliance"), nullptr);
  EXPECT_EQ(families->find("appliance")->tier(), "documented") << "nobody verified it";
  EXPECT_EQ(families->find("appliance")->completion(), "poweroff");
  wire::ImageFacts facts;
  facts.set_volume_id("APPLIANCE_7");
  EXPECT_EQ(families->recognise(facts), std::vector<std::string>{"appliance"});
}

TEST(FamilyFiles, AFolderThatIsMissingIsAnError) {
  const auto families = load_families("/nowhere/families");
  ASSERT_FALSE(families);
  EXPECT_THAT(families.error().message, HasSubstr("/nowhere/families"));
}

struct Mistake {
  const char* text;
  const char* error;  // behind the file's name
};

class FamilyMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(FamilyMistakes, AreNamedWithFileLineAndField) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "bad.yaml", GetParam().text, 0644));
  const auto families = load_families(folder.path().string());
  ASSERT_FALSE(families);
  EXPECT_THAT(families.error().message, StartsWith((folder / "bad.yaml").string() + GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    All, FamilyMistakes,
    testing::Values(
        Mistake{"name: x\ntitel: y\n", ":2:1: titel: unknown field; did you mean \"title\"?"},
        Mistake{"name: x\nrestarts: 9\n", ":2:11: restarts: no installer restarts more than 8 times"},
        Mistake{"name: x\ncompletion: never\n",
                ":2:13: completion: \"never\" is not one of poweroff | reboot"},
        Mistake{"name: X Y\n", ":1:7: name: must consist of"},
        Mistake{"name: x\ntier: verified\n", ":1:1: verifiedBy: must say what was booted"},
        Mistake{"title: y\n", ":1:1: name: must consist of"},
        Mistake{"name: x\nboot:\n  - paths: [/g]\n    syntax: grub\n  - paths: [/h]\n    syntax: lilo\n",
                ":6:13: boot[1].syntax: \"lilo\" is not one of grub | keyvalue"},
        Mistake{"name: x\nboot:\n  - {paths: [/g], syntax: grub, append: [quiet, \"ks={{a\"]}\n",
                ":3:49: boot[0].append[1]: line 1: a placeholder"},
        Mistake{"name: x\nfiles:\n  - path: /a\n    format: yaml\n    main: true\n    template: |\n      a\n "
                "     {{#b}}\n",
                ":6:15: files[0].template: line 2: section b is not closed"},
        Mistake{"name: x\nfiles:\n  - {path: answer, format: yaml, main: true}\n",
                ":3:12: files[0].path: \"answer\" must begin with /"},
        Mistake{"name: x\nfiles:\n  - {path: /a, format: yaml}\n",
                ":3:3: files: exactly one is the main one"},
        Mistake{"name: x\nsecondMedium: CIDATA\n", ":2:1: secondMedium: unknown field"},
        Mistake{"name: x\n---\nname: y\n", ": a file holds one family"}));

}  // namespace
}  // namespace metalmesh::adapters
