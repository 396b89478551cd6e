// The address of a BMC as people write it: host, host:port, [v6], [v6]:port or a bare v6.
#pragma once

#include <string>
#include <string_view>

namespace metalmesh {

/// One spelling per address, the same at both ends of the mesh: lower case, without the default port.
std::string normal_bmc_address(std::string_view address);
/// Its host, without brackets and port.
std::string host_of_bmc_address(std::string_view address);

}  // namespace metalmesh
