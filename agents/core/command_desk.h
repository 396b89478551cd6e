// Takes the controller's commands in, in order. Each is judged, gets a receipt in the journal, and only then
// is acted on, all in one commit with the cursor: what is refused or not understood advances the cursor too.
#pragma once

#include <cstdint>
#include <optional>

#include "agents/core/command_intake.h"
#include "agents/core/discovery_desk.h"
#include "agents/core/image_desk.h"
#include "agents/core/inspection_desk.h"
#include "agents/core/job_runner.h"
#include "agents/core/site_doctor.h"
#include "agents/core/stop_desk.h"
#include "common/delivery/stream_receiver.h"

namespace metalmesh::agent {

class CommandDesk {
 public:
  /// `site_row` is the owner's copy of row "a/site"; settings go there.
  CommandDesk(JobContext context, JobRunner& runner, ImageDesk& images, InspectionDesk& inspections,
              SiteDoctor& doctor, const StopDesk& stopping, DiscoveryDesk& discovery,
              record::SiteState& site_row)
      : c_(context),
        runner_(runner),
        images_(images),
        inspections_(inspections),
        doctor_(doctor),
        stopping_(stopping),
        discovery_(discovery),
        site_row_(site_row) {}

  void take(const delivery::Entry& entry, const Now& now, Outcome& out);

 private:
  /// Why the command is not obeyed; changes nothing.
  [[nodiscard]] std::optional<wire::Fault> judge(const wire::Command& command,
                                                 const std::optional<orders::Parts>& order,
                                                 const Now& now) const;
  void obey(const wire::Command& command, std::optional<orders::Parts> order, std::uint64_t seq,
            const Now& now, Outcome& out);
  void accept(orders::Parts order, std::uint64_t seq, const Now& now, Outcome& out);
  void cancel(const wire::CancelOrder& cancel, const Now& now, Outcome& out);
  void apply_settings(const wire::SiteSettings& settings, Outcome& out);
  void report_state(const wire::ReportState& request, const Now& now, Outcome& out);

  JobContext c_;
  JobRunner& runner_;
  ImageDesk& images_;
  InspectionDesk& inspections_;
  SiteDoctor& doctor_;
  const StopDesk& stopping_;
  DiscoveryDesk& discovery_;
  record::SiteState& site_row_;
};

}  // namespace metalmesh::agent
