// Who gets a launch: when a job's medium opens and dies, who may read the guarded part of it, and whether an installer
// that shows its machine gets its go. What a medium is, and what the media server is told of it: mount_desk.h.
#pragma once

#include <set>
#include <string>

#include "agents/core/job_context.h"
#include "common/turn/outcome.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::agent {

class LaunchDesk {
 public:
  explicit LaunchDesk(JobContext context) : c_(context) {}

  /// The state of the job's mount is another one: the media server is told, and the end of an open one awaited. The
  /// caller stores the job.
  void on_changed(JobSlot& slot, const Now& now, Outcome& out);
  /// Timer "mount/<deployment>"; also after a restart.
  void on_due(JobSlot& slot, const Now& now, Outcome& out);

  /// A guarded read waits. Grants only after LAUNCHED is durable; while this incarnation is unproven the reader waits
  /// to be asked for anew. Returns the job that was launched by this and has to hear of it, or nullptr.
  JobSlot* on_asked(const std::string& token, const Now& now, Outcome& out);
  /// Tokens whose readers wait for this incarnation to be proven: to be asked for anew.
  std::set<std::string> take_unproven();

  /// Somebody who is not this job's BMC wanted its medium, or called in the place of its new system.
  void on_stranger(JobSlot& slot, const wire::StrangerRefused& stranger, const Now& now, Outcome& out);

  /// Its installer shows the machine that it runs on. One is judged, and answered the same however often it asks; any
  /// other is refused. True: it runs on another machine than ordered, and the job has to hear of it.
  bool on_installer_asked(JobSlot& slot, const wire::InstallerAsked& asked, const Now& now, Outcome& out);

 private:
  JobContext c_;
  std::set<std::string> unproven_;
};

}  // namespace metalmesh::agent
