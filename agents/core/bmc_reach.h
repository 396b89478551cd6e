// Which BMCs this site talks to, with which password, and where a key is taken that nobody has approved: as the site's own
// file says, and within that as the controller says. What one of the two does not open is not open. A value; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/hosts/bmc_networks.h"
#include "schemas/config/agent.pb.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::agent {

class BmcReach {
 public:
  using Own = google::protobuf::RepeatedPtrField<config::SiteNetwork>;

  /// `own`: of the site's file; none: it leaves all to the controller, and lets in no stranger.
  explicit BmcReach(const Own& own = {});
  /// Kind invalid: what is wrong in the site's file, beginning with the number of the network.
  static Status check(const Own& own);

  void order(const wire::SiteSettings& settings);

  /// Why a BMC must not be talked to, as a sentence, and what to do.
  struct Barred {
    std::string seen;
    std::string next;
  };
  [[nodiscard]] std::optional<Barred> why_not(std::string_view bmc_address,
                                              const std::string& credential) const;
  /// Likewise of an address that is asked without a login.
  [[nodiscard]] std::optional<Barred> why_not_at_all(std::string_view address) const;
  /// Where a connection to this BMC may lead: empty if that was judged by its address, or is anywhere.
  [[nodiscard]] std::vector<std::string> within(std::string_view bmc_address,
                                                const std::string& credential) const;
  /// Whoever answers there is logged in to, by the key that it shows at first. Never one that is known by a name.
  [[nodiscard]] bool takes_any_key(std::string_view bmc_address, const Now& now) const;

  /// As the controller says alone: where its media are, and how it reads them.
  [[nodiscard]] const wire::BmcNetwork* network_of(std::string_view bmc_address) const {
    return ordered_.of(bmc_address);
  }
  /// Networks that the media of this BMC are read from; none: it is not known from where.
  [[nodiscard]] std::vector<std::string> readers(std::string_view bmc_address,
                                                 const std::string& credential) const;

 private:
  Own own_named_;
  hosts::BmcNetworks own_;
  hosts::BmcNetworks ordered_;
  google::protobuf::RepeatedPtrField<wire::FirstContact> opened_;
};

}  // namespace metalmesh::agent
