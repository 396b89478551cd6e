// FINALISE: the installer ended and the mount is DEAD. Eject, take back an override that was not used, power
// on.
#include "agents/install/final_power.h"
#include "agents/install/stages.h"

namespace metalmesh::install {
namespace {

void eject_or_owe(Context& context, std::string& slot, Ejected ejected) {
  if (ejected == Ejected::empty) {
    slot.clear();
    context.note_evidence("media ejected");
  } else {
    context.talk.stuck_slots.insert(slot);
    context.log(LogLevel::warning, "the slot does not empty; the mount is dead, going on");
  }
}

}  // namespace

Verdict finalise(Context& context) {
  record::Job& job = context.job;
  for (std::string* slot : {job.mutable_inserted_slot(), job.mutable_second_slot()}) {
    if (slot->empty() || context.talk.stuck_slots.contains(*slot)) continue;
    const Ejected ejected = eject(context, *slot, true);
    if (ejected == Ejected::busy) return Verdict::busy;
    // An old copy of this agent's store, or its twin: the machine belongs to another job by now.
    if (ejected == Ejected::another)
      return context.fail(
          wire::FOREIGN_MEDIA,
          {.expected = "our medium or none", .seen = context.talk.bmc.slot()->image, .slot = *slot});
    eject_or_owe(context, *slot, ejected);
  }
  return only_boots(job) ? leave_as_agreed(context) : power_on_new_system(context);
}

}  // namespace metalmesh::install
