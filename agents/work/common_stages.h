// What every work that talks to a BMC does in the same way: reach the one machine that is meant, and wait until it may
// act.
#pragma once

#include "agents/work/context.h"

namespace metalmesh::work {

/// Root and session; old sessions of ours are deleted.
Verdict open_session(Context& context);
/// open_session, then the one system this order can mean.
Verdict connect(Context& context);
/// Compares what the BMC reports with the order: UUID, serial, MACs.
Verdict check_identity(Context& context);
/// Both: needed before any call that touches power in this life of the agent.
Verdict reach_machine(Context& context);

/// Waits, telling once why.
Verdict hold(Context& context, const wire::Fault& why);
/// The order's window and the site allow arming now: done. Otherwise the job waits or ends.
Verdict may_arm(Context& context);
/// What ARM rests on is read once more, identity first, on the same connection.
void begin_last_reading(Context& context);
bool surely_past(const Context& context, const google::protobuf::Timestamp& stamp);
bool maybe_past(const Context& context, const google::protobuf::Timestamp& stamp);

/// Talking again would lock the account, or talk to a stranger.
bool must_not_talk(const record::Job& job);

}  // namespace metalmesh::work
