#include "controller/cli/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <span>
#include <utility>

#include "common/os/files.h"
#include "common/text/filler/filler.h"
#include "common/text/filler/yaml_document.h"
#include "common/text/near_miss.h"
#include "controller/cli/document_split.h"

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

/// Places in a part of a text become places in the text.
void move_down(TextNode& node, std::size_t lines) {
  if (lines == 0) return;
  node.line += lines;
  for (TextNode& child : node.children) move_down(child, lines);
}

/// An error that reads "file:line:column: ...", or names the file alone.
Error at_line_of(const TextPart& part, Error error, const std::string& file) {
  const std::string front = file + ":";
  if (part.line == 1 || !error.message.starts_with(front)) return error;
  std::size_t line = 0;
  const char* begin = error.message.data() + front.size();
  const auto read = std::from_chars(begin, error.message.data() + error.message.size(), line);
  if (read.ec != std::errc()) return error;
  error.message = fmt::format("{}{}{}", front, line + part.line - 1, read.ptr);
  return error;
}

void read_parts(std::string_view text, const std::string& file, std::vector<Manifest>& out,
                std::vector<Error>& misfits) {
  for (const TextPart& part : split_documents(text)) {
    auto documents = parse_yaml(part.text, file);
    if (!documents) {
      misfits.push_back(at_line_of(part, std::move(documents.error()), file));
      continue;
    }
    for (auto& document : *documents) {
      move_down(document, part.line - 1);
      for (const auto& node : objects_in(document)) {
        auto manifest = manifest_of(node, file);
        if (manifest) {
          out.push_back(std::move(*manifest));
        } else {
          misfits.push_back(std::move(manifest.error()));
        }
      }
    }
  }
}

Result<std::string> read_input(const std::string& file) {
  constexpr std::size_t most = std::size_t{256} << 20;
  return os::read_file(file == "-" ? "/dev/stdin" : file, most);
}

/// Of a file below `folder`: a manifest that somebody else wrote names nothing else of whoever applies it, as what
/// it names is told to the mesh.
Result<std::string> read_template(const std::filesystem::path& folder, const std::string& file) {
  constexpr std::size_t most = std::size_t{1} << 20;
  std::error_code failed;
  const auto root = std::filesystem::weakly_canonical(folder.empty() ? "." : folder, failed);
  const auto path = std::filesystem::weakly_canonical(root / file, failed);
  if (failed || std::ranges::mismatch(root, path).in1 != root.end()) {
    return fail(ErrorKind::invalid, fmt::format("\"{}\" is not below {}, where the manifest is; put it there",
                                                file, root.string()));
  }
  return os::read_file(path, most);
}

}  // namespace

Result<std::vector<Manifest>> parse_manifests(std::string_view text, const std::string& file) {
  std::vector<Manifest> out;
  std::vector<Error> misfits;
  read_parts(text, file, out, misfits);
  if (!misfits.empty()) return std::unexpected(std::move(misfits.front()));
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
  auto text = read_template(folder, source.file());
  if (!text) return std::unexpected(std::move(text.error()).with(manifest.where + ": spec.template.file"));
  if (auto good = check_utf8(*text, source.file()); !good)
    return std::unexpected(std::move(good.error()).with(manifest.where + ": spec.template.file"));
  source.set_inline_(std::move(*text));
  source.clear_file();
  return {};
}

Result<ReadObjects> read_objects(const std::vector<std::string>& files) {
  ReadObjects read;
  for (const std::string& file : files) {
    auto text = read_input(file);
    if (!text) return std::unexpected(text.error());
    std::vector<Manifest> parsed;
    read_parts(*text, file == "-" ? "stdin" : file, parsed, read.misfits);
    for (Manifest& manifest : parsed) {
      const auto folder = file == "-" ? std::filesystem::path() : std::filesystem::path(file).parent_path();
      if (auto status = inline_template(manifest, folder); !status) {
        read.misfits.push_back(std::move(status.error()));
      } else {
        read.objects.push_back({std::move(manifest), {}});
      }
    }
  }
  if (read.objects.empty() && read.misfits.empty())
    return fail(ErrorKind::invalid, "the input holds no objects");
  if (auto status = refuse_twice(read.objects); !status) return std::unexpected(status.error());
  std::vector<ReadObject> ordered;
  for (const Kind& kind : kinds()) {
    for (ReadObject& object : read.objects) {
      if (object.manifest.kind == &kind) ordered.push_back(std::move(object));
    }
  }
  read.objects = std::move(ordered);
  return read;
}

Result<std::vector<Manifest>> read_manifests(const std::vector<std::string>& files) {
  auto read = read_objects(files);
  if (!read) return std::unexpected(read.error());
  if (!read->misfits.empty()) return std::unexpected(std::move(read->misfits.front()));
  std::vector<Manifest> out;
  for (ReadObject& object : read->objects) out.push_back(std::move(object.manifest));
  return out;
}

Status refuse_twice(const std::vector<ReadObject>& objects) {
  std::map<std::pair<const Kind*, std::string>, const Manifest*> known;
  for (const ReadObject& object : objects) {
    const Manifest& manifest = object.manifest;
    const auto [first, fresh] = known.try_emplace({manifest.kind, manifest.name}, &manifest);
    if (fresh) continue;
    return fail(ErrorKind::invalid, fmt::format("{} {} is given twice: {} and {}", manifest.kind->name,
                                                manifest.name, first->second->where, manifest.where));
  }
  return {};
}

}  // namespace metalmesh::cli
