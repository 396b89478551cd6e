// Everything a person may do besides apply and delete: plan, start, abort, resolve, inspect, accept, protect,
// retire, vouch for a site, prefetch. Each checks first and changes only then; a refusal changes nothing.
#pragma once

#include "controller/core/object_apply.h"

namespace metalmesh::controller {

ActResult act(Work& work, const PlanRollout& request, const std::string& actor);
ActResult act(Work& work, const StartRollout& request, const std::string& actor);
ActResult act(Work& work, const AbortRollout& request, const std::string& actor);
ActResult act(Work& work, const ResolveDeployment& request, const std::string& actor);
ActResult act(Work& work, const InspectServer& request, const std::string& actor);
ActResult act(Work& work, const AcceptServer& request, const std::string& actor);
ActResult act(Work& work, const ProtectServer& request, const std::string& actor);
ActResult act(Work& work, const RetireServer& request, const std::string& actor);
ActResult act(Work& work, const ClearSiteQuarantine& request, const std::string& actor);
ActResult act(Work& work, const PrefetchImage& request, const std::string& actor);

}  // namespace metalmesh::controller
