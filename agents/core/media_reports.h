// What the media server beside the agent reports: that it is there, who read, who asked for a go, who called back. Each
// report goes to the job whose medium it is about; in return the server is told which mounts there are.
#pragma once

#include "agents/core/image_desk.h"
#include "agents/core/job_runner.h"
#include "agents/core/progress_samples.h"
#include "common/turn/outcome.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::agent {

class MediaReports {
 public:
  /// References must outlive this.
  MediaReports(JobContext context, JobRunner& runner, LaunchDesk& launches, ImageDesk& images,
               ProgressSamples& samples)
      : c_(context), runner_(runner), launches_(launches), images_(images), samples_(samples) {}

  /// True: its address is news, which jobs may have waited for.
  bool take(const wire::MediaEvent& event, const Now& now, Outcome& out);
  /// Tells the media server every mount that is to be there, and that all others may go.
  void send_mounts(Outcome& out);

 private:
  bool on(const wire::MediaUp& up, const Now& now, Outcome& out);
  void on(const wire::Reads& reads, const Now& now, Outcome& out);
  void on(const wire::Callback& callback, const Now& now, Outcome& out);
  void on(const wire::TlsRefused& refused, const Now& now, Outcome& out);
  void on(const wire::MountRefused& refused, const Now& now, Outcome& out);

  JobContext c_;
  JobRunner& runner_;
  LaunchDesk& launches_;
  ImageDesk& images_;
  ProgressSamples& samples_;
};

}  // namespace metalmesh::agent
