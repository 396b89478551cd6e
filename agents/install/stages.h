// The stages, in order. Each is a function of what is known; see conversation.h for how they are written.
#pragma once

#include "agents/install/conversation.h"
#include "agents/work/common_stages.h"
#include "agents/work/exchange.h"

namespace metalmesh::install {

using work::act;
using work::ask;
using work::check_identity;
using work::connect;
using work::follow_task;
using work::hold;
using work::log_out;
using work::look;
using work::look_again;
using work::look_at_slot;
using work::maybe_past;
using work::open_session;
using work::reach_machine;
using work::surely_past;
using work::take_answer;

/// Read-only: order's window, power state, reset values, slots.
Verdict preflight(Context& context);
/// Slots are there for all media of the job, and free: our leftovers ejected, foreign media refused (or
/// ejected, if the order says so).
Verdict prepare_media(Context& context);
/// Of a test: the host is read once more, and is as the order wants it.
Verdict may_be_tested(Context& context);
Verdict insert(Context& context);
/// Of a test: somebody reads the medium.
Verdict see_reads(Context& context);
Verdict confirm(Context& context);
Verdict set_boot(Context& context);
/// Identity, power and override once more on the same connection; then ARM.
Verdict arm(Context& context);
Verdict power(Context& context);
Verdict watch(Context& context);
Verdict finalise(Context& context);
Verdict verify(Context& context);
/// WATCH after the launch, and what is left to FINALISE once the medium is taken, where nothing is installed.
Verdict session(Context& context);
Verdict leave_as_agreed(Context& context);
/// The end is told; looks on until there is a ground to take the medium.
Verdict custody(Context& context);
Verdict cleanup(Context& context);

/// Tells the end of a job whose installer may still run.
void begin_custody(Context& context);
/// Cleanup is through: tells of another attempt, or of the end.
void conclude(Context& context);

// Shared by stages.
/// A host that reads as off in readings so far apart is off: one that was cut off may be back in a moment.
inline constexpr Duration long_apart = std::chrono::seconds(20);
/// A new reading of the host, put down; nullptr while there is none.
const redfish::System* read_power(Context& context);
/// The longer it has run, the less a moment matters.
Verdict look_later(Context& context);
Duration longest_run(const Context& context);
/// Asks the host to shut down where that is offered, then switches it off. Done when it is off, or nothing helped.
Verdict switch_off_gently(Context& context);
Verdict find_slots(Context& context);
bool all_inserted(const Context& context);
/// The slot can be filled, and takes the installer's medium, or the second one.
bool takes_medium(const redfish::Slot& slot);
bool takes_second(const Context& context, const redfish::Slot& slot);
Verdict no_second_slot(Context& context);
enum class Ejected { busy, empty, another, stuck };
/// Empties the slot. A reading of "empty" right after our insert proves nothing yet. With `only_own` any
/// medium but this job's is left alone (`another`): the machine, or its address, may belong to another job by
/// now.
Ejected eject(Context& context, const std::string& slot, bool only_own);
/// Once, from the CD, and not under a legacy BIOS.
bool boots_as_ordered(const Context& context, const redfish::Boot& boot);
/// Sets the override unless it reads back as wanted.
Verdict ensure_boot(Context& context, const redfish::System& system);
/// Takes the override back if it still is ours; gives up quietly after one refusal per ETag form.
Verdict clear_override(Context& context, const redfish::System& system);
/// Fails a host that is on although the order refuses that.
bool refused_for_power(Context& context, const redfish::System& system);
/// Likewise one that its BMC cannot shut down as the order wants.
bool refused_for_shutdown(Context& context, const redfish::System& system);
/// How long proof is waited for, after the final power-on.
Duration proof_time(const Context& context);
/// Keeps what the host's screen shows, where its BMC shows that. Done when it is kept, or is not to be had.
Verdict see_screen(Context& context);
void raise_proof(Context& context, wire::ProofGrade grade, std::string evidence);

}  // namespace metalmesh::install
