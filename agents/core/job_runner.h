// Carries the works: gives them their inputs, stores what they decided, and turns their actions
// into effects and events. One outcome holds the row and everything that depends on it.
#pragma once

#include <string>

#include "agents/core/job_context.h"
#include "agents/core/launch_desk.h"

namespace metalmesh::agent {

class JobRunner {
 public:
  /// References must outlive this.
  JobRunner(JobContext context, LaunchDesk& launches) : c_(context), launches_(launches) {}

  /// Begins the conversation with the job's BMC; `resumed`: an earlier life of the agent had it.
  void start(JobSlot& slot, bool resumed, const Now& now, Outcome& out);
  /// It cannot go on yet, and nobody else may talk to its BMC until it does.
  void keep_bmc(const JobSlot& slot);
  /// Ignored when the job is not in a conversation.
  void deliver(JobSlot& slot, const work::JobInput& input, const Now& now, Outcome& out);

  /// Timer "job/<deployment>".
  void on_poll_due(JobSlot& slot, const Now& now, Outcome& out);

  // As LaunchDesk, and the job hears of it.
  void on_launch_asked(const std::string& token, const Now& now, Outcome& out);
  void judge_launches(const Now& now, Outcome& out);
  void on_installer_asked(JobSlot& slot, const wire::InstallerAsked& asked, const Now& now, Outcome& out);

  /// The fence has risen to or above the job's generation. True: it will never come to the point of no return (Ended
  /// follows, at once or after cleanup). False: it is past it and goes on; one in custody lets go of its medium.
  bool cancel(JobSlot& slot, const std::string& reason, const Now& now, Outcome& out);
  /// Ends a job that waits; at once, or after what an earlier attempt left on its BMC was cleaned up.
  void end_waiting(JobSlot& slot, wire::Ended::Outcome outcome, wire::Fault fault, const Now& now,
                   Outcome& out);

  /// Since this was asked last: something changed that any waiting job may wait for, or a job went back to
  /// the queue; a place, a BMC or room for a login became free.
  bool take_queue_changed();
  bool take_place_freed();

 private:
  [[nodiscard]] work::Gate gate(const record::Job& job, const Now& now) const;
  void apply(JobSlot& slot, work::JobOutcome&& outcome, const Now& now, Outcome& out);
  void leave_bmc(JobSlot& slot, Outcome& out);
  /// Where it did not succeed, somebody will want to know what was said.
  void attach_transcript(const JobSlot& slot, wire::Ended& ended, Outcome& out);

  JobContext c_;
  LaunchDesk& launches_;
  bool queue_changed_ = true;
  bool place_freed_ = false;
};

}  // namespace metalmesh::agent
