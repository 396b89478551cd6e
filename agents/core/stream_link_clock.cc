// What time the link knows it to be: the controller's, or at a site without WAN the machine's own.
#include "agents/core/row_table.h"
#include "agents/core/stream_link.h"
#include "common/ports/clock_row.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {
namespace {

constexpr Duration clock_kept_every = std::chrono::minutes(1);
/// Around a clock that nobody vouches for.
constexpr Duration any_time = std::chrono::hours(24 * 365 * 50);

}  // namespace

void StreamLink::on_started(const Now& now) {
  controller_.on_started(state_, now);
  if (!kept_clock_) return;
  const auto line = line_of(*kept_clock_, now);
  if (!line) return;
  const Duration steps = from_wire(kept_clock_->steps());
  if (settings_.wan_free) {
    own_clock_.resume(line, steps, doubted_of(*kept_clock_));
  } else {
    presence_.resume_clock(*line, steps, doubted_of(*kept_clock_));
  }
}

bool StreamLink::look_at_clock(const Now& now, Outcome& out) {
  if (!settings_.wan_free) return false;
  const TimeKeeper::Heard heard = own_clock_.hear({now.mono, now.wall(), now.wall()});
  tell_clock(heard, now, out);
  return heard != TimeKeeper::Heard::fits && heard != TimeKeeper::Heard::doubted;
}

void StreamLink::keep_clock(const Now& now, Outcome& out) {
  const bool young = clock_kept_at_ && now.mono - *clock_kept_at_ < clock_kept_every;
  if (!std::exchange(clock_moved_, false) && (out.rows.empty() || young)) return;
  auto row = clock_row(clock(), now);
  if (!row) return;
  clock_kept_at_ = now.mono;
  put_row(out, rows::clock, *row);
}

void StreamLink::tell_clock(TimeKeeper::Heard heard, const Now& now, Outcome& out) {
  const auto doubt = clock().doubt();
  clock_moved_ |= heard == TimeKeeper::Heard::settled;
  if (heard == TimeKeeper::Heard::jumped) {
    out.log(LogLevel::error,
            "the time is " + step_words(*doubt) +
                " of what this machine's monotone clock expects: nothing new "
                "is started until two agree; what runs goes on",
            {{"site", settings_.site.str()}});
  } else if (clock_doubt_told_ && !doubt) {
    out.log(LogLevel::info,
            heard == TimeKeeper::Heard::settled ? "the time has settled and is believed"
                                                : "the time agrees again",
            {{"site", settings_.site.str()}});
  }
  // Told once: one that jumps about must not fill the journal.
  if (doubt.has_value() == clock_doubt_told_) return;
  clock_doubt_told_ = doubt.has_value();
  clock_moved_ = true;  // a life that begins now must not believe what this one doubts
  wire::Event event;
  event.mutable_clock_doubted()->set_over(!doubt);
  if (doubt) *event.mutable_clock_doubted()->mutable_by() = to_wire(*doubt);
  journal_.tell(std::move(event), trusted(now), out);
}

Now StreamLink::trusted(const Now& now) const {
  Now known = now;
  if (const auto learned = presence_.corrected(now); learned && !settings_.wan_free) return *learned;
  if (const auto own = own_clock_.at(now.mono)) {
    const Duration error = (now.wall_high - now.wall_low) / 2;
    known.wall_low = own->low - error;
    known.wall_high = own->high + error;
    return known;
  }
  known.wall_low -= any_time;
  known.wall_high += any_time;
  return known;
}

void StreamLink::fit_to_clock(wire::Issue& issue) const {
  if (!settings_.wan_free && presence_.clock().line(MonoTime()))
    follow_steps(issue, presence_.clock().steps());
}

}  // namespace metalmesh::agent
