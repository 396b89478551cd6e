#include "agents/bmc/identity_reader.h"

#include <algorithm>
#include <utility>

#include "common/base/machine_key.h"

namespace metalmesh::bmc {
namespace {

constexpr std::size_t most_interfaces = 32;

bool has_mac(const std::vector<std::string>& macs, const std::string& wanted) {
  return std::ranges::any_of(macs, [&](const auto& mac) { return redfish::same_mac(mac, wanted); });
}

/// `wanted` names some, and all of them are there.
bool has_all(const std::vector<std::string>& macs, const std::vector<std::string>& wanted) {
  return !wanted.empty() &&
         std::ranges::all_of(wanted, [&](const std::string& mac) { return has_mac(macs, mac); });
}

}  // namespace

void IdentityReader::forget() {
  list_.forget();
  listed_ = false;
  next_ = 0;
  macs_.clear();
  interfaces_.clear();
  of_host_ = 0;
  macs_read_ = host_told_ = false;
  bmc_list_.forget();
  next_manager_ = 0;
  next_chassis_ = 0;
  chassis_serial_.clear();
}

void IdentityReader::look_first_at(const std::vector<Interface>& interfaces,
                                   const std::vector<std::string>& wanted) {
  const auto is_wanted = [&](const std::string& mac) { return has_mac(wanted, mac); };
  for (const Interface& each : interfaces)
    if (std::ranges::any_of(each.macs, is_wanted)) sources_.push_back(each.uri);
  hinted_ = !sources_.empty();
}

redfish::Identity IdentityReader::seen(const redfish::System& system) const {
  redfish::Identity out = system.identity;
  if (out.serial.empty()) out.serial = chassis_serial_;
  out.macs = macs_;
  return out;
}

std::vector<wire::Inventory::Nic> IdentityReader::nics() const {
  std::vector<wire::Inventory::Nic> out;
  for (std::size_t i = 0; i < of_host_; ++i) out.push_back(interfaces_[i].nic);
  return out;
}

Verdict IdentityReader::read(Turn& turn, Line& line, Discovery& discovery, const redfish::Identity& wanted) {
  const bool all = wanted.uuid.empty() && wanted.serial.empty() && wanted.macs.empty();
  if ((all || !wanted.macs.empty()) && read_macs(turn, line, discovery, wanted) == Verdict::busy)
    return Verdict::busy;
  const bool no_serial = discovery.system()->identity.serial.empty();
  if (no_serial && (all || !wanted.serial.empty()) && read_chassis(turn, line, discovery) == Verdict::busy)
    return Verdict::busy;
  if (lacks_second_factor(*discovery.system(), wanted)) return read_bmc_macs(turn, line, discovery, wanted);
  return Verdict::done;
}

/// Nothing but a UUID was told, or of an order that goes by UUID and MAC the MAC was not.
bool IdentityReader::lacks_second_factor(const redfish::System& system,
                                         const redfish::Identity& wanted) const {
  if (!wanted.serial.empty() || host_told_) return false;
  if (!wanted.macs.empty()) {
    return sources_.empty() &&
           std::ranges::none_of(wanted.macs, [&](const std::string& mac) { return has_mac(macs_, mac); });
  }
  const bool told = usable_serial(redfish::to_wire(seen(system)).serial());
  return wanted.uuid.empty() && !told && std::ranges::none_of(macs_, redfish::is_universal_mac);
}

Verdict IdentityReader::read_macs(Turn& turn, Line& line, const Discovery& discovery,
                                  const redfish::Identity& wanted) {
  if (macs_read_) return Verdict::done;
  if (!listed_) {
    const std::string& interfaces = discovery.system()->ethernet_interfaces;
    const bool asks = sources_.empty() && !interfaces.empty();
    if (asks &&
        list_.read(turn, line, Ask::ethernet, interfaces, most_interfaces, Need::welcome) == Verdict::busy)
      return Verdict::busy;
    paths_ = asks ? list_.paths() : sources_;
    listed_ = true;
  }
  if (read_interfaces(turn, line, paths_, wanted) == Verdict::busy) return Verdict::busy;
  if (std::exchange(hinted_, false) && !has_all(macs_, wanted.macs)) {
    sources_.clear();
    forget();
    return read_macs(turn, line, discovery, wanted);
  }
  macs_read_ = true;
  of_host_ = interfaces_.size();
  host_told_ = std::ranges::any_of(macs_, redfish::is_universal_mac);
  return Verdict::done;
}

/// From `next_` on, until all that is wanted was seen.
Verdict IdentityReader::read_interfaces(Turn& turn, Line& line, const std::vector<std::string>& paths,
                                        const redfish::Identity& wanted) {
  const auto has = [&](const std::string& mac) { return has_mac(wanted.macs, mac); };
  while (next_ < paths.size() && !has_all(macs_, wanted.macs)) {
    const std::string uri = paths[next_];
    const HttpReplied* reply = line.fetch_if_it_can(turn, Ask::macs, redfish::get(uri));
    if (reply == nullptr) return Verdict::busy;
    ++next_;
    const auto macs = redfish::parse_macs(*reply);
    if (reply->status != 200 || !macs) {
      turn.notes.push_back("skipped: HTTP " + std::to_string(reply->status) + " for " + uri +
                           (macs ? "" : " (" + macs.error().message + ")"));
      continue;
    }
    if (std::ranges::any_of(*macs, has) && std::ranges::find(sources_, uri) == sources_.end())
      sources_.push_back(uri);
    if (!macs->empty()) interfaces_.push_back({uri, *macs, redfish::parse_nic(*reply)});
    macs_.insert(macs_.end(), macs->begin(), macs->end());
  }
  return Verdict::done;
}

/// The BMC's own interfaces. One that manages several systems would name them all.
Verdict IdentityReader::read_bmc_macs(Turn& turn, Line& line, Discovery& discovery,
                                      const redfish::Identity& wanted) {
  if (discovery.find_managers(turn, line) == Verdict::busy) return Verdict::busy;
  const std::vector<redfish::Manager>& managers = discovery.managers();
  for (; next_manager_ < managers.size(); ++next_manager_) {
    const redfish::Manager& manager = managers[next_manager_];
    if (manager.ethernet_interfaces.empty() || manager.servers.size() > 1) continue;
    if (bmc_list_.paths().empty()) next_ = 0;
    if (bmc_list_.read(turn, line, Ask::ethernet, manager.ethernet_interfaces, most_interfaces,
                       Need::welcome) == Verdict::busy ||
        read_interfaces(turn, line, bmc_list_.paths(), wanted) == Verdict::busy)
      return Verdict::busy;
    bmc_list_.forget();
  }
  // The one that is wanted may be the host's, which does not show it now: others contradict nothing.
  const auto other = [&](const std::string& mac) { return !has_mac(wanted.macs, mac); };
  if (!wanted.macs.empty()) std::erase_if(macs_, other);
  return Verdict::done;
}

Verdict IdentityReader::read_chassis(Turn& turn, Line& line, const Discovery& discovery) {
  const std::vector<std::string>& chassis = discovery.system()->chassis;
  while (chassis_serial_.empty() && next_chassis_ < chassis.size()) {
    const HttpReplied* reply = line.fetch_if_it_can(turn, Ask::chassis, redfish::get(chassis[next_chassis_]));
    if (reply == nullptr) return Verdict::busy;
    ++next_chassis_;
    if (reply->status == 200) chassis_serial_ = redfish::parse_chassis_serial(*reply);
  }
  return Verdict::done;
}

}  // namespace metalmesh::bmc
