// mm_menu FILE.menu FOLDER: what a medium's boot menus become (tests/support/menu_case.h), as JSON: the image's own
// lines and ours; the changed files below FOLDER.
// mm_menu scripts FOLDER: of each file there, by name, whether it is accepted as GRUB's language.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "agents/media/menu/grub_script.h"
#include "common/adapters/family_files.h"
#include "tests/support/menu_case.h"

namespace {

using namespace metalmesh;
namespace json = boost::json;

json::array words(const std::vector<media::MenuLine>& lines) {
  json::array out;
  for (const auto& line : lines) out.emplace_back(json::array(line.begin(), line.end()));
  return out;
}

json::object shown(const media::MenuCase& wanted, const config::OsFamily& family,
                   const std::filesystem::path& folder) {
  const auto choice = media::chosen(wanted, family);
  if (!choice) return {{"refused", choice.error().message}};
  media::MenuMedium medium(wanted.facts);
  json::object out = {{"entry", choice->entry}, {"at", choice->at}};
  for (const auto& entry : media::list_entries(medium, family.boot(0)).entries) {
    if (entry.title == choice->entry && entry.at == choice->at) out["own"] = words(entry.boot.lines);
  }
  json::array changes;
  for (const auto& change : choice->changes) {
    const std::filesystem::path file = folder / change.path().substr(1);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << change.content();
    changes.emplace_back(change.path());
    medium.replace(change.path(), change.content());
  }
  out["changes"] = std::move(changes);
  out["ours"] = words(media::read_menu(medium, choice->changes[0].path())->entries[0].boot.lines);
  return out;
}

int show_scripts(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    const auto script = media::read_script(text, entry.path().filename().string());
    std::cout << entry.path().filename().string() << ' ' << (script ? "accepted" : script.error().message)
              << '\n';
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "scripts") return show_scripts(argv[2]);
  const auto families = adapters::load_families();
  if (argc != 3 || !families) return 2;
  const auto wanted = media::menu_case(argv[1]);
  const auto* family = families->find(wanted.family);
  if (family == nullptr) return 2;
  std::cout << json::serialize(shown(wanted, *family, argv[2])) << '\n';
}
