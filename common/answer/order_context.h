// What templates can name: the order's variables under their names, typed as the family declares them, and
// the host model under `host`, with every form of a value that some installer wants (netmask beside prefix,
// MAC with dashes). common/families/README.md lists the names.
//
// Every name of the model is always there; what is not set is empty or null, so a section can ask for it and
// a plain insertion of it is an error.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "schemas/config/family.pb.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::answer {

/// `host` must have passed hosts::check_host. Fails with `invalid`: a variable given twice, or one whose text
/// is not of its type.
Result<boost::json::object> order_context(const std::vector<wire::Variable>& variables,
                                          const wire::Host& host, const config::OsFamily& family);

}  // namespace metalmesh::answer
