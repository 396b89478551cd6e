// What people watch: how far each install is, told a few times a second at most and never kept.
#pragma once

#include "agents/core/event_journal.h"
#include "agents/core/job_table.h"
#include "common/base/time.h"
#include "common/turn/outcome.h"

namespace metalmesh::agent {

class ProgressSamples {
 public:
  /// `journal` must outlive this.
  explicit ProgressSamples(EventJournal& journal) : journal_(journal) {}

  /// The job's medium was read: tells how far it is, unless it or the site has told something just now.
  void take(JobSlot& slot, const Now& now, Outcome& out);
  /// After anything else that reached the job: tells what was not told yet, and what the new system showed.
  void after(JobSlot& slot, const Now& now, Outcome& out);

 private:
  EventJournal& journal_;
  MonoTime next_;
};

}  // namespace metalmesh::agent
