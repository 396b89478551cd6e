// How a server moves through its phases: registered -> inspected -> ready | inUse by what its BMC reports,
// installing -> installed | failed | unproven | ready by how a deployment ends, retired by a person.
#pragma once

#include <string>

#include "controller/core/work.h"
#include "schemas/wire/event.pb.h"

namespace metalmesh::controller {

namespace phases {
inline constexpr char registered[] = "registered";
inline constexpr char inspected[] = "inspected";
inline constexpr char ready[] = "ready";
inline constexpr char in_use[] = "inUse";  // identified, but what is on it is not ours
inline constexpr char installing[] = "installing";
inline constexpr char installed[] = "installed";
inline constexpr char failed[] = "failed";
inline constexpr char unproven[] = "unproven";
inline constexpr char retired[] = "retired";
}  // namespace phases

/// All that is known of its BMC is a key that nobody has approved.
bool awaits_approval(const rest::Server& server);
/// Folds an inspection in, successful or not.
void take_inspection(Work& work, const std::string& server, const wire::Inspected& seen);
/// Judges the identity again (after an inspection, an accept, a change of spec) and moves between registered,
/// inspected and ready; sets the condition Identified; pins the BMC key with the first identity that fits.
void judge_server(Work& work, const std::string& server);

/// Nothing is ordered for it: somebody else uses it, for all that is known.
bool is_in_use(const rest::Server& server);
/// In use, blocked, or protected and no unprotect is in force at every time that it may be now.
bool is_protected(const rest::Server& server, const Now& now);
/// Nothing of ours ever wrote its disk, for all its phase says.
bool before_install(const std::string& phase);
/// The open deployment that changes `server`, or nullptr.
const rest::Deployment* open_deployment(const MeshState& mesh, const rest::Server& server);
/// One that is open for it, be it one of several that only read; looks through all deployments.
const rest::Deployment* any_open(const MeshState& mesh, const std::string& server);

void set_condition(google::protobuf::RepeatedPtrField<rest::Condition>& conditions, const std::string& type,
                   const std::string& status, const std::string& reason, const std::string& message,
                   const Now& now);

}  // namespace metalmesh::controller
