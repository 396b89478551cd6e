// Boot menus of foreign media. The input is the texts of three files that may load each other, each begun by a line
// "---". What is read has an end; what is written in their place starts our line, and nothing else.
#include <array>
#include <cstdint>
#include <string>

#include "agents/media/menu/boot_menu.h"
#include "agents/media/menu/menu_text.h"
#include "agents/media/menu/module_options.h"
#include "tests/fuzz/invariant.h"

namespace {

using namespace metalmesh;
using namespace metalmesh::media;

wire::ImageFacts facts_of(std::string_view text) {
  constexpr std::array<const char*, 3> paths = {"/boot/grub/grub.cfg", "/EFI/BOOT/grub.cfg",
                                                "/boot/grub/more.cfg"};
  wire::ImageFacts facts;
  facts.set_volume_id("LABEL");
  for (const char* path : paths) {
    const std::size_t end = text.find("---\n");
    wire::FileChange& file = *facts.mutable_survey()->add_texts();
    file.set_path(path);
    file.set_content(std::string(text.substr(0, end)));
    facts.mutable_survey()->add_files(path);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 4);
  }
  return facts;
}

void check_choice(const wire::ImageFacts& facts, const config::BootEdit& edit) {
  const MenuMedium medium(facts);
  static_cast<void>(list_entries(medium, edit));
  const auto choice = choose_entry(medium, edit, "", {"our answer=1"});
  if (!choice) {
    MM_CLAIM(!choice.error().message.empty());
    return;
  }
  MM_CLAIM(choice->ours.find("\"our answer=1\"") != std::string::npos);
  MM_CLAIM(choice->changes.size() == static_cast<std::size_t>(facts.survey().texts_size()));
  for (const wire::FileChange& change : choice->changes)
    MM_CLAIM(change.content() == choice->changes[0].content());
}

void check_quoting(const std::string& word) {
  const auto quoted = quoted_word(word);
  if (!quoted) return;
  const auto words = menu_words("l " + *quoted, "fuzz");
  MM_CLAIM(words && words->size() == 2 && words->back() == word);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  config::BootEdit edit;
  edit.add_paths("/boot/grub/grub.cfg");
  check_choice(facts_of(text), edit);
  check_quoting(text.substr(0, 64));
  edit.set_paths(0, "/EFI/BOOT/grub.cfg");
  static_cast<void>(change_options(facts_of(text), edit, {"a"}));
  return 0;
}
