#include "common/adapters/family_files.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "common/families/family_texts.h"
#include "common/os/files.h"
#include "common/text/filler/filler.h"
#include "common/text/filler/yaml_document.h"

namespace metalmesh::adapters {
namespace {

/// The node of `field` ("boot[0].syntax"), or the nearest above it that is written.
const TextNode& node_of(const TextNode& family, std::string_view field) {
  const TextNode* at = &family;
  while (!field.empty()) {
    const std::size_t end = std::min(field.find_first_of(".[", 1), field.size());
    const std::string_view step = field.substr(0, end);
    field.remove_prefix(end);
    const TextNode* next = nullptr;
    if (step.front() == '[') {
      const auto index = static_cast<std::size_t>(std::stoul(std::string(step.substr(1))));
      next = index < at->children.size() ? &at->children[index] : nullptr;
    } else {
      next = at->find(step.front() == '.' ? step.substr(1) : step);
    }
    if (next == nullptr) break;
    at = next;
  }
  return *at;
}

Status add_text(families::FamilyCatalogue& catalogue, std::string_view text, std::string_view name) {
  const auto documents = parse_yaml(text, name);
  if (!documents) return std::unexpected(documents.error());
  if (documents->size() != 1)
    return fail(ErrorKind::invalid, std::string(name) + ": a file holds one family");
  const TextNode& root = documents->front();
  config::OsFamily family;
  if (auto filled = fill_message(root, name, family); !filled) return filled;
  if (const auto wrong = families::check_family(family))
    return std::unexpected(error_at(name, node_of(root, wrong->field), wrong->field + ": " + wrong->message));
  return catalogue.add(std::move(family));
}

}  // namespace

Result<families::FamilyCatalogue> load_families(const std::string& folder) {
  families::FamilyCatalogue catalogue;
  for (const families::FamilyText& each : families::family_texts()) {
    if (auto added = add_text(catalogue, each.text, each.name); !added) return std::unexpected(added.error());
  }
  if (folder.empty()) return catalogue;
  auto files = os::files_in(folder, ".yaml");
  if (!files) return std::unexpected(std::move(files.error()).with("families folder"));
  for (const std::filesystem::path& file : *files) {
    const auto text = os::read_file(file);
    if (!text) return std::unexpected(text.error());
    if (auto added = add_text(catalogue, *text, file.string()); !added) return std::unexpected(added.error());
  }
  return catalogue;
}

}  // namespace metalmesh::adapters
