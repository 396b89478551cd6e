// PREFLIGHT: everything that can be refused before anything is changed.
#include "agents/install/stages.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {

bool refused_for_power(Context& context, const redfish::System& system) {
  if (only_tests(context.job) && planted(Defect::running_host_tested)) return false;
  if (system.power.empty()) {
    context.fail(wire::BMC_PROTOCOL, {.expected = "the host's PowerState", .seen = "none"});
    return true;
  }
  const auto policy = context.install().power();
  const bool may_be_on = policy == wire::GRACEFUL || policy == wire::FORCE || context.job.host_on_by_us();
  if (system.off() || may_be_on) return false;
  context.fail(wire::POWERED_ON, {.expected = "the order says refuse_if_on", .seen = system.power});
  return true;
}

bool refused_for_shutdown(Context& context, const redfish::System& system) {
  const bool gentle = context.install().power() == wire::GRACEFUL && !context.job.host_on_by_us();
  if (system.off() || !gentle || redfish::may_shut_down(system.reset)) return false;
  context.fail(wire::POWERED_ON,
               {.expected = "and its BMC offers no GracefulShutdown", .seen = system.power});
  return true;
}

Verdict preflight(Context& context) {
  const wire::Issue& issue = context.issue();
  if (issue.has_start_by() && surely_past(context, issue.start_by()))
    return context.fail(wire::ORDER_EXPIRED, {.expected = "start_by", .seen = "start_by has passed"});
  // Certainly too early: nothing is put into a slot hours ahead.
  if (issue.has_not_before() && context.now.wall_high < from_wire(issue.not_before()))
    return look_again(context, 2 * context.timeouts.poll);
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (system->off()) context.job.set_host_on_by_us(false);
  if (refused_for_power(context, *system)) return Verdict::busy;
  if (ask(context, &bmc::Dialogue::read_reset_values) == Verdict::busy) return Verdict::busy;
  if (refused_for_shutdown(context, *context.talk.bmc.system())) return Verdict::busy;
  return find_slots(context);
}

}  // namespace metalmesh::install
