#include "common/base/bmc_address.h"

#include <algorithm>

#include "common/text/letters.h"

namespace metalmesh {
namespace {

/// More than one colon and no bracket: what follows the last one is a part of the address, and no port.
bool is_bare_v6(std::string_view address) {
  return !address.starts_with('[') && std::ranges::count(address, ':') > 1;
}

}  // namespace

std::string normal_bmc_address(std::string_view address) {
  std::string out = to_lower(address);
  constexpr std::string_view standard = ":443";
  if (!is_bare_v6(out) && out.ends_with(standard)) out.resize(out.size() - standard.size());
  return out;
}

std::string host_of_bmc_address(std::string_view address) {
  if (address.starts_with('[')) return std::string(address.substr(1, address.find(']') - 1));
  if (is_bare_v6(address)) return std::string(address);
  return std::string(address.substr(0, address.find(':')));
}

}  // namespace metalmesh
