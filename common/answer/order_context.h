// What templates can name: the order's variables under their names, typed as the family declares them, and
// the host model under `host`, with every form of a value that some installer wants (netmask beside prefix,
// MAC with dashes). common/families/README.md lists the names.
//
// Every name of the model is always there; what is not set is empty or null, so a section can ask for it and
// a plain insertion of it is an error.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "schemas/config/family.pb.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::answer {

/// Names that the order itself gives a meaning, so no variable of a person may have one.
bool is_reserved(std::string_view name);

/// `host` must have passed hosts::check_host. Fails with `invalid`: a variable given twice, one whose text
/// is not of its type, or one by the name of what only the house can say.
Result<boost::json::object> order_context(const std::vector<wire::Variable>& variables,
                                          const wire::Host& host, const config::OsFamily& family);

}  // namespace metalmesh::answer
