// What people and tools may ask of the controller, as values. api/ turns HTTP into these, the core
// decides, api/ turns the answer into HTTP. Reads do not come this way: api/ reads MeshState.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

using Object =
    std::variant<rest::Site, rest::Credential, rest::Server, rest::Image, rest::Profile, rest::Rollout>;

/// Create or change an object's spec and labels. Never starts anything.
struct Apply {
  Object object;
  std::optional<std::uint64_t> if_version;  // If-Match; 0 means "must not exist" (If-None-Match: *)
};
struct Delete {
  std::string kind;  // "Site", "Server", ...
  std::string name;
  std::optional<std::uint64_t> if_version;
};
/// Freezes the selection. Repeating it while the rollout is not started makes a new plan.
struct PlanRollout {
  std::string rollout;
};
struct StartRollout {
  std::string rollout;
  std::string plan;           // digest
  std::uint32_t confirm = 0;  // number of servers
};
struct AbortRollout {
  std::string rollout;
  std::string reason;
};
struct ResolveDeployment {
  std::string id;
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
};
struct RetireServer {
  std::string server;
};
/// A person vouches for the site's agent after a quarantine.
struct ClearSiteQuarantine {
  std::string site;
  std::string note;
};

/// Sites fetch the image before a rollout needs it.
struct PrefetchImage {
  std::string image;
  std::vector<std::string> sites;
};

struct OperatorRequest {
  std::string actor;            // who, for the audit log
  std::string idempotency_key;  // empty: none
  std::variant<Apply, Delete, PlanRollout, StartRollout, AbortRollout, ResolveDeployment, InspectServer,
               AcceptServer, ProtectServer, RetireServer, ClearSiteQuarantine, PrefetchImage>
      body;
};

/// A refusal for people: kind decides the HTTP status, `field` names the culprit, `next` what to do.
struct Refusal {
  ErrorKind kind = ErrorKind::invalid;
  std::string message;
  std::string field;
  std::string next;
};

struct Answer {
  bool created = false;
  std::variant<std::monostate, Object, rest::Deployment> object;  // as it is after the request
};

using OperatorResult = std::expected<Answer, Refusal>;

}  // namespace metalmesh::controller
