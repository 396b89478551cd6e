// What the whole site is allowed to do now: the configured values, as the controller's SiteSettings and
// the state of the disk and of the media server change them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agents/core/agent_settings.h"
#include "agents/core/bmc_reach.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::agent {

/// What a BMC dials for its media.
struct MediaPlace {
  std::string address;  // host[:port]; empty: it is not known yet, or not served
  bool tls = true;

  /// "https://host:port"; empty as long as the address is.
  [[nodiscard]] std::string base() const;
};

struct SiteStanding {
  std::uint32_t parallel = 0;
  std::uint32_t login_refusals = 0;
  std::string stopped;  // why a person at the site stopped it; empty: nobody did
  bool disk_low = false;
  std::optional<std::uint64_t> free_bytes;  // as told last
  bool media_tls = true;
  BmcReach reach;
  std::string configured_media;     // host[:port], from settings
  std::string configured_plain;     // the same for media without TLS
  std::string configured_packages;  // the same for package trees
  std::string configured_callback;  // the same for calls of installed systems
  std::string listening_media;      // host:port, as the media server reported
  std::string listening_plain;      // the same without TLS; empty: nothing is served so
  std::string listening_packages;   // the same; empty: package trees are served beside the media
  std::string media_address;        // what BMCs dial; empty until it is known
  std::string callback_address;     // what installed systems dial; empty as long
  std::string packages_url;         // "http://host:port", what package trees' URLs begin with; empty as long

  explicit SiteStanding(const AgentSettings& settings);
  void apply(const AgentSettings& settings, const wire::SiteSettings& ordered);
  void media_up(const wire::MediaUp& up);

  /// Without TLS where its server says so, or else its network.
  [[nodiscard]] MediaPlace media_of(const wire::BmcTarget& bmc) const;

 private:
  void settle_media();
};

}  // namespace metalmesh::agent
