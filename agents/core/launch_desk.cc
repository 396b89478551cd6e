#include "agents/core/launch_desk.h"

#include <utility>

#include "agents/core/machine_shown.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {

void LaunchDesk::on_changed(JobSlot& slot, const Now& now, Outcome& out) {
  c_.mounts.publish(slot.job, out);
  if (slot.job.mount_state() == wire::OPEN) {
    on_due(slot, now, out);
    return;
  }
  out.emit(TimerDisarm{"mount/" + slot.id()});
  if (slot.job.mount_state() == wire::DEAD && unproven_.erase(slot.job.mount_token()) != 0) {
    MountDesk::verdict(slot.job.mount_token(), false, out);
  }
}

void LaunchDesk::on_due(JobSlot& slot, const Now& now, Outcome& out) {
  if (slot.job.mount_state() != wire::OPEN) return;
  if (now.wall_high - now.wall_low > c_.settings.clock_tolerance && !MountDesk::surely_expired(slot.job, now))
    return;  // nobody is launched by such a time, so there is no hurry; it is looked at again when time is
             // known
  if (!MountDesk::expired(slot.job, now)) {
    const Duration left = from_wire(slot.job.issue().launch_by()) - now.wall_high;
    out.emit(TimerArm{"mount/" + slot.id(), now.mono + left});
    return;
  }
  slot.job.set_mount_state(wire::DEAD);
  c_.jobs.store(slot, out);
  out.log(LogLevel::warning, "launch_by has passed and nothing was launched: the medium is dead",
          log_fields(slot.job));
  on_changed(slot, now, out);
}

JobSlot* LaunchDesk::on_asked(const std::string& token, const Now& now, Outcome& out) {
  JobSlot* slot = c_.jobs.by_mount(token);
  const auto verdict = [&](bool granted) {
    MountDesk::verdict(token, granted, out);
    return nullptr;
  };
  if (slot == nullptr) return verdict(false);
  record::Job& job = slot->job;
  if (job.launched()) {  // asked again: the answer was lost, or the media server restarted
    return verdict(job.mount_state() != wire::DEAD);
  }
  if (token != job.mount_token()) return verdict(false);  // it carries no installer
  const auto standing = c_.link.why_not_start();
  // While the time is not known, whether launch_by has passed is not either.
  const auto why = MountDesk::why_not_launch(job, c_.fences);
  const bool expired = standing ? MountDesk::surely_expired(job, now) : MountDesk::expired(job, now);
  if (why || expired) {
    out.log(LogLevel::warning, "the media fence held: " + why.value_or("launch_by has passed"),
            log_fields(job));
    return verdict(false);
  }
  if (standing) {
    if (standing->code() == wire::CLOCK_UNPROVEN) {
      unproven_.insert(token);
      return nullptr;
    }
    out.log(LogLevel::warning, "the media fence held: " + standing->seen(), log_fields(job));
    return verdict(false);
  }
  if (planted(Defect::launch_not_journalled)) return verdict(true);
  job.set_launched(true);
  *job.mutable_launched_at() = to_wire(now.wall());
  job.set_mount_state(wire::LAUNCHED);
  if (job.has_second()) c_.mounts.publish(job, out);
  c_.fences.launch(job.agreed().identity(), job.issue().generation(), out);
  wire::Event event = event_of(job);
  event.mutable_launched();
  c_.journal.tell(std::move(event), now, out);
  c_.jobs.store(*slot, out);
  out.emit(TimerDisarm{"mount/" + slot->id()});
  MountDesk::verdict(token, true, out);
  out.log(LogLevel::info, "launched: the installer may read its kernel", log_fields(job));
  return slot;
}

std::set<std::string> LaunchDesk::take_unproven() { return std::exchange(unproven_, {}); }

void LaunchDesk::on_stranger(JobSlot& slot, const wire::StrangerRefused& stranger, const Now& now,
                             Outcome& out) {
  record::Job& job = slot.job;
  if (!slot.open()) return;
  (stranger.callback() ? job.mutable_stranger_called() : job.mutable_stranger_read())
      ->assign(stranger.peer());
  c_.jobs.store(slot, out);
  wire::Event event = event_of(job);
  event.mutable_stage()->set_stage(job.stage());
  event.mutable_stage()->set_note(
      stranger.callback()
          ? stranger.peer() + " called as its new system would, and is not it: that counts for nothing"
          : stranger.peer() + " wanted to read its medium and was refused: only its BMC may");
  out.log(LogLevel::warning, event.stage().note(), log_fields(job));
  c_.journal.tell(std::move(event), now, out);
}

bool LaunchDesk::on_installer_asked(JobSlot& slot, const wire::InstallerAsked& asked, const Now& now,
                                    Outcome& out) {
  record::Job& job = slot.job;
  const std::string digest = to_hex(sha256(asked.body()));
  const auto answer = [&](bool go, const std::string& reason) {
    MediaSend send;
    wire::InstallerAnswer& said = *send.command.mutable_answer();
    said.set_token(asked.token());
    said.set_body_sha256(digest);
    said.set_go(go);
    said.set_reason(reason);
    out.emit(std::move(send));
    return false;  // the job need not hear of it
  };
  const auto tell = [&](LogLevel level, std::string note) {
    c_.jobs.store(slot, out);
    wire::Event event = event_of(job);
    event.mutable_stage()->set_stage(job.stage());
    event.mutable_stage()->set_note(std::move(note));
    out.log(level, event.stage().note(), log_fields(job));
    c_.journal.tell(std::move(event), now, out);
  };
  if (job.check_sha256() == digest && !planted(Defect::go_given_once))
    return answer(job.check_go(), job.check_refusal());
  if (!slot.open() || !job.launched() || job.installer_ended())
    return answer(false, "no installer of its order is to run");
  const auto shown = parse_machine_shown(asked.body());
  if (!shown) return answer(false, "what it shows cannot be read");
  if (!job.check_sha256().empty() && !planted(Defect::go_for_every_asker)) {
    const bool news = !job.check_twice();
    job.set_check_twice(true);
    if (news)
      tell(LogLevel::warning,
           asked.peer() + " asked for the go of its installer, which has had its answer: refused");
    return answer(false, "another installer has asked in its place");
  }
  const auto another = why_another_machine(job.agreed().identity(), *shown);
  job.set_check_sha256(digest);
  job.set_check_go(!another);
  job.set_check_refusal(another.value_or(""));
  if (another) {
    tell(LogLevel::error, "its installer got no go: " + *another);
    answer(false, *another);
    return true;
  }
  if (shown->calls) job.set_caller_key_sha256(shown->asker);
  job.add_evidence("its installer showed the ordered machine, and got its go");
  tell(LogLevel::info, "its installer showed the ordered machine, and got its go");
  answer(true, "");
  if (shown->calls) c_.mounts.publish(job, out);
  return false;
}

}  // namespace metalmesh::agent
