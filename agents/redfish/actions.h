// The actions that a resource advertises.
#pragma once

#include <string>
#include <string_view>

#include "agents/redfish/json_view.h"
#include "agents/redfish/resources.h"

namespace metalmesh::redfish {

/// Of an action that is shown; some leave out where it is.
inline std::string target_of(View action, const std::string& uri, std::string_view name) {
  if (!action.is_object()) return {};
  std::string target = action["target"].link();
  return target.empty() && !uri.empty() ? uri + "/Actions/" + std::string(name) : target;
}

/// `name` as "ComputerSystem.Reset".
inline ResetAction reset_of(View resource, const std::string& uri, std::string_view name) {
  const View action = resource["Actions"]["#" + std::string(name)];
  return {target_of(action, uri, name), action["ResetType@Redfish.AllowableValues"].texts(),
          action["@Redfish.ActionInfo"].link()};
}

}  // namespace metalmesh::redfish
