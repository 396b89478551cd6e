#include "agents/core/site_standing.h"

namespace metalmesh::agent {
namespace {

/// The port of host:port or [v6]:port with its colon; empty when there is none.
std::string port_of(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || address.ends_with(']')) return {};
  if (address.find(':') != colon && !address.starts_with('[')) return {};  // a bare IPv6 address
  return address.substr(colon);
}

std::string without_port(const std::string& address) {
  return address.substr(0, address.size() - port_of(address).size());
}

std::string dialled(const std::string& configured, const std::string& listening) {
  if (configured.empty()) return listening;
  if (!port_of(configured).empty()) return configured;
  const std::string port = port_of(listening);
  return port.empty() ? std::string() : configured + port;
}

}  // namespace

std::string MediaPlace::base() const {
  return address.empty() ? std::string() : (tls ? "https://" : "http://") + address;
}

SiteStanding::SiteStanding(const AgentSettings& settings)
    : media_tls(settings.media_tls),
      reach(settings.bmc_networks),
      configured_plain(settings.plain_address),
      configured_packages(settings.packages_address),
      configured_callback(settings.callback_address) {
  apply(settings, {});
}

void SiteStanding::apply(const AgentSettings& settings, const wire::SiteSettings& ordered) {
  parallel = ordered.parallel() != 0 ? ordered.parallel() : settings.parallel;
  login_refusals = ordered.login_refusals() != 0 ? ordered.login_refusals() : settings.login_refusals;
  configured_media = !ordered.media_address().empty() ? ordered.media_address() : settings.media_address;
  reach.order(ordered);
  settle_media();
}

void SiteStanding::media_up(const wire::MediaUp& up) {
  listening_media = up.address();
  listening_plain = up.plain_address();
  listening_packages = up.packages_address();
  settle_media();
}

MediaPlace SiteStanding::media_of(const wire::BmcTarget& bmc) const {
  const wire::BmcNetwork* network = reach.network_of(bmc.address());
  const std::string& of_network = network == nullptr ? std::string() : network->media_address();
  const std::string& host = of_network.empty() ? configured_media : of_network;
  if (!media_tls) return {dialled(host, listening_media), false};
  if (!hosts::media_without_tls(bmc.media(), network)) return {dialled(host, listening_media), true};
  if (listening_plain.empty()) return {{}, false};
  const bool own = of_network.empty() && !configured_plain.empty();
  return {dialled(own ? configured_plain : without_port(host), listening_plain), false};
}

void SiteStanding::settle_media() {
  media_address = dialled(configured_media, listening_media);
  callback_address =
      configured_callback.empty() ? media_address : dialled(configured_callback, listening_media);
  const bool apart = !listening_packages.empty();
  const std::string host = apart ? dialled(configured_packages, listening_packages) : media_address;
  packages_url = host.empty() ? std::string() : (apart || !media_tls ? "http://" : "https://") + host;
}

}  // namespace metalmesh::agent
