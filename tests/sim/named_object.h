// An object as a person applies it, with nothing but its name.
#pragma once

#include <string>

namespace metalmesh::sim {

template <class Object>
Object named(const std::string& kind, const std::string& name) {
  Object object;
  object.set_api_version("metalmesh/v1");
  object.set_kind(kind);
  object.mutable_metadata()->set_name(name);
  return object;
}

}  // namespace metalmesh::sim
