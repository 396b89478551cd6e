// What the controller holds in memory: every object and every deployment, rebuilt from rows at start.
// The event log is not in memory; it is read by range (event_log.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/base/time.h"
#include "common/ports/input.h"
#include "controller/state/change_feed.h"
#include "controller/state/install_history.h"
#include "controller/state/kinds.h"
#include "controller/state/ledger_lives.h"
#include "controller/state/pace_limits.h"
#include "schemas/record/clock.pb.h"
#include "schemas/record/controller.pb.h"
#include "schemas/record/damage.pb.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::families {
class FamilyCatalogue;
}
namespace metalmesh::zones {
class ZoneBook;
}

namespace metalmesh::controller {

struct MeshState : Objects {
  std::map<std::string, rest::Profile>
      profile_versions;  // "name@version", also after a delete; without templates; bounded (version_bounds.h)
  std::map<std::string, std::string> profile_blobs;  // "name@version" -> SHA-256 (hex) of what agents fetch
  std::uint64_t last_event = 0;                      // number of the newest LogEvent
  std::optional<WallTime> started;                   // when this life did
  std::set<std::string> settled_instances;  // of controllers with our identity: a person said that we go on
  std::map<std::string, WallTime, std::less<>> revoked_sites;  // since when; for good
  LedgerLives lives;                                           // who wrote which events
  ChangeFeed changes;                                          // which object changed when
  std::map<std::string, std::uint64_t> phases;                 // how many servers are in each
  std::uint64_t epoch = 0;                                     // controller epoch
  bool disk_low = false;
  std::string clock_doubt;  // in what way the controller's clock is not to be believed; empty: it is
  Duration clock_steps{};   // by how much it has been set back altogether, zero or below
  std::map<std::string, record::OwedFence> fences;   // by deployment: what sites have not confirmed yet
  std::optional<rest::Hold> hold;                    // after a restore, until a person has looked
  std::map<std::string, record::DamagedRow> damage;  // by row (printable): what nobody settled yet
  std::map<std::string, record::Token> tokens;       // by SHA-256 (hex)
  std::uint64_t callers = 0;                         // rises with every change of users and tokens
  PaceLimits pace_limits;                            // of the configuration
  std::map<std::string, record::StartPace> paces;    // by "site/<name>" and "actor/<name>"
  std::map<std::string, rest::BreakGlass> glass;     // by server: what no approver has looked at
  std::uint64_t glass_minute = 0;                    // when the last was broken (start_pace.h)
  std::optional<rest::Backup> backup;                // the last one of this life
  std::optional<RevocationsRead> revocations;        // absent: nobody watches the list
  std::optional<rest::Alarm> revocations_alarm;
  std::map<std::string, rest::Discovery> discoveries;  // by site: the last one of this life
  std::map<std::string, std::map<std::string, std::string>>
      families;  // site -> family -> SHA-256 (hex) of what it renders by
  std::shared_ptr<const families::FamilyCatalogue> catalogue;  // what families can, as this version has them
  std::shared_ptr<const zones::ZoneBook> zones;  // what clocks show where; none: UTC alone is known
  InstallHistory installs;                       // what earlier ones took; derived from the deployments
};

/// What the mesh needs beside that and people are not shown: same life, other rows.
struct InnerState {
  std::map<std::string, std::uint64_t, std::less<>> highest_deleted;  // by table: new objects begin above
  std::map<std::string, record::SiteLink> links;                      // by site
  std::map<std::string, std::size_t> plan_pages;                      // by rollout: rows of a long plan
  std::map<std::string, record::Order> orders;                        // by deployment, open ones only
  std::map<std::string, std::uint64_t> generations;                   // by machine key
  std::map<std::string, std::map<std::string, record::InspectWish>> wishes;  // site -> server
  std::string restored_from;  // these rows were put back, or some are gone: how; empty: neither
  record::Clock clock;        // as written down last
  std::map<std::string, record::IdempotentAnswer> answers;  // by actor and key, bounded
};

/// SHA-256 (hex) by name, of what a site renders by.
std::map<std::string, std::string> families_of(const record::SiteLink& link);

}  // namespace metalmesh::controller
