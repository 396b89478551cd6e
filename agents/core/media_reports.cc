#include "agents/core/media_reports.h"

#include <string>
#include <utility>

#include "common/answer/callback_script.h"
#include "common/base/bmc_address.h"

namespace metalmesh::agent {

bool MediaReports::take(const wire::MediaEvent& event, const Now& now, Outcome& out) {
  switch (event.body_case()) {
    case wire::MediaEvent::kUp:
      return on(event.up(), now, out);
    case wire::MediaEvent::kLaunchAsked:
      runner_.on_launch_asked(event.launch_asked().token(), now, out);
      break;
    case wire::MediaEvent::kReads:
      on(event.reads(), now, out);
      break;
    case wire::MediaEvent::kCallback:
      on(event.callback(), now, out);
      break;
    case wire::MediaEvent::kTlsRefused:
      on(event.tls_refused(), now, out);
      break;
    case wire::MediaEvent::kRefused:
      on(event.refused(), now, out);
      break;
    case wire::MediaEvent::kStranger:
      if (JobSlot* slot = c_.jobs.by_mount(event.stranger().token()))
        launches_.on_stranger(*slot, event.stranger(), now, out);
      break;
    case wire::MediaEvent::kAsked:
      if (JobSlot* slot = c_.jobs.by_mount(event.asked().token()))
        runner_.on_installer_asked(*slot, event.asked(), now, out);
      break;
    case wire::MediaEvent::kUnreadable:
      images_.on_unreadable(event.unreadable(), now, out);
      break;
    case wire::MediaEvent::BODY_NOT_SET:
      break;
  }
  return false;
}

bool MediaReports::on(const wire::MediaUp& up, const Now& now, Outcome& out) {
  const std::string before = c_.site.media_address;
  c_.site.media_up(up);
  send_mounts(out);
  for (JobSlot* slot : c_.jobs.all()) runner_.deliver(*slot, work::MediaBack{}, now, out);
  if (before == c_.site.media_address) return false;
  out.log(LogLevel::info, "media are served", {{"address", c_.site.media_address}});
  return true;
}

void MediaReports::on(const wire::Reads& reads, const Now& now, Outcome& out) {
  JobSlot* slot = c_.jobs.by_mount(reads.token());
  if (slot == nullptr || !slot->open()) return;
  if (reads.refused_closed() > slot->held_reads) {
    slot->held_reads = reads.refused_closed();
    out.log(LogLevel::warning, "the media fence held back guarded reads",
            {{"deployment", slot->id()},
             {"server", slot->job.agreed().server()},
             {"stage", wire::Stage_Name(slot->job.stage())},
             {"refused", std::to_string(reads.refused_closed())}});
  }
  if (reads.token() == slot->job.second_token())
    return runner_.deliver(*slot, work::SecondRead{reads.bytes_covered(), reads.size()}, now, out);
  const work::MediaRead read{
      reads.bytes_covered(),    reads.size(),   reads.peer(),          reads.package_bytes(),
      reads.wanted_whole() > 0, reads.sealed(), reads.starts_refused()};
  runner_.deliver(*slot, read, now, out);
  slot->reads = reads;
  samples_.take(*slot, now, out);
}

void MediaReports::on(const wire::Callback& callback, const Now& now, Outcome& out) {
  // The caller is answered when what follows from its call is on disk, and before the medium is forgotten.
  MediaSend taken;
  taken.command.set_callback_taken(callback.token());
  out.emit(std::move(taken));
  // The media server names the medium that the caller's secret belongs to.
  JobSlot* slot = c_.jobs.by_mount(callback.token());
  if (slot == nullptr) return;
  runner_.deliver(*slot, work::CalledBack{callback.body().starts_with(answer::says_booted)}, now, out);
  samples_.after(*slot, now, out);
}

void MediaReports::on(const wire::TlsRefused& refused, const Now& now, Outcome& out) {
  const std::string peer = host_of_bmc_address(refused.peer());
  for (JobSlot* slot : c_.jobs.all()) {
    if (slot->machine && host_of_bmc_address(slot->job.agreed().bmc().address()) == peer) {
      runner_.deliver(*slot, work::MediaTlsRefused{refused.detail()}, now, out);
    }
  }
}

void MediaReports::on(const wire::MountRefused& refused, const Now& now, Outcome& out) {
  if (JobSlot* slot = c_.jobs.by_mount(refused.token())) {
    runner_.deliver(*slot, work::MediumRefused{refused.reason(), refused.temporary()}, now, out);
  }
}

void MediaReports::send_mounts(Outcome& out) {
  MediaSend all;
  wire::AllMounts& mounted = *all.command.mutable_all();
  mounted.set_others_stay(c_.damage.lost_a_job());
  for (const JobSlot* slot : c_.jobs.all()) {
    c_.mounts.publish(slot->job, out);
    for (std::string& token : MountDesk::tokens(slot->job)) mounted.add_tokens(std::move(token));
  }
  out.emit(std::move(all));
}

}  // namespace metalmesh::agent
