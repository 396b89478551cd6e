// What one change of power knows while it talks to its BMC, beside what every work does (agents/work/context.h).
#pragma once

#include <optional>
#include <string>

#include "agents/power/power_change.h"
#include "agents/work/common_stages.h"
#include "agents/work/exchange.h"

namespace metalmesh::power {

using bmc::Answer;
using bmc::Ask;
using bmc::Verdict;
using work::FaultFacts;

/// Readings that agree: one alone may be a glitch.
class Steady {
 public:
  void saw(bool it, MonoTime now) {
    if (!it) {
      *this = {};
      return;
    }
    if (!since_) since_ = now;
    last_ = now;
  }
  /// Seen, and again later.
  [[nodiscard]] bool sure() const { return since_ && last_ - *since_ >= std::chrono::seconds(1); }
  [[nodiscard]] bool maybe() const { return since_.has_value(); }

 private:
  std::optional<MonoTime> since_;
  MonoTime last_;
};

struct Conversation : work::Talk {
  Steady reached;                   // it shows what was ordered
  std::optional<MonoTime> told_at;  // in this life
  int sends = 0;
  bool repeatable = false;  // what was sent last
  bool again = false;       // it is to be sent, whatever was told before
  bool in_task = false;     // it was taken, and went on in a task
  std::optional<MonoTime> refused_since;
  std::string refused_type;  // of resets: another one may be taken
  int refusals = 0;
  std::size_t etag_step = 0;
  Steady still;           // the host is in the state that a button is to end
  bool was_on = false;    // the host, since it was to restart
  Steady offs;            // of a host that was to restart
  Steady silent;          // requests that failed in a row, after a BMC was told to restart
  bool anew = false;      // its identity is being read once more
  bool finished = false;  // there is nothing (more) to do
  int setbacks = 0;       // of cleanup
};

struct Context : work::Context {
  Context(record::Job& row, Conversation& said, const work::StageTimeouts& limits, Random& chance,
          const Now& time, const work::Gate& allowed, work::JobOutcome& decided, bmc::Known hints)
      : work::Context(row, said, limits, chance, time, allowed, decided, hints),
        talk(said),
        change(change_of(row.agreed().power())) {}

  Conversation& talk;
  const Change& change;

  [[nodiscard]] wire::Fault fault_of(wire::FaultCode code, const FaultFacts& facts) const override;
  /// Ends the attempt; what may have been done and is not known to be, is called unknown. Always busy.
  Verdict fail(wire::FaultCode code, const FaultFacts& facts) override;
  void settle(const Answer& answer) override;
  /// Once something was told, only the order's own time ends the wait.
  [[nodiscard]] std::optional<Duration> patience() const override;
  /// It was told, and what became of that nobody said.
  [[nodiscard]] bool in_doubt() const { return job.intent() != record::Job::NONE && !job.powered(); }
  [[nodiscard]] Duration within() const;
};

/// The BMC was told, or may have been.
bool was_told(const record::Job& job);
/// Before anything was changed, and the cause may pass.
bool will_retry(const record::Job& job, const Now& now);

}  // namespace metalmesh::power
