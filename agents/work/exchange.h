// The job's side of its dialogue with a BMC (agents/bmc): what comes of a step becomes actions, facts and
// faults of the job.
#pragma once

#include "agents/work/context.h"

namespace metalmesh::work {

/// A dialogue with the job's BMC, where nothing is known yet.
bmc::Dialogue open_dialogue(const record::Job& job, const StageTimeouts& timeouts, bmc::Known known,
                            std::uint64_t first_number);

/// Everything that was learned from the BMC is to be asked for again, on a new connection.
void start_over(Context& context);

/// Releases a changing call; `intent` becomes durable with it and is cleared when the answer is known.
Verdict act(Context& context, Ask ask, redfish::Request request, record::Job::Intent intent);

/// The answer to `act`, once.
std::optional<Answer> take_answer(Context& context, Ask ask);

/// Polls the task of a changing call that was answered 202. Done when there is none.
Verdict follow_task(Context& context);

/// The system as read after the last look_again(); nullptr while waiting or asking.
const redfish::System* look(Context& context);
/// Likewise a slot. `slot_gone()` of the dialogue tells that it no longer exists (then nullptr, too, and not busy).
const redfish::Slot* look_at_slot(Context& context, const std::string& uri);
Verdict look_again(Context& context, Duration gap);
/// Any resource, as far as it can be had; nullptr while waiting or asking.
const HttpReplied* read(Context& context, const std::string& path);

/// One of the dialogue's questions.
Verdict ask(Context& context, Verdict (bmc::Dialogue::*question)(bmc::Turn&));
Verdict log_out(Context& context);

/// Fold an answer in; anything that does not belong to the request in flight is ignored.
void absorb(Context& context, const HttpReplied& reply);
void absorb(Context& context, const HttpFailed& failure);

}  // namespace metalmesh::work
