// The networks in which a site's BMCs stand: which of them may be talked to, with which credential, and where their
// media are. The same rules at both ends: the controller plans by them, the agent keeps to them.
//
// A value; pure. Where a site names no network, every BMC may be asked with every credential.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/hosts/ip_network.h"
#include "schemas/wire/networks.pb.h"

namespace metalmesh::hosts {

class BmcNetworks {
 public:
  using Named = google::protobuf::RepeatedPtrField<wire::BmcNetwork>;

  BmcNetworks() = default;
  /// What is no network is left out; whoever takes them from a person asks `check` first.
  explicit BmcNetworks(const Named& named);

  /// Kind invalid: what is wrong, beginning with the number of the network. No two may overlap, so that each address has
  /// one answer.
  static Status check(const Named& named);

  /// The one that holds this BMC; nothing for one that is known by a name, which is judged when it is dialled.
  [[nodiscard]] const wire::BmcNetwork* of(std::string_view bmc_address) const;
  /// Why nobody must be asked at this address, which is written as one; nothing: somebody may be, as far as needs no login.
  [[nodiscard]] std::optional<std::string> why_not_at_all(std::string_view address) const;
  /// Why this BMC must not be asked with this credential, as a sentence; nothing: it may be.
  [[nodiscard]] std::optional<std::string> why_not(std::string_view bmc_address,
                                                   const std::string& credential) const;
  /// Where a connection to this BMC may lead: empty if that was judged by its address, or is anywhere.
  [[nodiscard]] std::vector<std::string> within(std::string_view bmc_address,
                                                const std::string& credential) const;

 private:
  struct Network {
    IpInterface range;
    wire::BmcNetwork named;
  };
  [[nodiscard]] bool lets(const Network& network, const std::string& credential) const;
  [[nodiscard]] std::vector<std::string> open_to(const std::string& credential) const;

  std::vector<Network> networks_;
};

/// What lies in a network of each of the two lists.
std::vector<std::string> in_both(const std::vector<std::string>& some,
                                 const std::vector<std::string>& others);

/// How a BMC reads its media: as its server says, else its network (which may be none), else with TLS.
bool media_without_tls(std::string_view of_server, const wire::BmcNetwork* network);

}  // namespace metalmesh::hosts
