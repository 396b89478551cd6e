// The kinds of objects the command line knows: how people may write them and where the API keeps them.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "schemas/rest/api.pb.h"

namespace metalmesh::cli {

struct Kind {
  std::string_view name;    // "Server", as in manifests
  std::string_view plural;  // "servers", as in paths
  bool writable;            // false: only the mesh makes these
  std::unique_ptr<google::protobuf::Message> (*make)();
  std::unique_ptr<google::protobuf::Message> (*make_list)();  // with `items` and `next`
};

/// In the order in which `apply` sends them, so that what is referred to comes first.
std::span<const Kind> kinds();
/// By name or plural, in any case, with hyphens or without ("hardware-types"), or nullptr.
const Kind* find_kind(std::string_view word);
/// "sites, credentials, ..." for help and errors.
std::string kind_words();
/// What to say of a word that is no kind: the one that was probably meant, or all.
std::string unknown_kind(const std::string& word);

/// The object's metadata, or nullptr (deployments, families, inventories and hardware have none).
const rest::Metadata* metadata_of(const google::protobuf::Message& object);
/// `metadata.name`, a deployment's id, a family's name, or the server of an inventory or of its hardware.
std::string name_of(const google::protobuf::Message& object);

}  // namespace metalmesh::cli
