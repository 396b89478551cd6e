// Who the machine is: UUID and serial of the system, MACs of its interfaces; for boards that tell a UUID
// only, the serial of their chassis, or the MAC of the BMC that manages them. Read as often as `forget` says,
// each time from the BMC.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/bmc/discovery.h"

namespace metalmesh::bmc {

struct Interface {
  std::string uri;
  std::vector<std::string> macs;
  wire::Inventory::Nic nic{};
};

class IdentityReader {
 public:
  /// All that `wanted` names was read (with `wanted` empty: all there is), into `seen`.
  Verdict read(Turn& turn, Line& line, Discovery& discovery, const redfish::Identity& wanted);
  /// As read last; MACs of a BMC's own interfaces are among them.
  [[nodiscard]] redfish::Identity seen(const redfish::System& system) const;
  /// To be read again before anything else is believed. Only where something was found is asked again.
  void forget();

  /// Interfaces that showed a MAC.
  [[nodiscard]] const std::vector<Interface>& interfaces() const { return interfaces_; }
  /// The host's own, with a MAC; only of a reading of all there is.
  [[nodiscard]] std::vector<wire::Inventory::Nic> nics() const;
  /// A hint where the wanted ones are; if they are not found there, all are asked.
  void look_first_at(const std::vector<Interface>& interfaces, const std::vector<std::string>& wanted);

 private:
  Verdict read_macs(Turn& turn, Line& line, const Discovery& discovery, const redfish::Identity& wanted);
  Verdict read_bmc_macs(Turn& turn, Line& line, Discovery& discovery, const redfish::Identity& wanted);
  Verdict read_interfaces(Turn& turn, Line& line, const std::vector<std::string>& paths,
                          const redfish::Identity& wanted);
  [[nodiscard]] bool lacks_second_factor(const redfish::System& system,
                                         const redfish::Identity& wanted) const;
  Verdict read_chassis(Turn& turn, Line& line, const Discovery& discovery);

  ListReader list_;
  bool listed_ = false;
  bool hinted_ = false;
  std::vector<std::string> paths_;
  std::size_t next_ = 0;
  std::vector<std::string> sources_;  // interfaces that hold a MAC that is wanted
  std::vector<Interface> interfaces_;
  std::size_t of_host_ = 0;  // the first of them
  std::vector<std::string> macs_;
  bool macs_read_ = false;
  bool host_told_ = false;  // an address that its maker gave out
  ListReader bmc_list_;
  std::size_t next_manager_ = 0;
  std::size_t next_chassis_ = 0;
  std::string chassis_serial_;
};

}  // namespace metalmesh::bmc
