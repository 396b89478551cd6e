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
/// back, unless it has ended all the same and touched no disk.
void reopen(Work& work, const std::string& deployment, const wire::Event& event);

/// Nobody can say any more what became of `deployment` (`why`). If a person ended it, nothing that was told
/// speaks for her word, and its site still owes the answer, it is INDETERMINATE, her word kept.
void doubt_word(Work& work, const std::string& deployment, const std::string& why);

/// Its site has two agents, and one that did not know of the other ended it untouched: if that still stands, it is
/// INDETERMINATE.
void doubt_end(Work& work, const std::string& deployment);

/// `deployment` is at its site: another one that is open for the same server must not be. It is recalled,
/// cancelled, or, if it was launched or may have been in what is missing, INDETERMINATE.
void call_back_rivals(Work& work, const rest::Deployment& deployment);

}  // namespace metalmesh::controller
