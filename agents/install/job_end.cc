// How an attempt ends once cleanup is through: another one, or the job's last event.
#include "agents/install/stages.h"
#include "agents/work/findings.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

std::vector<std::string> debts_of(const Context& context) {
  const record::Job& job = context.job;
  std::vector<std::string> debts;
  if (planted(Defect::debts_not_told)) return debts;
  const bool stays = installer_may_run(job);
  const std::string_view words =
      stays ? "media stay in while their installer may run: slot " : "media may still be inserted in slot ";
  for (const std::string& slot : {job.inserted_slot(), job.second_slot()}) {
    if (!slot.empty()) debts.push_back(std::string(words) + slot);
  }
  // Once it was booted, "Once" is used up, unless it still read so when it was to be taken back.
  const bool overridden = job.boot_overridden() && (!job.launched() || context.talk.unboot_tried);
  if (overridden && !stays) debts.emplace_back("boot override Once/Cd may still be set");
  if (job.was_off() && job.host_on_by_us() && !job.launched())
    debts.emplace_back("the host was off, was switched on, and may still be on");
  const std::string_view open = stays ? " is open while the installer may run" : " may still be open";
  for (const std::string& uri : job.session_uris()) debts.push_back("session " + uri + std::string(open));
  return debts;
}

void retry(Context& context) {
  record::Job& job = context.job;
  // Told to go on, and no answer: if it is on next time, it is on because of us.
  if (job.intent() == record::Job::RESET_ON) job.set_host_on_by_us(true);
  if (job.fault().code() == wire::BOOT_IGNORED) job.set_boot_target_step(job.boot_target_step() + 1);
  if (planted(Defect::retries_after_wipe)) job.set_launched(false);
  job.set_bytes_covered(0);
  context.queue_again();
}

/// Another agent with our identity may have launched what this one did not.
bool may_not_know(const Context& context) {
  return !context.job.launched() && !context.gate.vouched &&
         context.gate.why_not.code() == wire::SITE_QUARANTINED;
}

wire::Finding test_finding(const record::Job& job) {
  if (job.has_fault())
    return work::finding_of("mount-test", job.fault(), "a medium that is inserted, read and taken");
  return work::fine("mount-test", job.evidence().empty() ? "read" : job.evidence(0));
}

void tell_end(Context& context) {
  record::Job& job = context.job;
  job.set_ending(outcome_of(job));
  wire::Event event;
  wire::Ended& ended = *event.mutable_ended();
  ended.set_outcome(job.ending());
  ended.set_proof(job.proof());
  *ended.mutable_evidence() = job.evidence();
  if (job.has_fault()) *ended.mutable_fault() = job.fault();
  ended.set_answer_sha256(job.answer_sha256());
  ended.set_disk(job.has_fault() ? job.fault().disk() : disk_of(job));
  if (job.launched()) ended.set_bytes_read(job.bytes_covered());
  ended.set_medium_in(installer_may_run(job));
  if (only_tests(job)) *ended.add_findings() = test_finding(job);
  for (std::string& debt : debts_of(context)) ended.add_debts(std::move(debt));
  context.tell(std::move(event));
}

void tell_release(Context& context) {
  wire::Event event;
  wire::MediumReleased& released = *event.mutable_released();
  released.set_ground(context.job.released_by());
  for (std::string& debt : debts_of(context)) released.add_debts(std::move(debt));
  context.tell(std::move(event));
}

}  // namespace

bool will_retry(const record::Job& job, const Now& now) {
  const bool wiped = job.launched() && !planted(Defect::retries_after_wipe);
  if (!job.has_fault() || wiped || job.cancel_asked() || !may_pass(job.fault().code())) return false;
  if (job.issue().has_start_by() && now.wall_low > from_wire(job.issue().start_by())) return false;
  return job.attempt() <= terms_of(job.agreed()).attempts_before_wipe();
}

void conclude(Context& context) {
  record::Job& job = context.job;
  if (will_retry(job, context.now)) return retry(context);
  if (!job.custody() && may_not_know(context)) {
    hold(context, context.gate.why_not);
    return;
  }
  if (job.mount_state() != wire::MOUNT_STATE_UNSPECIFIED && job.mount_state() != wire::DEAD)
    context.set_mount(wire::DEAD);
  job.set_stage(wire::DONE);
  job.set_ended(true);
  if (job.custody())
    tell_release(context);
  else
    tell_end(context);
  context.out.actions.emplace_back(Finish{});
}

void begin_custody(Context& context) {
  tell_end(context);
  context.job.set_custody(true);
}

}  // namespace metalmesh::install
