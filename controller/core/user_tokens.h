// The tokens of users: the controller knows the SHA-256 of each, and to whom it belongs, and until when.
#pragma once

#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// What people call a token by.
std::string token_id(const std::string& sha256);
/// All of them are good for nothing from the next commit on.
void drop_tokens(Work& work, const std::string& user);

}  // namespace metalmesh::controller
