// What the whole site is allowed to do now: the configured values, as the controller's SiteSettings and
// the state of the disk and of the media server change them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agents/core/agent_settings.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::agent {

struct SiteStanding {
  std::uint32_t parallel = 0;
  std::uint32_t login_refusals = 0;
  bool disk_low = false;
  std::optional<std::uint64_t> free_bytes;  // as told last
  bool media_tls = true;
  std::string configured_media;     // host[:port], from settings
  std::string configured_packages;  // the same for package trees
  std::string configured_callback;  // the same for calls of installed systems
  std::string listening_media;      // host:port, as the media server reported
  std::string listening_packages;   // the same; empty: package trees are served beside the media
  std::string media_address;        // what BMCs dial; empty until it is known
  std::string callback_address;     // what installed systems dial; empty as long
  std::string packages_url;         // "http://host:port", what package trees' URLs begin with; empty as long

  explicit SiteStanding(const AgentSettings& settings)
      : media_tls(settings.media_tls),
        configured_packages(settings.packages_address),
        configured_callback(settings.callback_address) {
    apply(settings, {});
  }

  void apply(const AgentSettings& settings, const wire::SiteSettings& ordered) {
    parallel = ordered.parallel() != 0 ? ordered.parallel() : settings.parallel;
    login_refusals = ordered.login_refusals() != 0 ? ordered.login_refusals() : settings.login_refusals;
    configured_media = !ordered.media_address().empty() ? ordered.media_address() : settings.media_address;
    settle_media();
  }

  void media_up(const wire::MediaUp& up) {
    listening_media = up.address();
    listening_packages = up.packages_address();
    settle_media();
  }

 private:
  /// The port of host:port or [v6]:port with its colon; empty when there is none.
  static std::string port_of(const std::string& address) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos || address.ends_with(']')) return {};
    if (address.find(':') != colon && !address.starts_with('[')) return {};  // a bare IPv6 address
    return address.substr(colon);
  }

  static std::string dialled(const std::string& configured, const std::string& listening) {
    if (configured.empty()) return listening;
    if (!port_of(configured).empty()) return configured;
    const std::string port = port_of(listening);
    return port.empty() ? std::string() : configured + port;
  }

  void settle_media() {
    media_address = dialled(configured_media, listening_media);
    callback_address =
        configured_callback.empty() ? media_address : dialled(configured_callback, listening_media);
    const bool apart = !listening_packages.empty();
    const std::string host = apart ? dialled(configured_packages, listening_packages) : media_address;
    packages_url = host.empty() ? std::string() : (apart || !media_tls ? "http://" : "https://") + host;
  }
};

}  // namespace metalmesh::agent
