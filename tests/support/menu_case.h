// A medium's boot menus as one text, and what they are to become (tests/unit/menu/menus/*.menu):
//   family NAME, entry GLOB, label VOLUME    what is ordered of which medium
//   file PATH                                is on the medium, too
//   crlf                                     its texts have lines as of Windows
//   boots TITLE, line WORDS ...              what must start, each line as people read it
//   begin PATH, default PATH TITLE           where GRUB begins, what it is told to come there (menu_emulator_test.py)
//   bios PATH                                a menu for BIOS, which must start nothing
//   refused TEXT                             or: part of the message
//   --- PATH                                 the text that follows is that file's
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "agents/media/menu/boot_menu.h"
#include "common/families/family_catalogue.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

struct MenuCase {
  std::string family;
  std::string entry;  // empty: the family's
  std::string boots;
  std::string bios;
  std::string refused;
  std::vector<std::string> lines;
  wire::ImageFacts facts;
};

inline MenuCase menu_case(const std::string& file) {
  MenuCase out;
  std::ifstream in(file, std::ios::binary);
  std::string line_end = "\n";
  wire::FileChange* text = nullptr;
  for (std::string line; std::getline(in, line);) {
    const std::size_t blank = line.find(' ');
    const std::string key = line.substr(0, blank);
    const std::string value = blank == std::string::npos ? "" : line.substr(blank + 1);
    if (key == "---") {
      text = out.facts.mutable_survey()->add_texts();
      text->set_path(value);
      out.facts.mutable_survey()->add_files(value);
    } else if (text != nullptr) {
      text->mutable_content()->append(line + line_end);
    } else if (key == "family") {
      out.family = value;
    } else if (key == "entry") {
      out.entry = value;
    } else if (key == "label") {
      out.facts.set_volume_id(value);
    } else if (key == "file") {
      out.facts.mutable_survey()->add_files(value);
    } else if (key == "boots") {
      out.boots = value;
    } else if (key == "bios") {
      out.bios = value;
    } else if (key == "refused") {
      out.refused = value;
    } else if (key == "line") {
      out.lines.push_back(value);
    } else if (key == "crlf") {
      line_end = "\r\n";
    }
  }
  return out;
}

/// As the family wants it, with one argument that only ours can be.
inline Result<BootChoice> chosen(const MenuCase& wanted, const config::OsFamily& family) {
  const config::BootEdit& edit = family.boot(0);
  const std::string entry = wanted.entry.empty() ? edit.entry() : wanted.entry;
  return choose_entry(MenuMedium(wanted.facts), edit, entry, {"our.answer=1"});
}

}  // namespace metalmesh::media
