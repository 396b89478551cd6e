// The resources that only say what is there: service root, collections, managers, chassis, interfaces.
#pragma once

#include <optional>
#include <string>

#include "tests/bmcsim/model/bmc_options.h"
#include "tests/bmcsim/model/redfish_message.h"

namespace metalmesh::bmcsim {

/// What anybody may read; nothing for any other path.
std::optional<RedfishReply> public_resource(const BmcOptions& options, const std::string& path);
/// What a caller with a session may read; `media` is where the manager's slots are, empty when elsewhere.
std::optional<RedfishReply> listed_resource(const BmcOptions& options, const std::string& path,
                                            const std::string& media);

}  // namespace metalmesh::bmcsim
