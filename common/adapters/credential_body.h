// Puts a credential into a JSON body: the one place where a password meets a request.
#pragma once

#include <string_view>

#include "common/base/secret.h"

namespace metalmesh::adapters {

/// True when `body` holds one of the placeholders of ports/http_client.h.
bool wants_credential(std::string_view body);

/// `body` with both placeholders replaced by the JSON-escaped values. Values are not searched for
/// placeholders again, and no copy of the password is left behind in freed memory.
Secret fill_credential(std::string_view body, std::string_view user, const Secret& password);

}  // namespace metalmesh::adapters
