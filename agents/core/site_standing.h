// What the whole site is allowed to do now: the configured values, as the controller's SiteSettings and
// the state of the disk and of the media server change them.
#pragma once

#include <cstdint>
#include <string>

#include "agents/core/agent_settings.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::agent {

struct SiteStanding {
  std::uint32_t parallel = 0;
  std::uint32_t login_refusals = 0;
  bool disk_low = false;
  std::string configured_media;  // host[:port], from settings
  std::string listening_media;   // host:port, as the media server reported
  std::string media_address;     // what BMCs dial; empty until it is known

  explicit SiteStanding(const AgentSettings& settings) { apply(settings, {}); }

  void apply(const AgentSettings& settings, const wire::SiteSettings& ordered) {
    parallel = ordered.parallel() != 0 ? ordered.parallel() : settings.parallel;
    login_refusals = ordered.login_refusals() != 0 ? ordered.login_refusals() : settings.login_refusals;
    configured_media = !ordered.media_address().empty() ? ordered.media_address() : settings.media_address;
    settle_media();
  }

  void media_up(const std::string& listening) {
    listening_media = listening;
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

  void settle_media() {
    if (configured_media.empty()) {
      media_address = listening_media;
    } else if (!port_of(configured_media).empty()) {
      media_address = configured_media;
    } else {
      const std::string port = port_of(listening_media);
      media_address = port.empty() ? std::string() : configured_media + port;
    }
  }
};

}  // namespace metalmesh::agent
