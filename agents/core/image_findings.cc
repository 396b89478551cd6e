#include "agents/core/image_findings.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agents/media/answer/medium_plan.h"
#include "agents/media/boot_files.h"
#include "agents/media/menu/boot_menu.h"
#include "common/text/utf8.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t most_bytes = std::size_t{16} << 10U;
constexpr int most_loaders = 32;
constexpr int most_entries = 64;
constexpr int most_troubles = 16;
constexpr int most_verdicts = 64;
constexpr int most_starts = 4;
constexpr std::size_t longest_text = 300;
constexpr unsigned char first_printable = 0x20;
constexpr unsigned char delete_character = 0x7F;

/// Text of an image as people may see it on a terminal.
std::string for_people(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < first_printable || byte == delete_character) c = ' ';
  }
  return Utf8(std::move(text)).cut(longest_text).str();
}

config::BootEdit first_menu(const config::OsFamily* family) {
  if (family == nullptr) return {};
  for (const config::BootEdit& edit : family->boot()) {
    if (edit.syntax() != "keyvalue") return edit;
  }
  return {};
}

void add_loaders(const wire::ImageFacts& facts, wire::ImageFindings& out) {
  for (const std::string& path : facts.survey().files()) {
    if (media::boot_role_of(path) == media::BootRole::loader) out.add_loaders(for_people(path));
  }
}

void add_menus(const media::MenuList& menus, wire::ImageFindings& out) {
  for (const media::MenuEntry& entry : menus.entries) {
    wire::ImageMenuEntry& added = *out.add_entries();
    added.set_title(for_people(entry.title));
    added.set_at(for_people(entry.at));
    added.set_obstacle(for_people(entry.boot.obstacle));
  }
  for (const std::string& trouble : menus.troubles) out.add_troubles(for_people(trouble));
}

void judge(const config::OsFamily& family, const std::vector<std::string>& recognised,
           const wire::ImageFacts& facts, wire::ImageFindings& out) {
  wire::ImageVerdict& verdict = *out.add_verdicts();
  verdict.set_family(family.name());
  verdict.set_family_sha256(families::family_sha256(family));
  verdict.set_recognised(std::ranges::find(recognised, family.name()) != recognised.end());
  const auto choices = media::judge_image(family, recognised, facts);
  if (!choices) return verdict.set_obstacle(for_people(choices.error().message));
  for (const media::BootChoice& choice : *choices) {
    if (verdict.starts_size() == most_starts) break;
    wire::ImageStart& start = *verdict.add_starts();
    start.set_title(for_people(choice.entry));
    start.set_at(for_people(choice.at));
    start.set_kernel(for_people(choice.own));
  }
}

/// The last ones go first; true when there was one.
template <class Items>
bool drop_one(Items& items, wire::ImageFindings& out) {
  if (items.empty()) return false;
  items.RemoveLast();
  out.set_left_out(out.left_out() + 1);
  return true;
}

template <class Items>
void keep(Items& items, int most, wire::ImageFindings& out) {
  while (items.size() > most) drop_one(items, out);
}

void bound(wire::ImageFindings& out) {
  keep(*out.mutable_loaders(), most_loaders, out);
  keep(*out.mutable_entries(), most_entries, out);
  keep(*out.mutable_troubles(), most_troubles, out);
  keep(*out.mutable_verdicts(), most_verdicts, out);
  while (out.ByteSizeLong() > most_bytes) {
    if (!drop_one(*out.mutable_entries(), out) && !drop_one(*out.mutable_troubles(), out) &&
        !drop_one(*out.mutable_loaders(), out) && !drop_one(*out.mutable_verdicts(), out))
      return;
  }
}

}  // namespace

wire::ImageFindings image_findings(const wire::ImageFacts& facts, const families::FamilyCatalogue& families) {
  const std::vector<std::string> recognised = families.recognise(facts);
  wire::ImageFindings out;
  out.set_label(for_people(facts.volume_id()));
  out.set_uefi(facts.uefi());
  add_loaders(facts, out);
  const config::OsFamily* likely = recognised.empty() ? nullptr : families.find(recognised.front());
  add_menus(media::list_entries(media::MenuMedium(facts), first_menu(likely)), out);
  // Those it bears the marks of come first: they are the last to be left out.
  for (const std::string& name : recognised) judge(*families.find(name), recognised, facts, out);
  for (const auto& [name, family] : families.all()) {
    if (std::ranges::find(recognised, name) == recognised.end()) judge(family, recognised, facts, out);
  }
  bound(out);
  return out;
}

}  // namespace metalmesh::agent
