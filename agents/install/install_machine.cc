#include "agents/install/install_machine.h"

#include <algorithm>
#include <array>

#include "agents/install/probe.h"
#include "agents/install/stages.h"
#include "common/base/check.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

Verdict reach_bmc(Context& context) { return connect(context); }
Verdict know_machine(Context& context) { return check_identity(context); }

/// What must hold before a stage runs in this life of the agent.
enum class Needs { nothing, connected, identified };

struct Row {
  wire::Stage stage;
  Needs needs;
  Verdict (*run)(Context&);
  wire::Stage next;
};

// Failures and cancels go to CLEANUP from anywhere, and by way of CUSTODY while an installer may run; WATCH,
// VERIFY and CUSTODY judge their deadlines even while the BMC is away, so they connect by themselves.
constexpr std::array<Row, 14> rows = {{
    {wire::CONNECT, Needs::nothing, reach_bmc, wire::IDENTITY},
    {wire::IDENTITY, Needs::connected, know_machine, wire::PREFLIGHT},
    {wire::PREFLIGHT, Needs::connected, preflight, wire::MEDIA},
    {wire::MEDIA, Needs::identified, prepare_media, wire::INSERT},
    {wire::INSERT, Needs::identified, insert, wire::CONFIRM},
    {wire::CONFIRM, Needs::identified, confirm, wire::BOOT_ONCE},
    {wire::BOOT_ONCE, Needs::identified, set_boot, wire::ARM},
    {wire::ARM, Needs::connected, arm, wire::POWER},
    {wire::POWER, Needs::identified, power, wire::WATCH},
    {wire::WATCH, Needs::nothing, watch, wire::FINALISE},
    {wire::FINALISE, Needs::identified, finalise, wire::VERIFY},
    {wire::VERIFY, Needs::nothing, verify, wire::CLEANUP},
    {wire::CUSTODY, Needs::nothing, custody, wire::CLEANUP},
    {wire::CLEANUP, Needs::nothing, cleanup, wire::DONE},
}};

/// Where a job goes on after a restart, by what is durably true of it.
wire::Stage stage_by_facts(const record::Job& job) {
  if (job.custody()) return installer_may_run(job) ? wire::CUSTODY : wire::CLEANUP;
  if (job.stage() == wire::CLEANUP || job.has_fault()) return wire::CLEANUP;
  if (job.final_power_on()) return wire::VERIFY;
  if (job.installer_ended()) return wire::FINALISE;
  if (only_boots(job) && job.launched() && !installer_may_run(job)) return wire::FINALISE;
  if (job.launched()) return planted(Defect::off_while_installing) ? wire::POWER : wire::WATCH;
  return job.armed() ? wire::POWER : wire::CONNECT;
}

void enter(Context& context, wire::Stage stage) {
  Conversation& talk = context.talk;
  context.job.set_stage(stage);
  talk.entered = context.now.mono;
  talk.bmc.forget_answers();
  talk.bmc.stale_slot();
  talk.forced_off = false;
  talk.power_read_again = false;
  talk.power = {};
  talk.restarts = {};
  talk.looked_at.reset();
  talk.told_off_at.reset();
  talk.told_on_at.reset();
  talk.refused_since.reset();
  talk.reset_tries = talk.on_sends = 0;
  talk.etag_step = 0;
  talk.last_refusal.clear();
  context.tell_stage();
}

/// Each medium is inserted and confirmed by itself.
wire::Stage stage_after(const Context& context, const Row& row) {
  if (row.stage == wire::CONFIRM && !all_inserted(context)) return wire::INSERT;
  if (only_tests(context.job) && row.stage == wire::CONFIRM) return wire::WATCH;
  return only_tests(context.job) && row.stage == wire::WATCH ? wire::CLEANUP : row.next;
}

const Row& row_of(wire::Stage stage) {
  const auto* row =
      std::find_if(rows.begin(), rows.end(), [stage](const Row& each) { return each.stage == stage; });
  MM_CHECK(row != rows.end());
  return *row;
}

Verdict prepare(Context& context, Needs needs) {
  switch (needs) {
    case Needs::nothing:
      return Verdict::done;
    case Needs::connected:
      return connect(context);
    case Needs::identified:
      return reach_machine(context);
  }
  return Verdict::done;
}

Verdict step(Context& context) {
  const Row& row = row_of(context.job.stage());
  const bool keeps_time = row.stage == wire::WATCH || row.stage == wire::VERIFY || row.stage == wire::CUSTODY;
  if (!keeps_time && context.now.mono < context.talk.bmc.pause())
    return context.wait(context.talk.bmc.pause() - context.now.mono);
  if (context.talk.bmc.has_task() && follow_task(context) == Verdict::busy) return Verdict::busy;
  if (prepare(context, row.needs) == Verdict::busy || context.failed) return Verdict::busy;
  return row.run(context);
}

/// The stage has failed.
void leave(Context& context) {
  if (std::exchange(context.paused, false)) return;  // it goes on, when the talk works again
  if (context.job.stage() == wire::CLEANUP) {
    ++context.talk.setbacks;
  } else if (installer_may_run(context.job)) {
    begin_custody(context);
    enter(context, wire::CUSTODY);
  } else {
    enter(context, wire::CLEANUP);
  }
}

void run(Context& context) {
  constexpr int most_steps = 64;
  Conversation& talk = context.talk;
  for (int i = 0; i < most_steps; ++i) {
    if (std::exchange(context.failed, false)) leave(context);
    if (talk.bmc.waits()) return;
    // The first read of the medium tells sooner than any answer of the BMC that the host is on.
    if (context.job.stage() == wire::POWER && installer_may_run(context.job) &&
        !planted(Defect::off_while_installing)) {
      enter(context, wire::WATCH);
      look_again(context, context.timeouts.poll);
    }
    context.wake.reset();
    const Verdict verdict = step(context);
    if (context.failed) continue;
    if (verdict == Verdict::busy) return;
    if (context.job.stage() == wire::CLEANUP) return conclude(context);
    enter(context, stage_after(context, row_of(context.job.stage())));
  }
}

/// So much time may have passed since the final power-on, in which nobody looked, that what runs now need not
/// be what was installed: another order may have come and gone.
bool proves_late(const Context& context) {
  const record::Job& job = context.job;
  if (!job.final_power_on()) return false;
  const Duration unseen =
      context.now.wall_high - from_wire(job.final_power_on_at()) - from_wire(job.verified_for());
  return unseen > proof_time(context);
}

google::protobuf::Duration sum(const google::protobuf::Duration& before, Duration more) {
  return to_wire(from_wire(before) + more);
}

/// Time since the last input is added to what runs; time in which this site slept is not.
void keep_time(Context& context) {
  record::Job& job = context.job;
  const auto [passed, slept] = context.pass_time();
  if (slept > Duration::zero()) {
    context.talk.reads.skip(slept);
    context.talk.proves_late |= proves_late(context);
  }
  if (installer_may_run(job)) *job.mutable_ran_for() = sum(job.ran_for(), passed);
  if (job.final_power_on()) *job.mutable_verified_for() = sum(job.verified_for(), passed);
}

}  // namespace

InstallMachine::InstallMachine(record::Job& job, work::StageTimeouts timeouts, work::MediaUrls urls,
                               std::uint64_t seed, bmc::Known known)
    : job_(job),
      terms_(terms_of(job.agreed())),
      timeouts_(timeouts),
      urls_(std::move(urls)),
      random_(seed),
      known_(known),
      conversation_(std::make_unique<Conversation>()) {}

InstallMachine::~InstallMachine() = default;

void InstallMachine::resume(Context& context) {
  Conversation& talk = context.talk;
  talk = Conversation{};
  // An answer to a request of an earlier life must not pass for one of this.
  talk.bmc = work::open_dialogue(job_, timeouts_, known_, 1 + random_.below(1'000'000'000));
  talk.reads.begin(context.now.mono, job_.bytes_covered(), job_.media_size());
  // Also an insert that was answered may not have been seen in its slot yet; a medium that was read, has.
  const bool in_slot = !job_.inserted_slot().empty() || !job_.second_slot().empty();
  if (in_slot && !job_.launched()) talk.slot_doubt_until = context.now.mono + timeouts_.confirm;
  if (job_.attempt() == 0) job_.set_attempt(1);
  if (planted(Defect::resumes_blindly)) {
    job_.clear_intent();
    job_.set_powered(false);
    job_.set_launched(false);
  }
  const bool machine_restarted =
      job_.on_in_boot() != 0 && context.now.boot != 0 && job_.on_in_boot() != context.now.boot;
  if (job_.launched() && !job_.installer_ended() && machine_restarted) {
    job_.set_lost_sight(true);
    take_seal(context);  // what was read, and whether the host had restarted, is not known any more
  }
  enter(context, stage_by_facts(job_));
  talk.proves_late = proves_late(context);
  if (job_.cancel_asked() && !job_.launched() && job_.stage() != wire::CLEANUP)
    context.fail(wire::CANCELLED_BY_OPERATOR, {});
}

/// From then on also a media server that has lost what it knew must start nothing.
void InstallMachine::take_seal(Context& context) {
  if (job_.sealed() || !job_.launched()) return;
  job_.set_sealed(true);
  context.out.actions.emplace_back(work::SetMount{});
}

void InstallMachine::take_cancel(Context& context) {
  if (job_.custody() && installer_may_run(job_)) return context.release(wire::MediumReleased::PERSON);
  if (job_.launched() && !only_boots(job_)) return;
  job_.set_cancel_asked(true);
  if (job_.launched()) return;  // WATCH ends it
  context.set_mount(wire::DEAD);
  if (job_.stage() != wire::CLEANUP) context.fail(wire::CANCELLED_BY_OPERATOR, {});
}

void InstallMachine::fold(Context& context, const work::JobInput& input) {
  struct Fold {
    InstallMachine& machine;
    Context& context;

    void operator()(const Resume&) const { machine.resume(context); }
    void operator()(const HttpReplied& reply) const { work::absorb(context, reply); }
    void operator()(const HttpFailed& failure) const { work::absorb(context, failure); }
    void operator()(const PollDue&) const { context.talk.armed_wake.reset(); }
    void operator()(const MediaRead& read) const {
      record::Job& job = context.job;
      if (planted(Defect::medium_shut_while_read) && job.launched() && context.random.chance(200))
        context.release(wire::MediumReleased::LONGEST_RUN);
      if (read.sealed) machine.take_seal(context);
      // Of another life, of the media server or our own, nothing tells when it was.
      const auto before = std::exchange(context.talk.starts_refused, read.starts_refused);
      if (before && read.starts_refused > *before) context.talk.restarts.medium_tried(context.now.mono);
      if (read.bytes_covered == 0 && read.package_bytes == 0 && read.peer.empty()) return;
      context.talk.wanted_whole = context.talk.wanted_whole || read.wanted_whole;
      context.talk.reads.took(read.bytes_covered, read.size, read.package_bytes, context.now.mono);
      const auto percent = [](std::uint64_t part, std::uint64_t whole) {
        return whole == 0 ? 0 : 100 * part / whole;
      };
      // Whole percents only: the row is durable, and reads come every second.
      const bool first = job.bytes_covered() == 0 && read.bytes_covered > 0;
      const bool grown =
          percent(read.bytes_covered, read.size) != percent(job.bytes_covered(), job.media_size());
      if (!first && !grown) return;
      job.set_bytes_covered(
          std::max(job.bytes_covered(), read.bytes_covered));  // a restarted server counts anew
      job.set_media_size(read.size);
    }
    void operator()(const SecondRead& read) const {
      if (read.bytes_covered == 0) return;
      context.talk.reads.alive(context.now.mono);
      if (context.job.second_read()) return;
      context.job.set_second_read(true);
      context.note_evidence("the medium with the answer files was read");
    }
    void operator()(const LaunchGranted&) const {
      context.talk.reads.restart(context.now.mono);
      context.job.clear_ran_for();  // it begins now
      context.job.set_on_in_boot(context.now.boot);
    }
    void operator()(const CalledBack& call) const {
      record::Job& job = context.job;
      const bool booted = job.final_power_on() || job.intent() == record::Job::FINAL_RESET_ON;
      if (!booted && call.from_new_system && job.launched() && job.ends_in_restart()) {
        job.set_callback_seen(true);  // WATCH takes it for the end
        context.note_evidence("the installed system called back");
        return;
      }
      if (!booted) {  // from inside the installer: no proof that the new system boots
        context.note_evidence("the installer called back");
        return;
      }
      job.set_callback_seen(true);
      raise_proof(context, wire::PROOF_CALLBACK, "the installed system called back");
    }
    void operator()(const CancelAsked&) const { machine.take_cancel(context); }
    void operator()(const CredentialSet&) const {
      context.talk.login_barred = false;
      context.talk.bmc.pause_until(std::min(context.talk.bmc.pause(), context.now.mono));
    }
    void operator()(const MediaBack&) const { context.talk.reads.alive(context.now.mono); }
    void operator()(const MediaTlsRefused& refused) const { context.talk.tls_refusal = refused.detail; }
    void operator()(const MediumRefused& refused) const {
      if (context.job.launched()) {  // its reader failed as well, which the stages see
        context.note_evidence("the medium can no longer be composed: " + refused.reason);
      } else if (context.job.stage() != wire::CLEANUP) {
        context.fail(refused.temporary ? wire::IMAGE_UNAVAILABLE : wire::IMAGE_UNSUITABLE,
                     {.seen = refused.reason});
      }
    }
    void operator()(const ProbeAnswered& answer) const { take_probe(context, answer); }
  };
  std::visit(Fold{*this, context}, input);
}

std::string InstallMachine::boot_progress() const {
  const auto& system = conversation_->bmc.system();
  return system ? system->boot_progress : std::string();
}

work::JobOutcome InstallMachine::handle(const work::JobInput& input, const Now& now, const work::Gate& gate) {
  JobOutcome out;
  if (job_.ended()) {
    out.actions.emplace_back(Finish{});
    return out;
  }
  const bool running = job_.stage() >= wire::CONNECT && job_.stage() != wire::DONE;
  if (!running && !std::holds_alternative<Resume>(input)) return out;
  Context context(job_, terms_, *conversation_, timeouts_, urls_, random_, now, gate, out, known_);
  keep_time(context);
  fold(context, input);
  run(context);
  context.arrange_wake();
  return out;
}

}  // namespace metalmesh::install
