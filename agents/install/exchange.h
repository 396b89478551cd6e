// One request at a time to the job's BMC: sending, repeating what may be repeated, and telling apart what
// happened from what may have happened.
#pragma once

#include "agents/install/conversation.h"

namespace metalmesh::install {

/// The answer to a request that may be repeated; nullptr while it is under way (return busy) or when it
/// cannot be had (the job is failing). Silence and 5xx are repeated within the job's patience, a lost session
/// ends in a new login, redirects are followed. The pointer is valid until the next call of fetch.
const HttpReplied* fetch(Context& context, Ask ask, redfish::Request request);

/// Releases a changing call; `intent` becomes durable with it and is cleared when the answer is known.
Verdict act(Context& context, Ask ask, redfish::Request request, record::Job::Intent intent);

/// The answer to `act`, once.
std::optional<Answer> take_answer(Context& context, Ask ask);

/// Polls the task of a changing call that was answered 202. Done when there is none.
Verdict follow_task(Context& context);

/// The system as read after the last look_again(); nullptr while waiting or asking.
const redfish::System* look(Context& context);
/// Likewise a slot. `talk.slot_gone` tells that it no longer exists (then nullptr, too, and not busy).
const redfish::Slot* look_at_slot(Context& context, const std::string& uri);
Verdict look_again(Context& context, Duration gap);

/// Fold an answer in; anything that does not belong to the request in flight is ignored.
void absorb(Context& context, const HttpReplied& reply);
void absorb(Context& context, const HttpFailed& failure);

}  // namespace metalmesh::install
