// Everything a person may do besides apply, delete, plan and start (plan_acts.h): pause, continue, stop, skip, set, resolve, cancel, inspect, accept,
// protect, adopt, release, reidentify, replace, move, retire, vouch for a site, ask it which BMCs it has, prefetch, go on after a
// restore, settle damage of the store, back it up, give and take tokens, widen a ceiling. Each checks first and changes only then; a refusal changes nothing.
#pragma once

#include "controller/core/object_apply.h"

namespace metalmesh::controller {

ActResult act(Work& work, const PauseRollout& request, const std::string& actor);
ActResult act(Work& work, const ContinueRollout& request, const std::string& actor);
ActResult act(Work& work, const StopRollout& request, const std::string& actor);
ActResult act(Work& work, const SkipServers& request, const std::string& actor);
ActResult act(Work& work, const SetRollout& request, const std::string& actor);
ActResult act(Work& work, const ResolveDeployment& request, const std::string& actor);
ActResult act(Work& work, const InspectServer& request, const std::string& actor);
ActResult act(Work& work, const AcceptServer& request, const std::string& actor);
ActResult act(Work& work, const ProtectServer& request, const std::string& actor);
ActResult act(Work& work, const RetireServer& request, const std::string& actor);
ActResult act(Work& work, const ClearSiteQuarantine& request, const std::string& actor);
ActResult act(Work& work, const OpenFirstContact& request, const std::string& actor);
ActResult act(Work& work, const RevokeSite& request, const std::string& actor);
ActResult act(Work& work, const DiagnoseSite& request, const std::string& actor);
ActResult act(Work& work, const DiscoverBmcs& request, const std::string& actor);
ActResult act(Work& work, const StopDiscovery& request, const std::string& actor);
ActResult act(Work& work, const PrefetchImage& request, const std::string& actor);
ActResult act(Work& work, const AdoptServer& request, const std::string& actor);
ActResult act(Work& work, const ReleaseServer& request, const std::string& actor);
ActResult act(Work& work, const ReidentifyServer& request, const std::string& actor);
ActResult act(Work& work, const ReplaceServer& request, const std::string& actor);
ActResult act(Work& work, const MoveServer& request, const std::string& actor);
ActResult act(Work& work, const CancelDeployment& request, const std::string& actor);
ActResult act(Work& work, const ContinueController& request, const std::string& actor);
ActResult act(Work& work, const CleanServer& request, const std::string& actor);
ActResult act(Work& work, const SettleDamage& request, const std::string& actor);
ActResult act(Work& work, const StartBackup& request, const std::string& actor);
ActResult act(Work& work, const AddToken& request, const std::string& actor);
ActResult act(Work& work, const RevokeToken& request, const std::string& actor);
ActResult act(Work& work, const WidenPace& request, const std::string& actor);
ActResult act(Work& work, const ApproveUnprotect& request, const std::string& actor);

}  // namespace metalmesh::controller
