// An object as the API shows it, whoever asks for it and whichever way it goes out.
#pragma once

#include <string>
#include <string_view>

#include "controller/api/json_encode.h"
#include "controller/state/kinds.h"

namespace metalmesh::controller {

inline constexpr std::string_view api_version = "metalmesh/v1";

/// With its kind and the version of the API, which the mesh's own objects need not carry.
template <class T>
std::string object_json(const T& object) {
  if (object.kind() == Kind<T>::word && object.api_version() == api_version) return encode_json(object);
  T named = object;
  named.set_api_version(std::string(api_version));
  named.set_kind(std::string(Kind<T>::word));
  return encode_json(named);
}
inline std::string object_json(const rest::Deployment& deployment) { return encode_json(deployment); }

}  // namespace metalmesh::controller
