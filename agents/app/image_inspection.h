// What an installer image is to us. Pure.
#pragma once

#include <string>
#include <vector>

#include "agents/media/menu/boot_menu.h"
#include "common/families/family_catalogue.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::agent {

struct ImageInspection {
  std::string label;
  std::vector<std::string> recognised;  // families whose marks it bears
  std::string family;                   // for which it was judged; empty: for none
  std::vector<std::string> loaders;
  bool uefi = false;
  media::MenuList menus;
  std::vector<media::BootChoice>
      choices;           // what an install with that family would start, without its arguments
  std::string obstacle;  // why nothing can be installed from it; empty: it can be
};

/// `uefi`: its boot catalogue has an image for UEFI. `family`: one that is in the catalogue, or empty for the first that is
/// recognised.
ImageInspection inspect_image(const wire::ImageFacts& facts, bool uefi,
                              const families::FamilyCatalogue& families, const std::string& family);

}  // namespace metalmesh::agent
