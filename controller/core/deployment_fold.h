// What a site's events say of one deployment: its stages, its end, the answer to a cancel, how far it is.
#pragma once

#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// `event`, of the site's `journal`, is of the generation of `deployment`; which one it is about, event_fold
/// found out.
void fold_deployment(Work& work, const rest::Deployment& deployment, const std::string& journal,
                     const wire::Event& event);

/// Latest wins, not stored.
void fold_sample(Work& work, const std::string& site, const wire::Sample& sample);

}  // namespace metalmesh::controller
