// Protecting a server whose order is under way: the order is called back, and what could still be done is
// said.
#pragma once

#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// Calls the open order of `server` back, if there is one that protection is against. What came of it is a sentence, empty without an
/// order, and the condition Recalled of the server.
std::string call_order_back(Work& work, const std::string& server, const std::string& reason);
/// Asks again where a site could not be asked when its server was protected.
void call_protected_back(Work& work);
/// The condition Recalled, once the order that was called back has ended.
void note_recall_ended(Work& work, const rest::Deployment& deployment);

}  // namespace metalmesh::controller
