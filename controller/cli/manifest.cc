#include "controller/cli/manifest.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <span>
#include <utility>

#include "common/os/files.h"
#include "common/text/filler/filler.h"
#include "common/text/filler/yaml_document.h"
#include "common/text/near_miss.h"

namespace metalmesh::cli {
namespace {

constexpr std::string_view api_version = "metalmesh/v1";

/// What the mesh knows is not for people to write: what `get` printed may be applied as it is.
constexpr std::array<std::string_view, 1> read_only = {"status"};

/// The objects of one document: itself, or the items of a list as `get -o json` prints it.
std::span<const TextNode> objects_in(const TextNode& document) {
  const auto* items = document.find("kind") == nullptr ? document.find("items") : nullptr;
  if (items == nullptr || items->kind != TextNode::Kind::sequence) return {&document, 1};
  return items->children;
}

Result<Manifest> manifest_of(const TextNode& node, const std::string& file) {
  const auto* kind_node = node.find("kind");
  if (kind_node == nullptr) return std::unexpected(error_at(file, node, "`kind` is missing"));
  const Kind* kind = find_kind(kind_node->value);
  if (kind == nullptr || !kind->writable) {
    std::vector<std::string> known;
    for (const Kind& one : kinds()) {
      if (one.writable) known.emplace_back(one.name);
    }
    const std::string meant = near_miss(kind_node->value, known);
    return std::unexpected(error_at(
        file, *kind_node,
        meant.empty()
            ? fmt::format("kind: \"{}\" cannot be applied; known: {}", kind_node->value,
                          fmt::join(known, ", "))
            : fmt::format("kind: unknown kind \"{}\"; did you mean \"{}\"?", kind_node->value, meant)));
  }
  const auto* version = node.find("apiVersion");
  if (version == nullptr) {
    return std::unexpected(
        error_at(file, node, fmt::format("`apiVersion` is missing; expected apiVersion: {}", api_version)));
  }
  if (version->value != api_version) {
    return std::unexpected(error_at(
        file, *version,
        fmt::format("apiVersion: \"{}\" is not known here; expected {}", version->value, api_version)));
  }
  Manifest out;
  out.kind = kind;
  out.object = kind->make();
  if (auto status = fill_message(node, file, *out.object, read_only); !status)
    return std::unexpected(status.error());
  out.name = name_of(*out.object);
  out.where = fmt::format("{}:{}", file, node.line);
  if (out.name.empty()) return std::unexpected(error_at(file, node, "metadata.name is missing"));
  return out;
}

/// The last one would win, and nobody would see it.
Status refuse_twice(const std::vector<Manifest>& manifests) {
  std::map<std::pair<const Kind*, std::string>, const Manifest*> known;
  for (const Manifest& manifest : manifests) {
    const auto [first, fresh] = known.try_emplace({manifest.kind, manifest.name}, &manifest);
    if (fresh) continue;
    return fail(ErrorKind::invalid, fmt::format("{} {} is given twice: {} and {}", manifest.kind->name,
                                                manifest.name, first->second->where, manifest.where));
  }
  return {};
}

Result<std::string> read_input(const std::string& file) {
  return os::read_file(file == "-" ? "/dev/stdin" : file);
}

}  // namespace

Result<std::vector<Manifest>> parse_manifests(std::string_view text, const std::string& file) {
  auto documents = parse_yaml(text, file);
  if (!documents) return std::unexpected(documents.error());
  std::vector<Manifest> out;
  for (const auto& document : *documents) {
    for (const auto& node : objects_in(document)) {
      auto manifest = manifest_of(node, file);
      if (!manifest) return std::unexpected(manifest.error());
      out.push_back(std::move(*manifest));
    }
  }
  return out;
}

Status inline_template(Manifest& manifest, const std::filesystem::path& folder) {
  auto* profile = dynamic_cast<rest::Profile*>(manifest.object.get());
  if (profile == nullptr || profile->spec().template_().file().empty()) return {};
  auto& source = *profile->mutable_spec()->mutable_template_();
  if (!source.inline_().empty()) {
    return fail(ErrorKind::invalid,
                fmt::format("{}: spec.template: give either `file` or `inline`, not both", manifest.where));
  }
  auto text = os::read_file(folder / source.file(), std::size_t{1} << 20);
  if (!text) return std::unexpected(std::move(text.error()).with(manifest.where + ": spec.template.file"));
  if (auto good = check_utf8(*text, source.file()); !good)
    return std::unexpected(std::move(good.error()).with(manifest.where + ": spec.template.file"));
  source.set_inline_(std::move(*text));
  source.clear_file();
  return {};
}

Result<std::vector<Manifest>> read_manifests(const std::vector<std::string>& files) {
  std::vector<Manifest> out;
  for (const std::string& file : files) {
    auto text = read_input(file);
    if (!text) return std::unexpected(text.error());
    auto parsed = parse_manifests(*text, file == "-" ? "stdin" : file);
    if (!parsed) return std::unexpected(parsed.error());
    for (Manifest& manifest : *parsed) {
      const auto folder = file == "-" ? std::filesystem::path() : std::filesystem::path(file).parent_path();
      if (auto status = inline_template(manifest, folder); !status) return std::unexpected(status.error());
      out.push_back(std::move(manifest));
    }
  }
  if (out.empty()) return fail(ErrorKind::invalid, "the input holds no objects");
  if (auto status = refuse_twice(out); !status) return std::unexpected(status.error());
  std::vector<Manifest> ordered;
  for (const Kind& kind : kinds()) {
    for (Manifest& manifest : out) {
      if (manifest.kind == &kind) ordered.push_back(std::move(manifest));
    }
  }
  return ordered;
}

}  // namespace metalmesh::cli
