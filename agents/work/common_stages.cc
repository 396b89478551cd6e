#include "agents/work/common_stages.h"

#include <tuple>

#include "agents/work/exchange.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::work {

Verdict open_session(Context& context) { return ask(context, &bmc::Dialogue::open); }

Verdict connect(Context& context) { return ask(context, &bmc::Dialogue::connect); }

Verdict check_identity(Context& context) { return ask(context, &bmc::Dialogue::identify); }

Verdict reach_machine(Context& context) {
  return connect(context) == Verdict::busy ? Verdict::busy : check_identity(context);
}

bool surely_past(const Context& context, const google::protobuf::Timestamp& stamp) {
  return context.now.wall_low > from_wire(stamp) && !planted(Defect::expiry_ignored);
}

bool maybe_past(const Context& context, const google::protobuf::Timestamp& stamp) {
  return context.now.wall_high > from_wire(stamp) && !planted(Defect::expiry_ignored);
}

Verdict hold(Context& context, const wire::Fault& why) {
  Talk& talk = context.common;
  talk.arm_reading = false;
  if (talk.held != why.code()) {
    talk.held = why.code();
    context.log(LogLevel::info, "waits: " + wire::FaultCode_Name(why.code()) + ": " + why.seen());
    wire::Event event;
    *event.mutable_held()->mutable_fault() = why;
    context.tell(std::move(event));
  }
  return look_again(context, 2 * context.timeouts.poll);
}

Verdict may_arm(Context& context) {
  const wire::Issue& issue = context.issue();
  for (const auto& [given, stamp, name] :
       {std::tuple(issue.has_start_by(), &issue.start_by(), "start_by"),
        std::tuple(issue.has_launch_by(), &issue.launch_by(), "launch_by")}) {
    if (given && surely_past(context, *stamp))
      return context.fail(wire::ORDER_EXPIRED, {.expected = name, .seen = std::string(name) + " has passed"});
  }
  if (!context.gate.may_arm) return hold(context, context.gate.why_not);
  const bool early = issue.has_not_before() && context.now.wall_low < from_wire(issue.not_before());
  const bool late = (issue.has_start_by() && maybe_past(context, issue.start_by())) ||
                    (issue.has_launch_by() && maybe_past(context, issue.launch_by()));
  const bool bounded = issue.has_not_before() || issue.has_start_by() || issue.has_launch_by();
  if (early && context.gate.clock_ok) {
    context.common.arm_reading = false;
    return look_again(context, 2 * context.timeouts.poll);
  }
  if (early || late || (bounded && !context.gate.clock_ok))
    return hold(context, context.fault_of(wire::CLOCK_UNPROVEN, {.expected = "the order's window"}));
  return Verdict::done;
}

void begin_last_reading(Context& context) {
  if (std::exchange(context.common.arm_reading, true) || planted(Defect::identity_not_read_again)) return;
  context.common.bmc.forget_identity();
  context.common.bmc.forget_reply();
}

bool must_not_talk(const record::Job& job) {
  switch (job.fault().code()) {
    case wire::BMC_LOGIN_REFUSED:
    case wire::BMC_KEY_CHANGED:
    case wire::BMC_TLS_REFUSED:
    case wire::CREDENTIAL_MISSING:
    case wire::BMC_NOT_ALLOWED:
      return true;
    default:
      return false;
  }
}

}  // namespace metalmesh::work
