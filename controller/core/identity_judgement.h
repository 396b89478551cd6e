// Is this server the machine that its record says? Compares what an operator registered and accepted with
// what the BMC reported last. Pure; every refusal names both values and the next step.
#pragma once

#include <string>

#include "controller/state/identity_index.h"
#include "schemas/rest/api.pb.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::controller {

struct IdentityJudgement {
  bool ok = false;
  std::string reason;  // upper case, for conditions: OK, NOT_INSPECTED, MISMATCH, DUPLICATE, KEY_CHANGED, ...
  std::string message;
  std::string next;
};

/// What the BMC reports is not what was registered or accepted. False before the first inspection.
bool contradicts_registration(const rest::Server& server);
IdentityJudgement judge_identity(const rest::Server& server, const IdentityIndex& index);

/// What an order carries: all that was registered and accepted, plus the UUID and serial that the inspection
/// saw, so that controller and agent derive the same machine key from it.
wire::Identity order_identity(const rest::Server& server);
/// The key that generations are counted under; empty while nothing identifies the machine.
std::string machine_of(const rest::Server& server);
std::string machine_of(const wire::Identity& identity);

/// "pin" or "ca": of the server, else of its site.
std::string bmc_tls(const rest::Server& server, const rest::Site* site);
/// The BMC key that orders demand: registered, or pinned.
std::string bmc_key(const rest::Server& server);
/// Where and how to reach the BMC.
wire::BmcTarget bmc_target(const rest::Server& server, const rest::Site* site);

}  // namespace metalmesh::controller
