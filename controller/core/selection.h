// Whom a rollout means. Pure.
#pragma once

#include <string>

#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

bool named_in(const rest::Selection& select, const std::string& name);
/// Sites, names and labels as they are wished; who is excluded by name is selected all the same.
bool selects(const rest::Selection& select, const rest::Server& server);

}  // namespace metalmesh::controller
