#include "agents/app/image_inspection.h"

#include <utility>

#include "agents/media/answer/medium_plan.h"
#include "agents/media/boot_files.h"

namespace metalmesh::agent {
namespace {

config::BootEdit first_menu(const config::OsFamily& family) {
  for (const config::BootEdit& edit : family.boot()) {
    if (edit.syntax() != "keyvalue") return edit;
  }
  return {};
}

}  // namespace

ImageInspection inspect_image(const wire::ImageFacts& facts, bool uefi,
                              const families::FamilyCatalogue& families, const std::string& family) {
  ImageInspection out{.label = facts.volume_id(), .recognised = families.recognise(facts), .uefi = uefi};
  for (const std::string& path : facts.survey().files()) {
    if (media::boot_role_of(path) == media::BootRole::loader) out.loaders.push_back(path);
  }
  out.family = family.empty() && !out.recognised.empty() ? out.recognised.front() : family;
  const config::OsFamily* wanted = families.find(out.family);
  out.menus = media::list_entries(media::MenuMedium(facts),
                                  wanted == nullptr ? config::BootEdit() : first_menu(*wanted));
  if (wanted == nullptr) {
    out.obstacle =
        "it bears the marks of no family that is known here: name one with --family, or add a family file";
    return out;
  }
  auto choices = media::judge_image(*wanted, out.recognised, facts);
  if (!choices) {
    out.obstacle = choices.error().message;
  } else {
    out.choices = std::move(*choices);
    if (!uefi) out.obstacle = "its boot catalogue has nothing for UEFI, by which servers are started";
  }
  return out;
}

}  // namespace metalmesh::agent
