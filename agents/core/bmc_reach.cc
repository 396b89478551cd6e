#include "agents/core/bmc_reach.h"

#include <algorithm>

#include "common/base/bmc_address.h"
#include "common/base/command_words.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {
namespace {

constexpr char next_of_own[] =
    "correct the server's BMC, or bmcNetworks in the agent's own file, and restart the agent";

std::string next_of_ordered() {
  return "correct the server's BMC, or spec.bmcNetworks of its site: " + commands::apply();
}

hosts::BmcNetworks::Named named_in(const BmcReach::Own& own) {
  hosts::BmcNetworks::Named out;
  for (const config::SiteNetwork& network : own) {
    wire::BmcNetwork& added = *out.Add();
    added.set_cidr(network.cidr());
    *added.mutable_credentials() = network.credentials();
  }
  return out;
}

bool holds(const std::string& cidr, const hosts::IpAddress& address) {
  const auto range = hosts::parse_interface(cidr);
  return range && range->network_holds(address);
}

BmcReach::Barred by_own(std::string why) {
  return {std::move(why) + ", as the site's own file has it", next_of_own};
}

}  // namespace

BmcReach::BmcReach(const Own& own) : own_named_(own), own_(named_in(own)) {}

Status BmcReach::check(const Own& own) {
  if (auto fine = hosts::BmcNetworks::check(named_in(own)); !fine) return fine;
  for (int i = 0; i < own.size(); ++i) {
    for (const std::string& cidr : own[i].media_from()) {
      if (!hosts::parse_interface(cidr))
        return fail(ErrorKind::invalid, "[" + std::to_string(i) + "].mediaFrom: \"" + cidr +
                                            "\" is no network; write 10.20.0.0/24, or 10.20.0.9/32");
    }
  }
  return {};
}

void BmcReach::order(const wire::SiteSettings& settings) {
  ordered_ = hosts::BmcNetworks(settings.bmc_networks());
  opened_ = settings.first_contact();
}

std::optional<BmcReach::Barred> BmcReach::why_not(std::string_view bmc_address,
                                                  const std::string& credential) const {
  if (auto why = own_.why_not(bmc_address, credential)) return by_own(std::move(*why));
  if (auto why = ordered_.why_not(bmc_address, credential)) return Barred{std::move(*why), next_of_ordered()};
  const auto own = own_.within(bmc_address, credential), ordered = ordered_.within(bmc_address, credential);
  if (own.empty() || ordered.empty() || !hosts::in_both(own, ordered).empty()) return std::nullopt;
  return by_own("credential " + credential +
                " is used in none of the networks that spec.bmcNetworks opens to it");
}

std::optional<BmcReach::Barred> BmcReach::why_not_at_all(std::string_view address) const {
  if (auto why = own_.why_not_at_all(address)) return by_own(std::move(*why));
  if (auto why = ordered_.why_not_at_all(address)) return Barred{std::move(*why), next_of_ordered()};
  return std::nullopt;
}

std::vector<std::string> BmcReach::within(std::string_view bmc_address, const std::string& credential) const {
  auto own = own_.within(bmc_address, credential), ordered = ordered_.within(bmc_address, credential);
  if (own.empty()) return ordered;
  return ordered.empty() ? own : hosts::in_both(own, ordered);
}

bool BmcReach::takes_any_key(std::string_view bmc_address, const Now& now) const {
  const auto address = hosts::parse_address(host_of_bmc_address(bmc_address));
  if (!address) return false;
  return std::ranges::any_of(
             own_named_,
             [&](const auto& own) { return own.first_contact() && holds(own.cidr(), *address); }) ||
         std::ranges::any_of(opened_, [&](const wire::FirstContact& opened) {
           return now.wall_high < from_wire(opened.until()) && holds(opened.cidr(), *address);
         });
}

std::vector<std::string> BmcReach::readers(std::string_view bmc_address,
                                           const std::string& credential) const {
  if (own_named_.empty()) return {};
  const auto address = hosts::parse_address(host_of_bmc_address(bmc_address));
  std::vector<std::string> out = own_.within(bmc_address, credential);  // it is known by a name
  if (address) out = {hosts::IpInterface{*address, address->v6 ? 128U : 32U}.text()};
  for (const config::SiteNetwork& network : own_named_) {
    const bool counts =
        address ? holds(network.cidr(), *address) : std::ranges::find(out, network.cidr()) != out.end();
    if (counts) out.insert(out.end(), network.media_from().begin(), network.media_from().end());
  }
  return out;
}

}  // namespace metalmesh::agent
