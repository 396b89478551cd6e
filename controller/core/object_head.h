// apiVersion, kind and metadata, which are alike for every kind of object.
#pragma once

#include <string>

#include "controller/core/field_rules.h"

namespace metalmesh::controller::rules {

inline constexpr char api_version[] = "metalmesh/v1";

/// Fills what is not said.
template <class Object>
Verdict head(Object& object, const std::string& kind) {
  if (object.api_version().empty()) object.set_api_version(api_version);
  if (object.kind().empty()) object.set_kind(kind);
  return first_of({one_of("apiVersion", object.api_version(), {api_version}),
                   one_of("kind", object.kind(), {kind}), name("metadata.name", object.metadata().name()),
                   labels("metadata.labels", object.metadata().labels())});
}

}  // namespace metalmesh::controller::rules
