// What people and tools may ask of the controller, as values. api/ turns HTTP into these, the core
// decides, api/ turns the answer into HTTP. Reads do not come this way: api/ reads MeshState.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/state/kinds.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

/// A refusal for people: kind decides the HTTP status, `field` names the culprit, `next` what to do.
struct Refusal {
  ErrorKind kind = ErrorKind::invalid;
  std::string message;
  std::string field;
  std::string next;
};

/// Create or change an object's spec and labels. Never starts anything.
struct Apply {
  Object object;
  std::optional<std::uint64_t> if_version;  // If-Match; 0 means "must not exist" (If-None-Match: *)
};
/// One of many objects that are applied at once.
struct Wish {
  std::size_t line = 0;  // where it stood, for people
  std::string kind;      // "Server", ...; empty: nobody can tell
  std::string name;
  std::string row;                               // the object (row_codec.h)
  std::optional<std::uint64_t> if_version = {};  // as that of Apply
  std::vector<std::string> fields =
      {};  // of one that is there only these are set ("spec.bmc.address"); empty: all
  std::optional<Refusal> refused = {};  // why it cannot be taken, if that is known by now
};
/// Many of them, by one decision (apply_act.h).
struct ApplyMany {
  std::shared_ptr<std::vector<Wish>> wishes;
  bool atomic = false;   // all or none; otherwise what is right is taken and the rest is told
  bool dry_run = false;  // only told
};
struct Delete {
  std::string kind;  // "Site", "Server", ...
  std::string name;
  std::optional<std::uint64_t> if_version;
  std::string confirm = {};  // the serial of a server that is more than a name
};
/// Freezes the selection. Repeating it while the rollout is not started makes a new plan.
struct PlanRollout {
  std::string rollout;
};
struct StartRollout {
  std::string rollout;
  std::string plan;                    // digest
  std::uint32_t confirm = 0;           // number of servers
  std::optional<WallTime> until = {};  // nothing starts later; nothing: as its startWithin says
};
/// No new starts until somebody says `continue`; what is with the sites goes on.
struct PauseRollout {
  std::string rollout;
  std::string reason;
};
/// Of one that is paused, was stopped by failures, or waits for a person between two waves. It names what it means.
struct ContinueRollout {
  std::string rollout;
  std::uint32_t wave = 0;             // that is handed out then
  std::uint32_t confirm = 0;          // how many of its servers wait
  std::uint32_t accept_failures = 0;  // how many there are; they count no more
  std::string reason = {};
};
/// Calls back what was not launched, and ends it.
struct StopRollout {
  std::string rollout;
  std::string reason;
};
/// These servers of it, and all that are at these sites, have no part in it any more.
struct SkipServers {
  std::string rollout;
  std::vector<std::string> servers;
  std::vector<std::string> sites;
  std::string reason;
};
/// What is beside the digest of its plan.
struct SetRollout {
  std::string rollout;
  std::optional<WallTime> until;  // nothing starts later
  std::uint32_t total = 0;        // in parallel; 0: as it is
  std::uint32_t per_site = 0;
  std::string reason;
};
struct ResolveDeployment {
  std::string id;  // or the name of its server
  std::string as;  // succeeded | failed | cancelled
  std::string note;
};
struct InspectServer {
  std::string server;
};
/// Pins what the last inspection saw (uuid, serial, macs, BMC key) as the server's identity.
struct AcceptServer {
  std::string server;
};
struct ProtectServer {
  std::string server;
  bool protect = true;
  std::string reason;
  std::int64_t for_seconds = 0;  // unprotect: how long; 0 means 4 h
  bool break_glass = false;      // unprotect: without an approver, who looks at it afterwards
  std::string token = {};        // by which it is broken
};
/// An approver has looked at a server that an operator unprotected by herself.
struct ApproveUnprotect {
  std::string server;
  std::string note;
};
/// A ceiling of starts is another one for a time; of an actor, what failed is looked at and forgiven.
struct WidenPace {
  std::string kind;  // site | actor
  std::string name;
  std::uint32_t per_hour = 0;    // 0: as it is
  std::int64_t for_seconds = 0;  // 0 means 2 h
  std::string reason;
};
/// Whoever has the token that hashes to this is the user from now on.
struct AddToken {
  std::string user;
  std::string sha256;
  std::int64_t for_seconds = 0;  // 0 means 90 days
  std::string note;
};
struct RevokeToken {
  std::string user;
  std::string id;  // the first digits of its SHA-256
};
struct RetireServer {
  std::string server;
};
/// What is on the machine is somebody's: in use and protected until a person releases it.
struct AdoptServer {
  std::string server;
  std::string reason;
};
/// What is on the machine, ours or not, may be wiped by a rollout that says `reinstall`.
struct ReleaseServer {
  std::string server;
  std::string reason;
};
/// The machine got another board: what its BMC reports now is its identity, its disks hold what they held.
struct ReidentifyServer {
  std::string server;
  std::string confirm;  // the serial that its BMC reports now
  std::string reason;
};
/// What an agent that lost its folder left on its BMC is taken away: media and boot override of ours.
struct CleanServer {
  std::string server;
  std::string reason;
};
/// Another machine stands in its place: the object stands for that one, and nothing is ordered for the old.
struct ReplaceServer {
  std::string server;
  std::string confirm;  // the serial that its BMC reports now
  std::string reason;
};
/// The same machine at another address, perhaps at another site.
struct MoveServer {
  std::string server;
  std::string site;        // empty: the same
  std::string address;     // of its BMC; empty: the same
  std::string credential;  // empty: the same
};
/// A person vouches for the site's agent after a quarantine.
struct ClearSiteQuarantine {
  std::string site;
  std::string note;
  std::string journal = {};  // of two agents under its name, the one to go on with; empty: the one that lives
};
/// BMCs of a network of the site are logged in to for a while, whatever key they show at first.
struct OpenFirstContact {
  std::string site;
  std::string network;
  std::string reason;
  std::optional<std::int64_t> for_seconds;  // nothing: 4 h; 0: what is open is closed
};
/// Its key counts no more, for good, and its name is never given again.
struct RevokeSite {
  std::string site;
  std::string confirm;  // its name
  std::string reason;
};
/// The site's agent looks at itself; the newest question counts.
struct DiagnoseSite {
  std::string site;
};
/// The site's agent looks which BMCs stand in these ranges; nothing is registered by it.
struct DiscoverBmcs {
  std::string site;
  std::vector<std::string> ranges;
  std::uint32_t port = 0;  // 0: 443
};
struct StopDiscovery {
  std::string site;
};

/// Calls one deployment back, by its id or by its server's name; what is launched goes on.
struct CancelDeployment {
  std::string id;
  std::string reason;
};
/// A person has looked at what differs after a restore: what is held goes on.
struct ContinueController {
  std::string reason;
};

/// A person put right what rested on a damaged row of the controller's store.
struct SettleDamage {
  std::string row;
  std::string reason;
};
/// Copies the controller's store while it runs, into a folder on its machine.
struct StartBackup {
  std::string folder;
};

/// Sites fetch the image before a rollout needs it.
struct PrefetchImage {
  std::string image;
  std::vector<std::string> sites;
};

struct OperatorRequest {
  std::string actor;            // who, for the audit log
  std::string idempotency_key;  // empty: none
  std::variant<Apply, Delete, PlanRollout, StartRollout, StopRollout, ResolveDeployment, InspectServer,
               AcceptServer, ProtectServer, RetireServer, ClearSiteQuarantine, PrefetchImage, AdoptServer,
               ReleaseServer, ReidentifyServer, ReplaceServer, MoveServer, CancelDeployment,
               ContinueController, CleanServer, SettleDamage, StartBackup, DiagnoseSite, DiscoverBmcs,
               StopDiscovery, AddToken, RevokeToken, WidenPace, ApproveUnprotect, OpenFirstContact,
               RevokeSite, ApplyMany, PauseRollout, ContinueRollout, SkipServers, SetRollout>
      body;
  std::string token = {};  // by which of her tokens; empty: by none
};

/// What an object is to the mesh that it is applied to. `fitting`: right, and not taken, because others are not.
enum class Standing : std::uint8_t { created, changed, unchanged, refused, fitting };
struct FieldChange {
  std::string field;
  std::string from;  // as JSON, without secrets; empty: it is not set
  std::string to;
};
struct WishResult {
  std::size_t line = 0;
  std::string kind;
  std::string name;
  Standing standing = Standing::refused;
  std::optional<Refusal> refusal = {};
  std::vector<std::string> warnings = {};
  std::vector<FieldChange> changes = {};  // of a dry run
};
/// What became of ApplyMany, in the order of its lines.
struct ApplyReport {
  bool dry_run = false;
  bool taken = false;  // what is created or changed here is so in the mesh
  std::vector<WishResult> results;
  [[nodiscard]] std::size_t count(Standing standing) const;
};

struct Answer {
  bool created = false;
  std::variant<std::monostate, Object, rest::Deployment> object;  // as it is after the request
  std::uint64_t later =
      0;  // not 0: it is under way, and answered by this number (ControllerCore::take_answers)
  std::shared_ptr<const ApplyReport> applied = {};
};

using OperatorResult = std::expected<Answer, Refusal>;

}  // namespace metalmesh::controller
