// ARM: the last look before the point from which power may be touched. Everything is read once more on the
// same connection, and in the same turn as the last answer the fence opens, durably, before any power call.
#include "agents/install/exchange.h"
#include "agents/install/stages.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

/// Order and site allow arming now: done. Otherwise the job waits or ends.
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
    context.talk.arm_reading = false;
    return look_again(context, 2 * context.timeouts.poll);
  }
  if (early || late || (bounded && !context.gate.clock_ok))
    return hold(context, make_fault(context.job, wire::CLOCK_UNPROVEN, {.expected = "the order's window"}));
  return Verdict::done;
}

void begin_reading(Conversation& talk) {
  talk.arm_reading = true;
  if (planted(Defect::identity_not_read_again)) return;
  talk.bmc.forget_identity();
  talk.bmc.forget_reply();
}

}  // namespace

Verdict hold(Context& context, const wire::Fault& why) {
  Conversation& talk = context.talk;
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

Verdict arm(Context& context) {
  Conversation& talk = context.talk;
  record::Job& job = context.job;
  if (may_arm(context) == Verdict::busy) return Verdict::busy;
  if (!talk.arm_reading) begin_reading(talk);
  if (check_identity(context) == Verdict::busy) return Verdict::busy;
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (refused_for_power(context, *system)) return Verdict::busy;
  if (!boots_as_ordered(context, system->boot)) {
    talk.arm_reading = false;  // what was read is old by the time the override is set
    return ensure_boot(context, *system);
  }
  if (!job.host_on_by_us()) job.set_was_off(system->off());
  job.set_armed(true);
  *job.mutable_armed_at() = to_wire(context.now.wall());
  job.set_powered(false);
  // A host that is on may be at our medium already, by itself: it must not start to install while a power-off
  // is on its way to it. Then the fence opens with the power-on.
  if (system->off()) context.set_mount(wire::OPEN);
  wire::Event event;
  event.mutable_armed();
  if (context.issue().has_launch_by())
    *event.mutable_armed()->mutable_launch_by() = context.issue().launch_by();
  context.tell(std::move(event));
  return Verdict::done;
}

}  // namespace metalmesh::install
