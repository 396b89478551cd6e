// What an agent is told at start, by its configuration. Values that the controller may override later
// (SiteSettings) are the defaults until it does.
#pragma once

#include <cstdint>
#include <string>

#include "agents/work/work.h"
#include "common/base/id.h"
#include "common/base/time.h"
#include "common/families/family_catalogue.h"
#include "common/quirks/quirk_table.h"
#include "schemas/config/agent.pb.h"

namespace metalmesh::agent {

struct AgentSettings {
  SiteName site;
  std::string machine_id;  // what the journal is bound to (DMI UUID)
  std::string version;
  std::uint32_t parallel = 10;       // works that change machines, side by side
  std::uint32_t login_refusals = 3;  // of one credential, before its other jobs are held
  Duration hello_interval = std::chrono::seconds(15);
  /// host[:port] that BMCs dial. Without a port, the one the media server reports is appended; empty: what it
  /// reports is used as it is.
  std::string media_address;
  bool media_tls = true;
  std::string plain_address;     // the same for media without TLS; empty: the host of media_address
  std::string callback_address;  // the same for installed systems; empty: what BMCs dial
  std::string media_ca;          // PEM, what installed systems check the media server's certificate with
  /// The same for package trees, where they have a listener of their own.
  std::string packages_address;
  /// Sites without WAN: arm without a Hello round trip, trust the local clock.
  bool wan_free = false;
  /// Between two frames of events: what is journalled meanwhile goes together in the next one.
  Duration frame_gap = std::chrono::milliseconds(50);
  /// A wall clock known no better than this does not start an install.
  Duration clock_tolerance = std::chrono::minutes(2);
  /// What transcripts may take of the data folder; the oldest make room.
  std::size_t shelf_room = std::size_t{4} << 20U;
  /// Where its BMCs stand, as the site's own file says (agents/core/bmc_reach.h).
  google::protobuf::RepeatedPtrField<config::SiteNetwork> bmc_networks;
  work::StageTimeouts timeouts;
  families::FamilyCatalogue families;
  QuirkTable quirks;
};

}  // namespace metalmesh::agent
