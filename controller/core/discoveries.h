// Which BMCs stand at a site's addresses: asked of its agent, and what that told by now. Nothing of it is a row, and nothing is
// registered by it; a controller that was started anew has to be asked again.
#pragma once

#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// As people read it: what a server stands for already is marked with its name, and a BMC of a network that names one credential has
/// that one.
rest::Discovery shown_discovery(const MeshState& mesh, const rest::Discovery& discovery);

/// What a person asked for and its site was not told yet.
void send_discovery(Work& work, const std::string& site, SiteLink& link);
/// A piece of the answer; to an older question it is nobody's.
void fold_discovered(Work& work, const std::string& site, const wire::Discovered& piece);

}  // namespace metalmesh::controller
