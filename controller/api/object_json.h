// An object as the API shows it, whoever asks for it and whichever way it goes out.
#pragma once

#include <string>
#include <string_view>

#include "controller/api/json_encode.h"
#include "controller/core/hidden_secrets.h"
#include "controller/state/kinds.h"

namespace metalmesh::controller {

inline constexpr std::string_view api_version = "metalmesh/v1";

/// With its kind and the version of the API, which the mesh's own objects need not carry, and without its secrets.
template <class T>
std::string object_json(const T& object) {
  if (object.kind() == Kind<T>::word && object.api_version() == api_version && !may_hold_secrets(object))
    return encode_json(object);
  T named = object;
  named.set_api_version(std::string(api_version));
  named.set_kind(std::string(Kind<T>::word));
  hide_secrets(named);
  return encode_json(named);
}
inline std::string object_json(const rest::Deployment& deployment) { return encode_json(deployment); }

}  // namespace metalmesh::controller
