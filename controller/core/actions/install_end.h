// What an install makes of its server and machine.
#pragma once

#include "controller/core/work.h"

namespace metalmesh::controller {

/// The server is with its site now.
void mark_installing(Work& work, const rest::Deployment& deployment);
/// What an ended or corrected install leaves behind: phase and conditions of its server, facts of its machine.
void settle_installed(Work& work, const rest::Deployment& deployment);

}  // namespace metalmesh::controller
