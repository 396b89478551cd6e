#include "agents/core/job_runner.h"

#include <algorithm>
#include <utility>

#include "agents/core/faults.h"
#include "agents/core/machine_shown.h"
#include "agents/core/seed.h"
#include "common/base/bmc_address.h"
#include "common/base/check.h"
#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/orders/order_parts.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

std::string holder(const JobSlot& slot) { return "job/" + slot.id(); }

}  // namespace

BmcDesk::Use use_of(const JobSlot& slot) {
  return slot.changes() ? BmcDesk::Use::changes : BmcDesk::Use::reads;
}

wire::Event event_of(const record::Job& job) {
  wire::Event event;
  event.set_server(job.agreed().server());
  event.set_deployment_id(job.issue().deployment_id());
  event.set_generation(job.issue().generation());
  event.set_work(std::string(kind_of(job).name));
  return event;
}

std::vector<std::pair<std::string, std::string>> log_fields(const record::Job& job) {
  return {{"deployment", job.issue().deployment_id()},
          {"server", job.agreed().server()},
          {"stage", wire::Stage_Name(job.stage())}};
}

Login login_of(const wire::BmcTarget& bmc, bool planned) {
  return {bmc.credential(), normal_bmc_address(bmc.address()), planned};
}

std::optional<wire::Fault> why_no_login(const JobContext& context, const wire::BmcTarget& bmc, bool planned,
                                        const Now& now) {
  if (auto barred = context.site.reach.why_not(bmc.address(), bmc.credential()))
    return make_fault(wire::BMC_NOT_ALLOWED, "QUEUED", std::move(barred->seen), std::move(barred->next));
  return context.breaker.why_not(login_of(bmc, planned), context.site.login_refusals, now);
}

void count_login_refusal(const JobContext& context, const Login& login, const std::string& server,
                         const Now& now, Outcome& out) {
  if (!context.breaker.refused(login, context.site.login_refusals, now, out)) return;
  const std::vector<std::string> bmcs = context.breaker.refused_by(login.credential);
  wire::Event event;
  wire::CredentialHeld& held = *event.mutable_credential_held();
  held.set_credential(login.credential);
  held.set_refusals(static_cast<std::uint32_t>(bmcs.size()));
  held.set_jobs_held(context.jobs.waiting_for(login.credential));
  for (const std::string& bmc : bmcs) {
    if (held.bmcs_size() < static_cast<int>(bmcs_named)) held.add_bmcs(bmc);
  }
  context.journal.tell(std::move(event), now, out);
  out.log(LogLevel::error,
          "credential held: " + bmc_words(bmcs) +
              " refused it; next: " + commands::mend_credential(login.credential),
          {{"credential", login.credential}, {"server", server}});
}

bool count_login(const JobContext& context, const Login& login, const Now& now, Outcome& out) {
  if (!context.breaker.accepted(login, context.site.login_refusals, now, out)) return false;
  wire::Event event;
  event.mutable_credential_released()->set_credential(login.credential);
  context.journal.tell(std::move(event), now, out);
  out.log(LogLevel::info, "credential accepted by " + login.bmc + ": what waited for it goes on",
          {{"credential", login.credential}});
  return true;
}

work::Gate JobRunner::gate(const record::Job& job, const Now& now) const {
  work::Gate gate;
  // A credential that is not at this site shows when it is used.
  auto no_login = c_.breaker.why_not(login_of(job.agreed().bmc()), c_.site.login_refusals, now);
  if (no_login && no_login->code() == wire::BMC_LOGIN_REFUSED) gate.no_login = std::move(no_login);
  const auto doubt = c_.link.why_not_act();
  gate.vouched = !doubt;
  if (doubt) gate.why_not = *doubt;
  if (job.launched()) return gate;  // nobody asks for more any more
  const auto standing = c_.link.why_not_start();
  if (standing) gate.why_not = *standing;
  if (job.armed()) return gate;
  gate.clock_ok = now.wall_high - now.wall_low <= c_.settings.clock_tolerance;
  if (standing) return gate;
  if (kind_of(job).changes && !c_.fences.holds(job.agreed().identity(), job.issue().generation())) {
    gate.why_not = make_fault(wire::GENERATION_FENCED, "",
                              "generation " + std::to_string(job.issue().generation()) +
                                  " of this machine was cancelled, or a later order was seen",
                              "order it again: a new order gets a higher generation");
  } else if (gate.no_login) {
    gate.why_not = *gate.no_login;
  } else if (c_.site.disk_low) {
    gate.why_not = make_fault(wire::DISK_LOW, "", "the agent's disk is below its reserve",
                              "free space on the agent's machine; the job goes on by itself");
  } else {
    gate.may_arm = true;
  }
  return gate;
}

void JobRunner::start(JobSlot& slot, bool resumed, const Now& now, Outcome& out) {
  MM_CHECK(slot.open() && !slot.machine);
  const std::string& address = slot.job.agreed().bmc().address();
  // Beside another talk a session that nobody has heard of may be that one's.
  const bool alone = slot.changes() || !c_.bmcs.changed(address);
  c_.bmcs.begin(holder(slot), use_of(slot), address, slot.job.agreed().bmc().credential(), now.mono);
  slot.retry_at.reset();
  slot.held = wire::FAULT_CODE_UNSPECIFIED;
  if (slot.job.agreed().inspect().capture()) slot.transcript.keep_whole();
  const JobSlot* beside = slot.changes() ? nullptr : c_.jobs.changing_at(address);
  slot.machine = kind_of(slot.job).make(
      {.job = slot.job,
       .timeouts = c_.settings.timeouts,
       .urls = c_.mounts.urls(slot.job, c_.site),
       .seed = draw_seed(c_.entropy),
       .known = {&c_.settings.quirks, c_.maps.find(orders::bmc_of(slot.job.agreed(), slot.job.issue())),
                 resumed && alone},
       .any_key = c_.site.reach.takes_any_key(address, now),
       .beside = beside == nullptr ? std::string() : beside->id()});
  deliver(slot, work::Resume{}, now, out);
}

void JobRunner::keep_bmc(const JobSlot& slot) {
  c_.bmcs.keep(holder(slot), use_of(slot), slot.job.agreed().bmc().address());
}

void JobRunner::deliver(JobSlot& slot, const work::JobInput& input, const Now& now, Outcome& out) {
  if (!slot.machine) return;
  if (const auto* reply = std::get_if<HttpReplied>(&input)) slot.transcript.answered(*reply, now);
  if (const auto* failure = std::get_if<HttpFailed>(&input)) slot.transcript.failed(*failure, now);
  apply(slot, slot.machine->handle(input, now, gate(slot.job, now)), now, out);
}

void JobRunner::apply(JobSlot& slot, work::JobOutcome&& outcome, const Now& now, Outcome& out) {
  for (LogLine& line : outcome.logs) {
    slot.transcript.note(line.message, now);
    for (auto& field : log_fields(slot.job)) {
      const bool given =
          std::ranges::any_of(line.fields, [&](const auto& f) { return f.first == field.first; });
      if (!given) line.fields.push_back(std::move(field));
    }
    out.logs.push_back(std::move(line));
  }
  bool over = false;
  for (work::JobAction& action : outcome.actions) {
    std::visit(Overloaded{
                   [&](work::CallBmc& call) {
                     const wire::BmcTarget& bmc = slot.job.agreed().bmc();
                     call.request.within = c_.site.reach.within(bmc.address(), bmc.credential());
                     slot.transcript.asked(call.request, now);
                     out.emit(std::move(call.request));
                   },
                   [&](work::WaitFor& wait) {
                     slot.poll_at = now.mono + wait.delay;
                     out.emit(TimerArm{holder(slot), *slot.poll_at});
                   },
                   [&](work::StopWaiting&) {
                     slot.poll_at.reset();
                     out.emit(TimerDisarm{holder(slot)});
                   },
                   [&](work::SetMount&) { on_mount_changed(slot, now, out); },
                   [&](work::Probe& probe) { out.emit(std::move(probe.probe)); },
                   [&](work::Tell& tell) {
                     tell.event.MergeFrom(event_of(slot.job));
                     if (tell.event.has_stage())
                       slot.transcript.note("stage " + wire::Stage_Name(tell.event.stage().stage()) +
                                                ", attempt " + std::to_string(slot.job.attempt()),
                                            now);
                     if (tell.event.has_ended()) attach_transcript(slot, *tell.event.mutable_ended(), out);
                     const bool last =
                         slot.job.ended() && (tell.event.has_ended() || tell.event.has_released());
                     const std::uint64_t seq = c_.journal.tell(std::move(tell.event), now, out);
                     if (last) slot.job.set_ended_seq(seq);
                     if (last) c_.reads.learn(slot.job, out);
                   },
                   [&](work::LoginRefused&) {
                     count_login_refusal(c_, login_of(slot.job.agreed().bmc()), slot.job.agreed().server(),
                                         now, out);
                     queue_changed_ = true;
                   },
                   [&](work::LoginAccepted&) {
                     c_.bmcs.logged_in(holder(slot));
                     queue_changed_ |= count_login(c_, login_of(slot.job.agreed().bmc()), now, out);
                     place_freed_ = true;
                   },
                   [&](work::RetryLater& retry) {
                     slot.retry_at = now.mono + retry.delay;
                     queue_changed_ = true;
                     slot.job.set_stage(wire::QUEUED);
                     wire::Event event = event_of(slot.job);
                     event.mutable_stage()->set_stage(wire::QUEUED);
                     event.mutable_stage()->set_note(
                         "attempt " + std::to_string(slot.job.attempt()) + " in " +
                         std::to_string(std::chrono::ceil<std::chrono::seconds>(retry.delay).count()) + " s");
                     c_.journal.tell(std::move(event), now, out);
                     over = true;
                   },
                   [&](work::KeepMap& keep) { c_.maps.keep(std::move(keep.map), out); },
                   [&](work::KeepScreen& keep) { slot.transcript.keep_screen(std::move(keep.picture), now); },
                   [&](work::Finish&) {
                     MM_CHECK(slot.job.ended() && slot.job.ended_seq() != 0);
                     if (!slot.job.mount_token().empty() && slot.job.mount_state() != wire::DEAD) {
                       slot.job.set_mount_state(wire::DEAD);
                       on_mount_changed(slot, now, out);
                     }
                     slot.job.set_stage(wire::DONE);
                     slot.transcript = {};  // its row may wait for the controller for days
                     over = true;
                   },
               },
               action);
  }
  if (over) leave_bmc(slot, out);
  c_.jobs.store(slot, out);
}

void JobRunner::attach_transcript(const JobSlot& slot, wire::Ended& ended, Outcome& out) {
  const bool as_wished =
      ended.outcome() == wire::Ended::SUCCEEDED || ended.outcome() == wire::Ended::CANCELLED;
  const record::Job& job = slot.job;
  const wire::Inspect& inspect = job.agreed().inspect();
  if ((as_wished && !inspect.capture() && !inspect.screen()) || slot.transcript.empty()) return;
  std::map<std::string, std::string> about = {
      {"deployment", slot.id()},        {"server", job.agreed().server()},
      {"site", c_.settings.site.str()}, {"bmc", job.agreed().bmc().address()},
      {"agent", c_.settings.version},   {"outcome", wire::Ended::Outcome_Name(ended.outcome())}};
  if (ended.has_fault()) about["fault"] = wire::FaultCode_Name(ended.fault().code());
  *ended.mutable_transcript() = c_.shelf.put(
      slot.transcript.lines(about,
                            {job.mount_token(), job.second_token(), job.callback_token(), job.check_token()}),
      out);
  ended.mutable_transcript()->set_screen(slot.transcript.has_screen());
}

void JobRunner::leave_bmc(JobSlot& slot, Outcome& out) {
  slot.machine.reset();
  slot.poll_at.reset();
  out.emit(TimerDisarm{holder(slot)});
  c_.bmcs.end(holder(slot));
  place_freed_ = true;
}

void JobRunner::on_poll_due(JobSlot& slot, const Now& now, Outcome& out) {
  if (!slot.poll_at || now.mono < *slot.poll_at) return;  // a stale one, or it was armed anew
  slot.poll_at.reset();
  deliver(slot, work::PollDue{}, now, out);
}

void JobRunner::on_mount_changed(JobSlot& slot, const Now& now, Outcome& out) {
  c_.mounts.publish(slot.job, out);
  if (slot.job.mount_state() == wire::OPEN) {
    on_mount_due(slot, now, out);
    return;
  }
  out.emit(TimerDisarm{"mount/" + slot.id()});
  if (slot.job.mount_state() == wire::DEAD && asked_.erase(slot.job.mount_token()) != 0) {
    MountDesk::verdict(slot.job.mount_token(), false, out);
  }
}

void JobRunner::on_mount_due(JobSlot& slot, const Now& now, Outcome& out) {
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
  on_mount_changed(slot, now, out);
}

void JobRunner::on_launch_asked(const std::string& token, const Now& now, Outcome& out) {
  JobSlot* slot = c_.jobs.by_mount(token);
  if (slot == nullptr) return MountDesk::verdict(token, false, out);
  record::Job& job = slot->job;
  if (job.launched()) {  // asked again: the answer was lost, or the media server restarted
    return MountDesk::verdict(token, job.mount_state() != wire::DEAD, out);
  }
  if (token != job.mount_token()) return MountDesk::verdict(token, false, out);  // it carries no installer
  const auto standing = c_.link.why_not_start();
  // While the time is not known, whether launch_by has passed is not either.
  const auto why = MountDesk::why_not_launch(job, c_.fences);
  const bool expired = standing ? MountDesk::surely_expired(job, now) : MountDesk::expired(job, now);
  if (why || expired) {
    out.log(LogLevel::warning, "the media fence held: " + why.value_or("launch_by has passed"),
            log_fields(job));
    return MountDesk::verdict(token, false, out);
  }
  if (standing) {
    if (standing->code() == wire::CLOCK_UNPROVEN) {
      asked_.insert(token);
      return;
    }
    out.log(LogLevel::warning, "the media fence held: " + standing->seen(), log_fields(job));
    return MountDesk::verdict(token, false, out);
  }
  if (planted(Defect::launch_not_journalled)) return MountDesk::verdict(token, true, out);
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
  deliver(*slot, work::LaunchGranted{}, now, out);
}

void JobRunner::on_stranger(JobSlot& slot, const wire::StrangerRefused& stranger, const Now& now,
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

void JobRunner::on_installer_asked(JobSlot& slot, const wire::InstallerAsked& asked, const Now& now,
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
    return deliver(slot, work::PollDue{}, now, out);
  }
  if (shown->calls) job.set_caller_key_sha256(shown->asker);
  job.add_evidence("its installer showed the ordered machine, and got its go");
  tell(LogLevel::info, "its installer showed the ordered machine, and got its go");
  answer(true, "");
  if (shown->calls) c_.mounts.publish(job, out);
}

void JobRunner::judge_launches(const Now& now, Outcome& out) {
  for (const std::string& token : std::exchange(asked_, {})) on_launch_asked(token, now, out);
}

bool JobRunner::cancel(JobSlot& slot, const std::string& reason, const Now& now, Outcome& out) {
  if (slot.job.custody()) {
    out.log(LogLevel::info, "a person lets go of the medium: " + reason, log_fields(slot.job));
    deliver(slot, work::CancelAsked{}, now, out);
    return false;
  }
  const work::Kind& kind = kind_of(slot.job);
  if (kind.past_return(slot.job)) {
    if (!kind.ends_by_word) return false;
    out.log(LogLevel::info, "a person ends it: " + reason, log_fields(slot.job));
    slot.job.set_cancel_asked(true);
    c_.jobs.store(slot, out);
    deliver(slot, work::CancelAsked{}, now, out);
    return false;
  }
  if (slot.job.cancel_asked() || planted(Defect::cancel_answers_only)) return true;
  slot.job.set_cancel_asked(true);
  if (!slot.job.mount_token().empty()) {
    slot.job.set_mount_state(wire::DEAD);
    on_mount_changed(slot, now, out);
  }
  out.log(LogLevel::info, "cancelled: " + (reason.empty() ? std::string("no reason given") : reason),
          log_fields(slot.job));
  if (slot.machine) {
    c_.jobs.store(slot, out);
    deliver(slot, work::CancelAsked{}, now, out);
  } else if (slot.running() || slot.owes_cleanup()) {
    c_.jobs.store(slot, out);  // the machine cleans up when it is resumed
    queue_changed_ = true;
  } else {
    end_waiting(slot, wire::Ended::CANCELLED,
                make_fault(wire::CANCELLED_BY_OPERATOR, wire::Stage_Name(slot.job.stage()),
                           reason.empty() ? "cancelled before it was started"
                                          : "cancelled before it was started: " + reason,
                           ""),
                now, out);
  }
  return true;
}

void JobRunner::end_waiting(JobSlot& slot, wire::Ended::Outcome outcome, wire::Fault fault, const Now& now,
                            Outcome& out) {
  MM_CHECK(slot.open() && !slot.machine && !slot.job.launched());
  record::Job& job = slot.job;
  if (!job.mount_token().empty() && job.mount_state() != wire::DEAD) {
    job.set_mount_state(wire::DEAD);
    on_mount_changed(slot, now, out);
  }
  if (slot.owes_cleanup()) {
    fault.set_disk(wire::DISK_UNTOUCHED);
    *job.mutable_fault() = std::move(fault);
    job.set_stage(wire::CLEANUP);
    c_.jobs.store(slot, out);
    queue_changed_ = true;  // the machine cleans up when it is resumed, and ends the job
    return;
  }
  wire::Event event = event_of(job);
  wire::Ended& ended = *event.mutable_ended();
  ended.set_outcome(outcome);
  ended.set_disk(wire::DISK_UNTOUCHED);
  *ended.mutable_fault() = fault;
  attach_transcript(slot, ended, out);
  slot.transcript = {};
  out.log(outcome == wire::Ended::CANCELLED ? LogLevel::info : LogLevel::warning,
          wire::Ended::Outcome_Name(outcome) + ": " + fault.seen(), log_fields(job));
  *job.mutable_fault() = std::move(fault);
  job.set_ending(outcome);
  job.set_ended(true);
  job.set_stage(wire::DONE);
  job.set_ended_seq(c_.journal.tell(std::move(event), now, out));
  c_.jobs.store(slot, out);
  queue_changed_ = true;
}

bool JobRunner::take_queue_changed() { return std::exchange(queue_changed_, false); }
bool JobRunner::take_place_freed() { return std::exchange(place_freed_, false); }

}  // namespace metalmesh::agent
