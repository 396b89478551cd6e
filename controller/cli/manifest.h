// Objects as people write them: YAML documents with apiVersion, kind, metadata and spec.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "controller/cli/kinds.h"

namespace metalmesh::cli {

struct Manifest {
  const Kind* kind = nullptr;
  std::unique_ptr<google::protobuf::Message> object;  // without status
  std::string name;
  std::string where;  // file:line, for messages
};

/// All documents of one text. Pure; errors name file, line and field.
Result<std::vector<Manifest>> parse_manifests(std::string_view text, const std::string& file);

/// A profile's `template.file` is read, relative to `folder`, and becomes `template.inline`.
Status inline_template(Manifest& manifest, const std::filesystem::path& folder);

/// Reads the files ("-" is standard input) and sorts: what others refer to comes first.
Result<std::vector<Manifest>> read_manifests(const std::vector<std::string>& files);

}  // namespace metalmesh::cli
