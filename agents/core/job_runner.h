// Carries the works: gives them their inputs, stores what they decided, and turns their actions
// into effects and events. One outcome holds the row and everything that depends on it.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agents/core/blob_shelf.h"
#include "agents/core/bmc_desk.h"
#include "agents/core/bmc_maps.h"
#include "agents/core/credential_breaker.h"
#include "agents/core/event_journal.h"
#include "agents/core/fence_table.h"
#include "agents/core/job_table.h"
#include "agents/core/mount_desk.h"
#include "agents/core/site_standing.h"
#include "agents/core/stream_link.h"
#include "agents/core/usual_reads.h"

namespace metalmesh::agent {

/// What jobs need from the rest of the core. Everything outlives them.
struct JobContext {
  const AgentSettings& settings;
  SiteStanding& site;
  StreamLink& link;
  EventJournal& journal;
  FenceTable& fences;
  CredentialBreaker& breaker;
  BmcDesk& bmcs;
  BmcMaps& maps;
  MountDesk& mounts;
  JobTable& jobs;
  UsualReads& reads;
  BlobShelf& shelf;
  Entropy& entropy;
};

/// Who only reads may talk to a BMC beside one who does not.
BmcDesk::Use use_of(const JobSlot& slot);
/// An event about this job: server, deployment and generation filled in.
wire::Event event_of(const record::Job& job);
std::vector<std::pair<std::string, std::string>> log_fields(const record::Job& job);

Login login_of(const wire::BmcTarget& bmc, bool planned = false);
/// Why nobody may talk to this BMC now: it is in none of the site's networks, or its account is held; or nothing.
std::optional<wire::Fault> why_no_login(const JobContext& context, const wire::BmcTarget& bmc, bool planned,
                                        const Now& now);
/// A BMC refused a login: counts for the credential, and tells when that begins to hold its jobs.
void count_login_refusal(const JobContext& context, const Login& login, const std::string& server,
                         const Now& now, Outcome& out);
/// A BMC accepted one: tells when that ends the hold, and returns whether it did.
bool count_login(const JobContext& context, const Login& login, const Now& now, Outcome& out);

class JobRunner {
 public:
  explicit JobRunner(JobContext context) : c_(context) {}

  /// Begins the conversation with the job's BMC; `resumed`: an earlier life of the agent had it.
  void start(JobSlot& slot, bool resumed, const Now& now, Outcome& out);
  /// It cannot go on yet, and nobody else may talk to its BMC until it does.
  void keep_bmc(const JobSlot& slot);
  /// Ignored when the job is not in a conversation.
  void deliver(JobSlot& slot, const work::JobInput& input, const Now& now, Outcome& out);

  /// Timer "job/<deployment>".
  void on_poll_due(JobSlot& slot, const Now& now, Outcome& out);
  /// Timer "mount/<deployment>"; also after a restart.
  void on_mount_due(JobSlot& slot, const Now& now, Outcome& out);

  /// A guarded read waits. Grants only after LAUNCHED is durable; while this incarnation is unproven the
  /// reader waits and `judge_launches` answers later.
  void on_launch_asked(const std::string& token, const Now& now, Outcome& out);
  void judge_launches(const Now& now, Outcome& out);

  /// Somebody who is not this job's BMC wanted its medium, or called in the place of its new system.
  void on_stranger(JobSlot& slot, const wire::StrangerRefused& stranger, const Now& now, Outcome& out);

  /// Its installer shows the machine that it runs on. One is judged, and answered the same however often it asks; any other is
  /// refused.
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
  void on_mount_changed(JobSlot& slot, const Now& now, Outcome& out);
  void leave_bmc(JobSlot& slot, Outcome& out);
  /// Where it did not succeed, somebody will want to know what was said.
  void attach_transcript(const JobSlot& slot, wire::Ended& ended, Outcome& out);

  JobContext c_;
  std::set<std::string> asked_;  // mount tokens whose launch waits for this incarnation to be proven
  bool queue_changed_ = true;
  bool place_freed_ = false;
};

}  // namespace metalmesh::agent
