// ARM: the last look before the point from which power may be touched. Everything is read once more on the
// same connection, and in the same turn as the last answer the fence opens, durably, before any power call.
#include "agents/install/stages.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {

Verdict arm(Context& context) {
  Conversation& talk = context.talk;
  record::Job& job = context.job;
  if (work::may_arm(context) == Verdict::busy) return Verdict::busy;
  work::begin_last_reading(context);
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
