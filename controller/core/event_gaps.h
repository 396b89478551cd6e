// What becomes of events that a site told and this ledger will never have: a backup was put back that is
// older than what the site still keeps. The gap is a line of the log. What the missing events may have said
// is found out from what came behind them and from the site's fences; what cannot be known is INDETERMINATE.
// Until then nothing is issued to the site.
#pragma once

#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// The line of the log, and what a person sees while the controller holds.
void note_gap(Work& work, const std::string& site, const GapFound& gap);

/// One fence of the report that follows a gap, before it raises what is known of its machine. A generation
/// that nobody here remembers and no later event spoke of was ordered in the gap: its deployment is
/// INDETERMINATE, or CANCELLED if the fence proves that it never started.
void learn_from_fence(Work& work, const std::string& site, const SiteLink& link,
                      const wire::StateReport::Fence& fence);

/// The report is through: what the site had been handed before the gap, and said no word about behind it.
void doubt_untold(Work& work, const std::string& site, const SiteLink& link);

}  // namespace metalmesh::controller
