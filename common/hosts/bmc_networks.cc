#include "common/hosts/bmc_networks.h"

#include <algorithm>

#include "common/base/bmc_address.h"

namespace metalmesh::hosts {
namespace {

/// Whoever writes 10.20.0.7/24 means a host, or has mistyped the network.
bool is_network(const IpInterface& range) { return range.address == range.first(); }

bool overlap(const IpInterface& a, const IpInterface& b) {
  return a.network_holds(b.address) || b.network_holds(a.address);
}

bool names(const wire::BmcNetwork& network, const std::string& credential) {
  return std::ranges::find(network.credentials(), credential) != network.credentials().end();
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

BmcNetworks::BmcNetworks(const Named& named) {
  for (const wire::BmcNetwork& network : named) {
    if (const auto range = parse_interface(network.cidr())) networks_.push_back({*range, network});
  }
}

Status BmcNetworks::check(const Named& named) {
  std::vector<IpInterface> before;
  for (int i = 0; i < named.size(); ++i) {
    const wire::BmcNetwork& network = named[i];
    const std::string field = "[" + std::to_string(i) + "]";
    const auto range = parse_interface(network.cidr());
    if (!range || !is_network(*range))
      return fail(ErrorKind::invalid,
                  field + ".cidr: \"" + network.cidr() +
                      "\" is no network; write its first address and its prefix: 10.20.0.0/24");
    for (std::size_t other = 0; other < before.size(); ++other) {
      if (overlap(*range, before[other]))
        return fail(ErrorKind::invalid, field + ".cidr: " + network.cidr() + " overlaps " +
                                            before[other].text() + ": each BMC is in one network");
    }
    if (network.discover_with_login() && network.credentials().empty())
      return fail(
          ErrorKind::invalid,
          field + ".discoverWithLogin: with which login? Name one in credentials of " + network.cidr());
    if (!network.media().empty() && network.media() != "https" && network.media() != "http")
      return fail(ErrorKind::invalid,
                  field + ".media: \"" + network.media() + "\" is neither https nor http");
    before.push_back(*range);
  }
  return {};
}

const wire::BmcNetwork* BmcNetworks::of(std::string_view bmc_address) const {
  const auto address = parse_address(host_of_bmc_address(bmc_address));
  if (!address) return nullptr;
  const auto found =
      std::ranges::find_if(networks_, [&](const Network& n) { return n.range.network_holds(*address); });
  return found == networks_.end() ? nullptr : &found->named;
}

bool BmcNetworks::lets(const Network& network, const std::string& credential) const {
  if (names(network.named, credential)) return true;
  if (!network.named.credentials().empty()) return false;
  return std::ranges::none_of(networks_, [&](const Network& n) { return names(n.named, credential); });
}

std::vector<std::string> BmcNetworks::open_to(const std::string& credential) const {
  std::vector<std::string> out;
  for (const Network& network : networks_) {
    if (lets(network, credential)) out.push_back(network.named.cidr());
  }
  return out;
}

std::optional<std::string> BmcNetworks::why_not_at_all(std::string_view bmc_address) const {
  if (networks_.empty() || of(bmc_address) != nullptr) return std::nullopt;
  return "BMC " + host_of_bmc_address(bmc_address) + " is in none of the site's bmcNetworks";
}

std::optional<std::string> BmcNetworks::why_not(std::string_view bmc_address,
                                                const std::string& credential) const {
  if (networks_.empty()) return std::nullopt;
  const std::vector<std::string> open = open_to(credential);
  const std::string bound = "credential " + credential + " is used in " +
                            (open.empty() ? "no network of this site" : joined(open) + " only");
  const std::string host = host_of_bmc_address(bmc_address);
  const auto address = parse_address(host);
  if (!address) return open.empty() ? std::optional(bound) : std::nullopt;
  const auto at =
      std::ranges::find_if(networks_, [&](const Network& n) { return n.range.network_holds(*address); });
  if (at == networks_.end()) return why_not_at_all(bmc_address);
  if (!lets(*at, credential)) return bound + "; BMC " + host + " is in " + at->named.cidr();
  return std::nullopt;
}

std::vector<std::string> BmcNetworks::within(std::string_view bmc_address,
                                             const std::string& credential) const {
  if (networks_.empty() || parse_address(host_of_bmc_address(bmc_address))) return {};
  return open_to(credential);
}

std::vector<std::string> in_both(const std::vector<std::string>& some,
                                 const std::vector<std::string>& others) {
  std::vector<std::string> out;
  for (const std::string& a : some) {
    for (const std::string& b : others) {
      const auto one = parse_interface(a), other = parse_interface(b);
      if (!one || !other || !overlap(*one, *other)) continue;
      out.push_back(one->prefix >= other->prefix ? a : b);
    }
  }
  return out;
}

bool media_without_tls(std::string_view of_server, const wire::BmcNetwork* network) {
  if (!of_server.empty()) return of_server == "http";
  return network != nullptr && network->media() == "http";
}

}  // namespace metalmesh::hosts
