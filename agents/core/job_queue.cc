#include "agents/core/job_queue.h"

#include <algorithm>
#include <utility>

#include "agents/core/bmc_logins.h"
#include "agents/core/faults.h"
#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {
namespace {

/// Wall time may turn out to be another one meanwhile.
constexpr Duration longest_sleep = std::chrono::hours(1);
/// A disk that was low less long ago is the same story.
constexpr Duration flap = std::chrono::minutes(10);

}  // namespace

void JobQueue::review(const Now& now, Outcome& out) {
  wake_.reset();
  count_room();
  const std::vector<JobSlot*> in_order = c_.jobs.all();
  for (JobSlot* slot : in_order) {
    // It held its BMC before a restart, or owes cleanup there: not a matter of turns.
    const bool owed = slot->running() || (slot->open() && slot->job.cancel_asked());
    if (!owed || slot->machine) continue;
    if (can_serve(*slot)) {
      runner_.start(*slot, slot->running(), now, out);
    } else {
      runner_.keep_bmc(*slot);
    }
  }
  tell_disk_low(now, out);
  for (JobSlot* slot : in_order) {
    if (slot->waiting() && !slot->machine && can_serve(*slot)) review(*slot, now, out);
  }
  blobs_.pump(now, out);
  if (wake_) {
    arm(out);
  } else {
    armed_.reset();
    out.emit(TimerDisarm{"queue"});
  }
}

void JobQueue::tell_disk_low(const Now& now, Outcome& out) {
  const bool was_low = std::exchange(disk_low_, c_.site.disk_low);
  if (was_low && !disk_low_) disk_low_until_ = now.mono;
  if (!disk_low_) return;
  const bool flaps = disk_low_until_ && now.mono - *disk_low_until_ <= flap;
  if (!was_low && !flaps) disk_low_told_ = false;
  std::uint32_t waiting = 0;
  for (JobSlot* slot : c_.jobs.all()) {
    if (!slot->waiting() || slot->machine || !slot->changes()) continue;
    ++waiting;
    if (!disk_low_told_) slot->disk_low_told = true;
  }
  if (waiting == 0 || std::exchange(disk_low_told_, true)) return;
  wire::Event event;
  wire::Fault& fault = *event.mutable_held()->mutable_fault();
  fault = make_fault(wire::DISK_LOW, "",
                     "the agent's disk is below its reserve: " + std::to_string(waiting) +
                         (waiting == 1 ? " job waits" : " jobs wait"),
                     "free space on the agent's machine; they go on by themselves");
  c_.journal.tell(std::move(event), now, out);
}

void JobQueue::fill(const Now& now, Outcome& out) {
  count_room();
  for (JobSlot* slot : c_.jobs.all()) {
    if (!slot->waiting() || slot->machine || !can_serve(*slot) || (slot->changes() && places_left_ <= 0))
      continue;
    if (logins_left(slot->job.agreed().bmc().credential(), now) > 0) {
      review(*slot, now, out);
    } else {
      wake_at(now.mono + BmcDesk::patience);
    }
  }
  if (wake_ && (!armed_ || *wake_ < *armed_)) arm(out);
}

void JobQueue::arm(Outcome& out) {
  armed_ = wake_;
  out.emit(TimerArm{"queue", *wake_});
}

void JobQueue::count_room() {
  places_left_ = std::int64_t{c_.site.parallel} - static_cast<std::int64_t>(c_.jobs.running()) -
                 (planted(Defect::lost_job_frees_place) ? 0 : c_.damage.lost_jobs());
  logins_left_.clear();
}

std::int64_t& JobQueue::logins_left(const std::string& credential, const Now& now) {
  const auto [left, fresh] = logins_left_.try_emplace(credential, 0);
  if (fresh) {
    const std::uint32_t logging_in = c_.bmcs.logging_in(credential, now.mono);
    left->second =
        std::int64_t{c_.breaker.room(credential, c_.site.login_refusals, logging_in, now)} - logging_in;
  }
  return left->second;
}

void JobQueue::wake_at(MonoTime at) {
  // The same deadline comes out a few nanoseconds different each time.
  if (!wake_ || at + std::chrono::milliseconds(1) < *wake_) wake_ = at;
}

void JobQueue::review(JobSlot& slot, const Now& now, Outcome& out) {
  const wire::Issue& issue = slot.job.issue();
  const wire::Agreed& agreed = slot.job.agreed();
  const bool bounded = issue.has_start_by();
  const WallTime start_by = from_wire(issue.start_by());
  if (bounded && now.wall_low > start_by) {
    // Another agent with our identity may have launched it: its disk is not for this one to speak of.
    if (auto doubt = c_.link.why_not_act(); doubt && doubt->code() == wire::SITE_QUARANTINED)
      return hold(slot, std::move(*doubt), now, out);
    wire::Fault fault =
        make_fault(wire::ORDER_EXPIRED, wire::Stage_Name(slot.job.stage()),
                   "start_by passed while the job waited", "order it again with a later start");
    // What never came is the cause, whatever else stood in the way beside it.
    if (const auto cause = trouble(materials_of(slot.job))) {
      fault.set_seen(fault.seen() + ", last for " + wire::FaultCode_Name(cause->code()) + ": " +
                     cause->seen());
      fault.set_detail(cause->detail());
      fault.set_tries(cause->tries());
    } else if (slot.held != wire::FAULT_CODE_UNSPECIFIED) {
      fault.set_seen(fault.seen() + ", last for " + wire::FaultCode_Name(slot.held) + ": " + slot.held_seen);
    }
    return runner_.end_waiting(slot, wire::Ended::FAILED, std::move(fault), now, out);
  }
  if (bounded)
    wake_at(now.mono + std::min<Duration>(start_by - now.wall_low, longest_sleep) +
            std::chrono::milliseconds(1));
  const work::Materials needs = materials_of(slot.job);
  const Preparation prepared = prepare(slot, needs, now, out);  // ahead of its time: images take long
  if (prepared.trouble && prepared.trouble->code() == wire::IMAGE_CORRUPT) {
    return runner_.end_waiting(slot, wire::Ended::FAILED, *prepared.trouble, now, out);
  }
  if (slot.retry_at && now.mono < *slot.retry_at) return wake_at(*slot.retry_at);
  if (issue.has_not_before() && now.wall_high < from_wire(issue.not_before())) {
    return wake_at(now.mono +
                   std::min<Duration>(from_wire(issue.not_before()) - now.wall_high, longest_sleep));
  }
  if (prepared.trouble) return hold(slot, *prepared.trouble, now, out);
  if (auto fault = why_held(slot, now)) return hold(slot, std::move(*fault), now, out);
  slot.held = wire::FAULT_CODE_UNSPECIFIED;
  if (!prepared.here) return;
  const bool full = slot.changes() && places_left_ <= 0 && !planted(Defect::parallel_ignored);
  if (full || c_.bmcs.busy(agreed.bmc().address(), use_of(slot))) return;
  std::int64_t& logins = logins_left(agreed.bmc().credential(), now);
  if (logins <= 0) return wake_at(now.mono + BmcDesk::patience);
  if (kind_of(slot.job).medium) {
    const bool has_answers = !needs.blobs.empty();
    const auto blob = has_answers ? blobs_.get(needs.blobs.front().sha256) : std::nullopt;
    if (has_answers && !blob) return blobs_.fetch_again(needs.blobs.front().sha256);
    const auto facts = [&](std::size_t i) {
      return i < needs.images.size() ? images_.facts(needs.images[i].sha256()) : nullptr;
    };
    if (auto fault = c_.mounts.prepare(slot.job, {blob ? &*blob : nullptr, facts(0), facts(1)}, c_.site, out))
      return runner_.end_waiting(slot, wire::Ended::FAILED, std::move(*fault), now, out);
    if (has_answers) slot.job.set_usual_reads(c_.reads.of(slot.job.agreed().install()));
  }
  slot.job.set_stage(wire::CONNECT);
  if (slot.job.attempt() == 0) slot.job.set_attempt(1);
  c_.jobs.store(slot, out);
  if (slot.changes()) --places_left_;
  --logins;
  runner_.start(slot, false, now, out);
}

std::optional<wire::Fault> JobQueue::why_held(const JobSlot& slot, const Now& now) const {
  const wire::Issue& issue = slot.job.issue();
  const std::string stage = wire::Stage_Name(slot.job.stage());
  auto no_login = why_no_login(c_, slot.job.agreed().bmc(), false, now);
  if (!slot.changes()) {  // it harms nobody, whoever vouches for this agent
    const bool may_look = !no_login || no_login->code() != wire::BMC_NOT_ALLOWED;
    return kind_of(slot.job).tells_trouble && may_look ? std::nullopt : std::move(no_login);
  }
  if (c_.site.disk_low) {
    return make_fault(wire::DISK_LOW, stage, "the agent's disk is below its reserve: no new job is started",
                      "free space on the agent's machine; the job goes on by itself");
  }
  const auto standing = c_.link.why_not_start();
  // An unproven incarnation may go as far as ARM; a time that is doubted starts nothing.
  if (standing && (standing->code() == wire::SITE_QUARANTINED || !c_.link.why_not_act())) return standing;
  const bool too_early = issue.has_not_before() && now.wall_low < from_wire(issue.not_before());
  const bool too_late = now.wall_high > from_wire(issue.start_by());
  if (too_early || too_late) {
    if (standing) return standing;
    return make_fault(
        wire::CLOCK_UNPROVEN, stage,
        "the time is known only to within " +
            std::to_string(std::chrono::ceil<std::chrono::seconds>(now.wall_high - now.wall_low).count()) +
            " s, too little to tell whether the order may start",
        "let the agent's machine synchronise its clock, or restore the link to the controller");
  }
  return no_login;
}

JobQueue::Preparation JobQueue::prepare(JobSlot& slot, const work::Materials& needs, const Now& now,
                                        Outcome& out) {
  std::string missing;  // the image that is waited for
  for (const wire::ImageRef& image : needs.images) {
    images_.want(image, out);
    if (images_.facts(image.sha256()) == nullptr && missing.empty()) missing = image.sha256();
  }
  const work::Materials::Blob* absent = nullptr;
  for (const work::Materials::Blob& blob : needs.blobs) {
    if (!blobs_.has(blob.sha256) && absent == nullptr) absent = &blob;
  }
  if (missing.empty() && absent == nullptr) return {.here = true, .trouble = std::nullopt};
  if (slot.job.stage() != wire::PREPARING) {
    slot.job.set_stage(wire::PREPARING);
    c_.jobs.store(slot, out);
    wire::Event event = event_of(slot.job);
    event.mutable_stage()->set_stage(wire::PREPARING);
    event.mutable_stage()->set_note(missing.empty() ? absent->name + " is being fetched"
                                                    : images_.progress(missing));
    c_.journal.tell(std::move(event), now, out);
  }
  return {.here = false, .trouble = trouble(needs)};
}

std::optional<wire::Fault> JobQueue::trouble(const work::Materials& needs) const {
  for (const wire::ImageRef& image : needs.images) {
    if (auto fault = images_.trouble(image.sha256())) return fault;
  }
  for (const work::Materials::Blob& blob : needs.blobs) {
    if (!blobs_.unknown(blob.sha256)) continue;
    return make_fault(wire::PROFILE_UNAVAILABLE, wire::Stage_Name(wire::PREPARING),
                      "the controller does not have the content of " + blob.name,
                      "apply it again: " + commands::apply() + "; the job goes on by itself");
  }
  return std::nullopt;
}

/// A medium needs a URL to give to a BMC; MediaUp brings it.
bool JobQueue::can_serve(const JobSlot& slot) const {
  if (!kind_of(slot.job).medium) return true;
  const MediaPlace place = c_.site.media_of(slot.job.agreed().bmc());
  const bool never_served = !place.tls && !c_.site.listening_media.empty();  // its preparation says so
  return !place.address.empty() || never_served;
}

void JobQueue::hold(JobSlot& slot, wire::Fault fault, const Now& now, Outcome& out) {
  if (slot.held == fault.code()) return;
  slot.held = fault.code();
  slot.held_seen = fault.seen();
  if (fault.code() == wire::DISK_LOW && c_.site.disk_low && std::exchange(slot.disk_low_told, true)) return;
  out.log(LogLevel::warning, "held: " + fault.seen(), log_fields(slot.job));
  wire::Event event = event_of(slot.job);
  *event.mutable_held()->mutable_fault() = std::move(fault);
  c_.journal.tell(std::move(event), now, out);
}

}  // namespace metalmesh::agent
