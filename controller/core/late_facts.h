// Ends that facts disprove. A deployment may have ended for this controller (a person resolved it, a cancel
// was believed, an old store was restored) while its site went on. What the site then tells of the disk
// outranks that end, whoever said it: the deployment is open again, and ends when the site says so.
#pragma once

#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// The end of `deployment` cannot be what happened, if `event`, of its generation, is true. `news`: the event
/// is of a generation that this controller did not know of. False for open deployments.
bool disproves(const wire::Event& event, const rest::Deployment& deployment, bool news);

/// Opens `deployment` again: running, its server installing (and protected once it was launched), a person's
/// word kept as contradicted, its rollout at work. Whoever was to install the same server since is called
/// back.
void reopen(Work& work, const std::string& deployment, const wire::Event& event);

/// The agent of `site` lost the journal that still owed an answer to what persons ended there: nobody can say
/// any more that nothing was launched. What they called untouched is INDETERMINATE, their word kept.
void doubt_words(Work& work, const std::string& site, const std::string& journal);

/// `deployment` is at its site: another one that is open for the same server must not be. It is recalled,
/// cancelled, or, if it was launched, INDETERMINATE.
void call_back_rivals(Work& work, const rest::Deployment& deployment);

}  // namespace metalmesh::controller
