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

/// Events of this journal, the one that is followed, are missing, and what they said is not found out yet.
[[nodiscard]] bool in_gap(const Work& work, const std::string& site, const std::string& journal);

/// The gap may hold all that this deployment was: if it is open, or ended only by the word of a person that its
/// site has not confirmed, it is INDETERMINATE.
void doubt_in_gap(Work& work, const std::string& deployment);

/// One fence of the report that follows a gap, before it raises what is known of its machine. A generation
/// that nobody here remembers and no later event spoke of was ordered in the gap: its deployment is
/// INDETERMINATE, or CANCELLED if the fence proves that it never started. So is what was waiting for the same
/// machine: it was over when that was ordered.
void learn_from_fence(Work& work, const std::string& site, const SiteLink& link,
                      const wire::StateReport::Fence& fence);

/// The report is through: what the site had been handed before the gap, or was to be called back there, and
/// said no word about behind it.
void doubt_untold(Work& work, const std::string& site, const SiteLink& link);

}  // namespace metalmesh::controller
