// What the menus of all families, of their remasters and of people become: menus/*.menu, of which
// menu_emulator_test.py asks GRUB itself.
#include "agents/media/menu/boot_menu.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "agents/media/menu/menu_text.h"
#include "agents/media/menu/module_options.h"
#include "common/adapters/family_files.h"
#include "tests/support/menu_case.h"

namespace metalmesh::media {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// What GRUB would start, beginning with that file.
std::vector<std::string> started(const wire::ImageFacts& facts, const BootChoice& choice,
                                 const std::string& path) {
  MenuMedium medium(facts);
  for (const wire::FileChange& change : choice.changes) medium.replace(change.path(), change.content());
  const auto menu = read_menu(medium, path);
  if (!menu) return {menu.error().message};
  std::vector<std::string> out;
  for (const MenuEntry& entry : menu->entries) {
    for (const MenuLine& line : entry.boot.lines) out.push_back(readable(line));
  }
  return out;
}

TEST(BootMenu, EveryMenuBecomesTheEntryThatWasOrdered) {
  const auto catalogue = adapters::load_families();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  int menus = 0;
  for (const auto& file : fs::directory_iterator(MM_MENU_DIR)) {
    SCOPED_TRACE(file.path().filename());
    ++menus;
    const MenuCase wanted = menu_case(file.path());
    const config::OsFamily* family = catalogue->find(wanted.family);
    ASSERT_NE(family, nullptr);
    const auto choice = chosen(wanted, *family);
    if (!wanted.refused.empty()) {
      ASSERT_FALSE(choice);
      EXPECT_THAT(choice.error().message, HasSubstr(wanted.refused));
      continue;
    }
    ASSERT_TRUE(choice) << choice.error().message;
    EXPECT_EQ(choice->entry, wanted.boots);
    for (const wire::FileChange& text : wanted.facts.survey().texts()) {
      if (text.path() == wanted.bios) continue;
      EXPECT_EQ(started(wanted.facts, *choice, text.path()), wanted.lines) << text.path();
    }
    for (const wire::FileChange& change : choice->changes) {
      if (change.path() == wanted.bios) EXPECT_THAT(change.content(), Not(HasSubstr("kernel")));
    }
    EXPECT_EQ(choice->changes.size(), static_cast<std::size_t>(wanted.facts.survey().texts_size()));
  }
  EXPECT_GE(menus, 40);
}

wire::ImageFacts facts_of(std::initializer_list<std::pair<const char*, std::string>> texts) {
  wire::ImageFacts facts;
  for (const auto& [path, content] : texts) {
    facts.mutable_survey()->add_files(path);
    wire::FileChange& text = *facts.mutable_survey()->add_texts();
    text.set_path(path);
    text.set_content(content);
  }
  return facts;
}

config::BootEdit edit_of(std::initializer_list<const char*> drops) {
  config::BootEdit edit;
  edit.add_paths("/boot/grub/grub.cfg");
  for (const char* drop : drops) edit.add_drop(drop);
  return edit;
}

std::string refusal(const wire::ImageFacts& facts, const config::BootEdit& edit,
                    const std::string& entry = "") {
  const auto choice = choose_entry(MenuMedium(facts), edit, entry, {"ours"});
  return choice ? "" : choice.error().message;
}

TEST(BootMenu, ShowsTheImagesLineBesideOurs) {
  const auto facts = facts_of({{"/boot/grub/grub.cfg", "menuentry A {\n linux /k quiet a --- quiet b\n}\n"}});
  const auto choice = choose_entry(MenuMedium(facts), edit_of({"quiet"}), "", {"c", "d e"});
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->entry, "A");
  EXPECT_EQ(choice->at, "/boot/grub/grub.cfg:1");
  EXPECT_EQ(choice->own, "linux /k quiet a --- quiet b");
  EXPECT_EQ(choice->ours, "linux /k a c \"d e\" --- b");
}

TEST(BootMenu, ListsEveryEntryAndWhatWasNotUnderstood) {
  const auto facts = facts_of(
      {{"/boot/grub/grub.cfg", "menuentry A {\n linux /k\n}\nsubmenu B {\n menuentry C {\n linux /m\n}\n}\n"},
       {"/EFI/BOOT/grub.cfg", "menuentry 'A {\n"}});
  const MenuList list = list_entries(MenuMedium(facts), edit_of({}));
  std::vector<std::string> titles;
  for (const MenuEntry& entry : list.entries) titles.push_back(entry.at + " " + entry.title);
  EXPECT_THAT(titles, ElementsAre("/boot/grub/grub.cfg:1 A", "/boot/grub/grub.cfg:5 B > C"));
  EXPECT_THAT(list.troubles, ElementsAre("/EFI/BOOT/grub.cfg:1: a ' without its end"));
}

TEST(BootMenu, ARefusalNamesTheEntriesAndTheWayOut) {
  const auto facts =
      facts_of({{"/boot/grub/grub.cfg", "menuentry A {\n linux /k\n}\nmenuentry Off {\n halt\n}\n"}});
  EXPECT_EQ(
      refusal(facts, edit_of({}), "Install*"),
      "no entry is named Install*; its menus have \"A\": name one in the variable bootEntry (vars of the "
      "profile; * stands for anything), or give the site a family file with an entry of its own");
  EXPECT_THAT(refusal(facts_of({{"/boot/grub/grub.cfg", "menuentry Off {\n halt\n}\n"}}), edit_of({})),
              HasSubstr("no entry that starts a kernel"));
  wire::ImageFacts large;
  large.mutable_survey()->add_files("/boot/grub/grub.cfg");
  EXPECT_THAT(refusal(large, edit_of({})), HasSubstr("/boot/grub/grub.cfg is too large, or no text"));
}

TEST(BootMenu, WhatAnotherLoaderStartsIsNotOursToPromise) {
  const auto facts = facts_of({{"/boot/grub/grub.cfg", "menuentry A {\n linux /k\n}\n"},
                               {"/loader/entries/01-arch.conf", "linux /k\noptions a\n"}});
  EXPECT_THAT(refusal(facts, edit_of({})),
              HasSubstr("it starts systemd-boot (/loader/entries/01-arch.conf)"));
}

TEST(BootMenu, AMenuOfTheBootPartitionAloneFindsTheMediumByItself) {
  auto facts = facts_of({{"/boot/grub/grub.cfg", "menuentry A {\n linux /k\n}\n"}});
  facts.mutable_survey()->add_files("/k");
  const auto add = [&](const char* path, const char* content) {
    wire::FileChange& text = *facts.mutable_survey()->add_texts();
    text.set_path(path);
    text.set_content(content);
  };
  add("/EFI/debian/grub.cfg", "menuentry Theirs {\n linux /k inst.ks=theirs\n}\n");
  const auto choice = choose_entry(MenuMedium(facts), edit_of({}), "A", {"ours"});
  ASSERT_TRUE(choice) << choice.error().message;
  ASSERT_EQ(choice->changes.size(), 2U);
  for (const wire::FileChange& change : choice->changes) {
    EXPECT_THAT(change.content(), HasSubstr("linux /k ours\n"));
    EXPECT_THAT(change.content(), Not(HasSubstr("theirs")));
    const bool own = change.path() == "/boot/grub/grub.cfg";
    EXPECT_EQ(change.content().find("search --no-floppy --set=root --file /k\n") == std::string::npos, own)
        << change.path() << " is on " << (own ? "the medium itself" : "another partition");
  }
  add("/loader/entries/01.conf", "linux /k\n");
  EXPECT_THAT(refusal(facts, edit_of({})), HasSubstr("it starts systemd-boot (/loader/entries/01.conf)"));
}

TEST(BootMenu, AMenuThatIsTooLargeToReadIsReplacedLikeTheOthers) {
  auto facts = facts_of({{"/boot/grub/grub.cfg", "menuentry A {\n linux /k\n}\n"}});
  facts.mutable_survey()->add_files("/EFI/BOOT/grub.cfg");
  const auto choice = choose_entry(MenuMedium(facts), edit_of({}), "", {"ours"});
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_THAT(started(facts, *choice, "/EFI/BOOT/grub.cfg"), ElementsAre("linux /k ours"));
}

TEST(BootMenu, BoundsWhatAMenuDoes) {
  const auto trouble = [](const std::string& text) {
    return refusal(facts_of({{"/boot/grub/grub.cfg", text}}), edit_of({}));
  };
  EXPECT_THAT(trouble("function f { f; }\nf\n"), HasSubstr("too deep"));
  EXPECT_THAT(
      trouble("for a in 1 2 3 4 5 6 7 8; do for b in 1 2 3 4 5 6 7 8; do for c in 1 2 3 4 5 6 7 8; do "
              "for d in 1 2 3 4 5 6 7 8; do for e in 1 2 3 4 5 6 7 8; do true; true; done; done; done; done; "
              "done\n"),
      HasSubstr("too much for a menu"));
  EXPECT_THAT(trouble("while true; do true; done\n"), HasSubstr("no entry that starts a kernel"));
  EXPECT_THAT(trouble("for a in 1 2 3 4 5 6 7 8 9 a b c d e f; do for b in 1 2 3 4 5 6 7 8 9 a b c d e f g h "
                      "i j k l m n o; do "
                      "menuentry x { linux /k; }; menuentry x { linux /k; }; done; done\n"),
              HasSubstr("too many entries"));
  EXPECT_THAT(trouble("source /boot/grub/grub.cfg\n"), HasSubstr("no entry that starts a kernel"));
}

TEST(BootMenu, DropsByWordByValueAndByPattern) {
  const auto edit = edit_of({"auto", "ds=", "preseed/*/checksum=", "inst.ks*"});
  for (const char* word : {"auto", "ds=x", "DS=", "preseed/file/checksum=1", "inst.ks.sendmac", "inst.ks=a"})
    EXPECT_TRUE(is_dropped(word, edit)) << word;
  for (const char* word : {"automatic", "ads=x", "ds", "preseed/checksum=1", "inst.text"})
    EXPECT_FALSE(is_dropped(word, edit)) << word;
}

TEST(BootMenu, AFileMayStartAKernelWithoutAMenu) {
  const auto facts = facts_of({{"/boot/grub/grub.cfg", "echo Starting\nlinux /k a\ninitrd /i\nboot\n"}});
  const auto choice = choose_entry(MenuMedium(facts), edit_of({}), "", {"ours"});
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->entry, "/boot/grub/grub.cfg");
  EXPECT_THAT(started(facts, *choice, "/boot/grub/grub.cfg"), ElementsAre("linux /k a ours", "initrd /i"));
}

TEST(BootMenu, AnotherInitrdNeedsOneToJoin) {
  auto edit = edit_of({});
  edit.add_initrd("/seed.cpio");
  const auto facts = facts_of({{"/boot/grub/grub.cfg", "menuentry A {\n linux /k\n}\n"}});
  EXPECT_THAT(refusal(facts, edit), HasSubstr("loads no initrd"));
}

TEST(BootMenu, WordsSurviveQuoting) {
  for (const std::string word :
       {"a", "", "a b", "it's", "\"", "$x", "a;b", "\\x20", "#", "{", "\xc3\xa9", "'"}) {
    const auto quoted = quoted_word(word);
    ASSERT_TRUE(quoted);
    EXPECT_THAT(*menu_words("l " + *quoted, "test"), ElementsAre("l", word)) << *quoted;
  }
  EXPECT_FALSE(quoted_word("a\nb"));
}

config::BootEdit options_edit() {
  config::BootEdit edit;
  edit.set_syntax("keyvalue");
  edit.add_paths("/BOOT.CFG");
  edit.add_drop("cdromBoot");
  edit.add_drop("ks=");
  return edit;
}

TEST(ModuleOptions, EveryCopyKeepsEveryOtherByte) {
  const std::string text =
      "bootstate=0\r\nkernelopt=runweasel  cdromBoot ks=http://theirs\r\nmodules=/a.b00 --- /b.b00\r\nbuild=";
  const auto choice = change_options(facts_of({{"/BOOT.CFG", text}, {"/EFI/BOOT/BOOT.CFG", text}}),
                                     options_edit(), {"ks=cdrom:/KS.CFG"});
  ASSERT_TRUE(choice) << choice.error().message;
  ASSERT_EQ(choice->changes.size(), 2U);
  for (const wire::FileChange& change : choice->changes)
    EXPECT_EQ(change.content(),
              "bootstate=0\r\nkernelopt=runweasel ks=cdrom:/KS.CFG\r\nmodules=/a.b00 --- /b.b00\r\nbuild=");
  EXPECT_EQ(choice->own, "kernelopt=runweasel  cdromBoot ks=http://theirs");
  EXPECT_EQ(choice->ours, "kernelopt=runweasel ks=cdrom:/KS.CFG");
}

TEST(ModuleOptions, FindsItsLineAndRefusesWithoutOne) {
  const auto changed = [](const std::string& text) {
    const auto choice = change_options(facts_of({{"/boot.cfg", text}}), options_edit(), {"a"});
    return choice ? choice->changes[0].content() : choice.error().message;
  };
  EXPECT_EQ(changed("kernelopt=\n"), "kernelopt=a\n");
  EXPECT_EQ(changed(" kernelopt = ks=x b\nkernelopt=c"), " kernelopt = b a\nkernelopt=c a");
  EXPECT_THAT(changed("#kernelopt=x\nkerneloptions=y\n"), HasSubstr("no line \"kernelopt=\""));
  EXPECT_FALSE(change_options(facts_of({{"/x.cfg", "kernelopt=\n"}}), options_edit(), {}));
}

}  // namespace
}  // namespace metalmesh::media
