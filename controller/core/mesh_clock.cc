#include "controller/core/mesh_clock.h"

#include <set>
#include <string>
#include <utility>

#include "common/base/planted.h"
#include "common/ports/clock_row.h"
#include "common/ports/wire_time.h"
#include "controller/core/server_machines.h"

namespace metalmesh::controller {
namespace {

constexpr Duration kept_every = std::chrono::minutes(1);
constexpr Duration kept_idle = std::chrono::minutes(10);

/// A protection that is off for an hour is off for an hour.
void move_protections(Work& work, Duration by) {
  std::set<std::string> unprotected;
  for (const auto& [name, server] : work.mesh().servers) {
    if (server.status().has_unprotected_until()) unprotected.insert(server.status().machine());
  }
  for (const std::string& id : unprotected) {
    change_machine(work, id, [&](record::Machine& machine) {
      auto& until = *machine.mutable_unprotected_until();
      until = to_wire(from_wire(until) + by);
    });
  }
}

}  // namespace

void MeshClock::resume(const Now& machine, const InnerState& stored) {
  resumed_ = true;
  if (!stored.clock.has_low()) return;
  auto line = line_of(stored.clock, machine);
  // The machine was started anew, and nobody knows how long that took; but time does not go back.
  const WallFix last{machine.mono, from_wire(stored.clock.low()), from_wire(stored.clock.high())};
  if (!line && machine.wall() < last.low) line = last;
  keeper_.resume(line, from_wire(stored.clock.steps()));
}

Now MeshClock::look(const Now& machine, const InnerState& stored) {
  if (planted(Defect::clock_steps_believed)) return machine;
  if (!resumed_) resume(machine, stored);
  const auto expected = keeper_.line(machine.mono);
  const TimeKeeper::Heard heard = keeper_.hear({machine.mono, machine.wall(), machine.wall()});
  const bool goes_on = heard == TimeKeeper::Heard::fits || heard == TimeKeeper::Heard::doubted;
  if (!goes_on) heard_ = heard;
  if (heard == TimeKeeper::Heard::settled) set_by_ = machine.wall() - expected->middle();
  const WallFix believed = *keeper_.at(machine.mono);
  const Duration error = (machine.wall_high - machine.wall_low) / 2;
  Now now = machine;
  now.wall_low = believed.low - error;
  now.wall_high = believed.high + error;
  return now;
}

void MeshClock::tell(Work& work, std::string message) const {
  rest::LogEvent line;
  line.set_type("controller");
  line.set_message(std::move(message));
  work.ledger.note(std::move(line), work.now.wall());
}

void MeshClock::hold(Work& work) {
  // Whoever decides by the new time must know by how much it was set: in this turn, and in the next life.
  if (heard_ == TimeKeeper::Heard::settled && !planted(Defect::new_time_not_kept)) {
    settle(work);
    kept_at_.reset();
    keep(work);
  }
  if (const auto doubt = keeper_.doubt())
    work.ledger.set_clock(work.mesh().clock_steps,
                          "its clock is " + step_words(*doubt) + " of what it should be");
}

void MeshClock::settle(Work& work) {
  const auto doubt = keeper_.doubt();
  const Duration by = keeper_.steps() - work.mesh().clock_steps;
  const bool was_doubted = !work.mesh().clock_doubt.empty();
  switch (std::exchange(heard_, TimeKeeper::Heard::fits)) {
    case TimeKeeper::Heard::jumped:
      if (!doubt) break;
      tell(work, "this controller's clock is " + step_words(*doubt) +
                     " of what its monotone clock expects: nothing is handed out until they agree or it has "
                     "kept the new time for 10 min; what runs goes on. Next: look at the machine's time "
                     "synchronisation");
      break;
    case TimeKeeper::Heard::cleared:
      if (was_doubted) tell(work, "this controller's clock agrees again: handing out goes on");
      break;
    case TimeKeeper::Heard::settled:
      tell(work, "this controller's clock was set, it is " + step_words(set_by_) +
                     " of what it was, and is believed from now on");
      move_protections(work, by);
      break;
    default:
      break;
  }
  work.moved |= was_doubted != doubt.has_value();
  work.ledger.set_clock(keeper_.steps(), doubt ? work.mesh().clock_doubt : "");
}

void MeshClock::keep(Work& work) {
  const Duration often_enough = work.out.rows.empty() ? kept_idle : kept_every;
  if (kept_at_ && work.now.mono - *kept_at_ < often_enough) return;
  const auto row = clock_row(keeper_, work.now);
  if (!row) return;
  kept_at_ = work.now.mono;
  work.ledger.put_clock(*row);
}

}  // namespace metalmesh::controller
