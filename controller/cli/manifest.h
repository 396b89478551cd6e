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

/// A profile's `template.file` is read, below `folder` alone, and becomes `template.inline`.
Status inline_template(Manifest& manifest, const std::filesystem::path& folder);

/// One that is to be applied.
struct ReadObject {
  Manifest manifest;
  std::string fields;  // of one that is there only these are set, with commas between; empty: all
};
/// What could be read, and what is wrong with the rest.
struct ReadObjects {
  std::vector<ReadObject> objects;
  std::vector<Error> misfits;
};
/// Reads the files ("-" is standard input) and sorts: what others refer to comes first. A document that is wrong is no
/// reason not to read the others; a file that cannot be read, or an object that is given twice, is.
Result<ReadObjects> read_objects(const std::vector<std::string>& files);
/// The same, if all of them are right.
Result<std::vector<Manifest>> read_manifests(const std::vector<std::string>& files);
/// The last one would win, and nobody would see it.
Status refuse_twice(const std::vector<ReadObject>& objects);

}  // namespace metalmesh::cli
