#include "agents/core/bmc_maps.h"

#include <utility>

#include "agents/core/row_table.h"
#include "common/base/bmc_address.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t most_maps = 16'384;

}  // namespace

BmcMaps::BmcMaps(const RowReader& reader) {
  const std::string prefix = rows::bmc;
  const auto found = reader.scan(prefix, rows::after(prefix), most_maps);
  if (!found) return;
  for (const Row& row : *found) {
    record::BmcMap map;
    const std::string address = row.key.substr(prefix.size());
    if (row.value && map.ParseFromString(*row.value) && map.row_version() == rows::version &&
        normal_bmc_address(map.address()) == address)
      maps_[address] = std::move(map);
  }
}

void BmcMaps::keep(record::BmcMap map, Outcome& out) {
  const std::string address = normal_bmc_address(map.address());
  if (map.key_sha256().empty() || (maps_.size() >= most_maps && !maps_.contains(address))) return;
  put_row(out, rows::bmc + address, map);
  maps_[address] = std::move(map);
}

const record::BmcMap* BmcMaps::find(const wire::BmcTarget& bmc) const {
  const auto found = maps_.find(normal_bmc_address(bmc.address()));
  if (found == maps_.end()) return nullptr;
  const bool other_key = !bmc.key_sha256().empty() && bmc.key_sha256() != found->second.key_sha256();
  return other_key ? nullptr : &found->second;
}

}  // namespace metalmesh::agent
