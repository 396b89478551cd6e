// What a work knows while it talks to its BMC, and how its stages are written.
//
// A stage is written as if it ran from its first line each time something happens: it takes what is known,
// asks for the first thing that is missing, and returns. `busy` means an answer or a timer will call it
// again, `done` that the machine may go on. fail() ends the attempt from anywhere.
#pragma once

#include <optional>
#include <string>

#include "agents/bmc/dialogue.h"
#include "agents/work/fault_words.h"
#include "agents/work/work.h"
#include "common/base/random.h"

namespace metalmesh::work {

using bmc::Answer;
using bmc::Ask;
using bmc::Verdict;

/// Volatile half of a job: dies with the process.
struct Talk {
  bmc::Dialogue bmc;
  std::optional<MonoTime> armed_wake;
  MonoTime entered;                     // the stage
  std::string last_refusal;             // the BMC's words
  std::optional<wire::FaultCode> held;  // why it waits, as told
  std::optional<MonoTime> handled_at;   // the last input
  bool arm_reading = false;             // the last reading before ARM has begun
};

/// One step of a job. Each work has its own, which says what it makes of a failure and of an answer.
class Context {
 public:
  Context(record::Job& row, Talk& said, const StageTimeouts& limits, Random& chance, const Now& time,
          const Gate& allowed, JobOutcome& decided, bmc::Known hints)
      : job(row),
        common(said),
        timeouts(limits),
        random(chance),
        now(time),
        gate(allowed),
        out(decided),
        known(hints),
        turn(time, chance) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  virtual ~Context() = default;

  record::Job& job;
  Talk& common;
  const StageTimeouts& timeouts;
  Random& random;
  const Now& now;
  const Gate& gate;
  JobOutcome& out;
  bmc::Known known;
  bmc::Turn turn;
  std::optional<MonoTime> wake;
  bool failed = false;  // the stage is over

  [[nodiscard]] const wire::Agreed& agreed() const { return job.agreed(); }
  [[nodiscard]] const wire::Issue& issue() const { return job.issue(); }
  void tell(wire::Event event) { out.actions.emplace_back(Tell{std::move(event)}); }
  void tell_stage();
  void log(LogLevel level, std::string message);
  /// Be called again in `delay` at the latest.
  Verdict wait(Duration delay);
  void note_evidence(std::string line);
  /// First in each step: the time since the last one, without that in which this site slept, which counts for nothing.
  struct Passed {
    Duration counted;
    Duration slept;
  };
  Passed pass_time();
  /// Another attempt later, told, in a row that knows of no earlier one.
  void queue_again();
  /// One timer, armed again only when it changed.
  void arrange_wake();

  /// In the words of this work.
  [[nodiscard]] virtual wire::Fault fault_of(wire::FaultCode code, const FaultFacts& facts) const = 0;
  /// Ends the attempt. Always busy.
  virtual Verdict fail(wire::FaultCode code, const FaultFacts& facts) = 0;
  /// What came of a changing call.
  virtual void settle(const Answer& answer);
  /// How long the BMC may be silent; nothing: without end.
  [[nodiscard]] virtual std::optional<Duration> patience() const { return timeouts.unreachable; }
  /// When it was last seen alive in another way.
  [[nodiscard]] virtual MonoTime alive() const { return {}; }
  /// Why its credential must not be tried now.
  [[nodiscard]] virtual const std::optional<wire::Fault>& why_no_login() const { return gate.no_login; }
  /// A login is needed, and must not be tried now.
  virtual void barred(const wire::Fault& why);
  virtual void take(const bmc::Trouble& trouble);
};

}  // namespace metalmesh::work
