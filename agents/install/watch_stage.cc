// WATCH: until the first guarded read (LAUNCHED), then until the host powers off by itself. No call here
// changes anything. CUSTODY: the same after an end that was told too early to know.
#include <algorithm>

#include "agents/install/final_power.h"
#include "agents/install/install_end.h"
#include "agents/install/probe.h"
#include "agents/install/stages.h"
#include "agents/redfish/media_slot.h"
#include "agents/work/duration_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

/// Installers pause; this long they seldom do.
constexpr Duration lull = std::chrono::seconds(2);
/// Two readings this far apart are two.
constexpr Duration apart = std::chrono::seconds(1);
/// Soon: a power cut of seconds is one that two readings saw, and one may have come at its end.
constexpr Duration second_look = apart + std::chrono::milliseconds(200);
/// PowerState lags: an Off before the first On may still be from before the power-on.
constexpr Duration power_lag = std::chrono::seconds(30);
/// A reading that still says something of now.
constexpr Duration recent = std::chrono::minutes(2);
/// The media server tells of reads this much later.
constexpr Duration read_lag = std::chrono::seconds(3);

/// Not sooner, and not much later.
Verdict look_at(Context& context, MonoTime at) {
  const Duration gap = std::max<Duration>(at - context.now.mono, std::chrono::milliseconds(100));
  look_again(context, 2 * gap);
  context.talk.bmc.look_by(context.now.mono + gap);
  return context.wait(gap);
}

/// Why the media was not booted, by what was seen of its readers; nullopt while there is time.
std::optional<std::pair<wire::FaultCode, FaultFacts>> not_launched(const Context& context) {
  const Conversation& talk = context.talk;
  const Duration waited = context.now.mono - talk.entered;
  const wire::Issue& issue = context.issue();
  // To end something takes a time that is known: right after a restart any time may be the true one.
  const bool expired = issue.has_launch_by() && surely_past(context, issue.launch_by());
  if (talk.reads.never_read(talk.entered, context.now.mono, context.timeouts.first_read)) {
    if (!talk.tls_refusal.empty())
      return {{wire::MEDIA_TLS_REFUSED, {.expected = "TLS", .seen = talk.tls_refusal}}};
    return {{wire::MEDIA_NOT_REACHED, {.expected = "reads", .seen = "none", .span = waited}}};
  }
  if (waited >= context.timeouts.boot)
    return {{wire::BOOT_IGNORED,
             {.expected = "our media", .seen = "it has been on for " + work::for_people(waited)}}};
  if (expired)
    return {{wire::ORDER_EXPIRED,
             {.expected = "launch_by",
              .seen = talk.reads.reached() ? "the medium was read, but not booted yet"
                                           : "the medium was not read yet"}}};
  return std::nullopt;
}

/// The host is asked for its power, and has not told it for long.
bool power_untold(const Conversation& talk) {
  if (!talk.looked_at || talk.power.maybe_off()) return false;
  return !talk.power.on_last() || *talk.looked_at - *talk.power.on_last() >= recent;
}

Verdict await_launch(Context& context) {
  Conversation& talk = context.talk;
  if (const auto why = not_launched(context)) {
    if (why->first != wire::ORDER_EXPIRED && see_screen(context) == Verdict::busy) return Verdict::busy;
    return context.fail(why->first, why->second);
  }
  if (read_power(context) == nullptr) return Verdict::busy;
  if (!talk.power.maybe_off()) return look_later(context);
  if (talk.power.off(apart)) {
    if (!talk.tls_refusal.empty() && !talk.reads.reached())
      return context.fail(wire::MEDIA_TLS_REFUSED, {.expected = "TLS", .seen = talk.tls_refusal});
    return context.fail(wire::BOOT_IGNORED, {.expected = "our media", .seen = "it powered off by itself"});
  }
  return look_at(context, context.now.mono + second_look);
}

bool ran_too_long(const Context& context) { return from_wire(context.job.ran_for()) > longest_run(context); }

/// Its time is over: the one end that needs no reading. What kept us from reading is the better reason.
Verdict out_of_time(Context& context) {
  const Duration ran = from_wire(context.job.ran_for());
  if (!context.talk.trouble && see_screen(context) == Verdict::busy) return Verdict::busy;
  context.release(wire::MediumReleased::LONGEST_RUN);
  if (!context.talk.trouble && power_untold(context.talk))
    return context.fail(wire::BMC_PROTOCOL,
                        {.expected = "the host's PowerState", .seen = "none", .span = ran});
  if (!context.talk.trouble)
    return context.fail(wire::INSTALLER_TIMEOUT,
                        {.expected = work::for_people(longest_run(context)), .span = ran});
  context.note_evidence("the installer has run " + work::for_people(ran) + ", its end could not be seen");
  return context.fail_with(*context.talk.trouble);
}

/// No reads for longer than its patience, and the host is still read as on.
Verdict judge_silence(Context& context) {
  Conversation& talk = context.talk;
  const wire::Install& install = context.install();
  const Duration stall =
      install.has_stall_after() ? from_wire(install.stall_after()) : context.timeouts.stall;
  if (!talk.finish_told && talk.reads.finished(context.now.mono, stall)) {
    talk.finish_told = true;
    context.log(LogLevel::info, "its installer has finished reading the medium");
  }
  if (!talk.reads.stalled(talk.entered, context.now.mono, stall)) return Verdict::done;
  const MonoTime since = std::max(talk.reads.last(), talk.entered);
  const MonoTime on = talk.power.on_last().value_or(since);
  if (!talk.bmc.system() || talk.power.maybe_off() || on <= since || context.now.mono - on >= recent)
    return Verdict::done;
  if (see_screen(context) == Verdict::busy) return Verdict::busy;
  return context.fail(wire::INSTALLER_STALLED,
                      {.seen = talk.bmc.system()->power, .span = context.now.mono - since});
}

/// Reading has stopped: a look at once may see a power cut of seconds, and one some time later, whether the
/// host is still on, tells an end from a power cut.
void look_when_quiet(Context& context) {
  Conversation& talk = context.talk;
  if (!talk.looked_at) return;
  const MonoTime lull_at = talk.reads.last() + lull;
  const MonoTime quiet_at = talk.reads.last() + quiet_time;
  if (*talk.looked_at >= quiet_at) return;
  const MonoTime at =
      *talk.looked_at < lull_at ? std::max(lull_at, *talk.looked_at + context.timeouts.poll) : quiet_at;
  talk.bmc.look_by(at);
  if (at > context.now.mono) context.wait(at - context.now.mono);  // else nobody can be asked now
}

/// It was read as on.
Verdict look_on(Context& context) {
  look_later(context);
  look_when_quiet(context);
  return Verdict::busy;
}

/// It had stopped reading well before it went off, as an installer does that comes to its end.
bool fell_quiet(const Context& context) {
  const Conversation& talk = context.talk;
  const auto on = talk.power.on_last();
  const bool waited = context.job.custody();  // its silence was held against it: that is no sign of an end
  return !waited && talk.reads.seen() && on && *on - talk.reads.last() >= quiet_time;
}

/// A host that restarts is On before and after: only an operating system that was seen to run after its last new read
/// tells that it was not cut off in the middle.
bool quiet_before_restart(const Context& context) {
  const Conversation& talk = context.talk;
  return talk.quiet_at && *talk.quiet_at == talk.reads.covered();
}

/// Without a go it does not write: a restart, or an Off, is not its end.
bool awaits_go(const Context& context) {
  return context.install().check() == wire::CHECK_REQUIRED && !context.job.check_go();
}

EndSigns end_signs(const Context& context, bool was_quiet) {
  return {.read = std::max<std::uint64_t>(context.talk.reads.covered(), context.job.bytes_covered()),
          .size = context.job.media_size(),
          .usual = context.job.usual_reads(),
          .elsewhere = context.job.has_packages() || !context.install().packages().url().empty(),
          .fell_quiet = was_quiet,
          .medium_gone = context.job.medium_gone(),
          .awaits_go = awaits_go(context)};
}

/// As much as those of its kind at other sites. Machines differ, so that less does not tell of an interruption.
bool read_as_others(const Context& context) {
  const std::uint64_t usual = context.job.issue().usual_reads();
  return usual > 0 && enough_of(usual, end_signs(context, true).read);
}

bool has_finished(const Context& context, bool was_quiet) {
  return looks_finished(end_signs(context, was_quiet));
}

bool holds_our_medium(const Context& context, const redfish::Slot& slot) {
  return redfish::is_inserted(slot) &&
         (slot.image.empty() || redfish::shows_image(slot, context.urls.medium));
}

/// Quiet ends an installer's reading only where something is left to read: a BMC that restarts may lose its medium. Asked where
/// nothing but the quiet can tell an end from a cut, once in each quiet. That it is gone takes two readings; of a BMC that
/// does not tell, nothing is known.
Verdict see_medium(Context& context) {
  Conversation& talk = context.talk;
  const bool quiet = context.now.mono - talk.reads.grown() >= quiet_time;
  if (!quiet || talk.slot_seen_at == talk.reads.covered() || context.job.inserted_slot().empty() ||
      !quiet_decides(end_signs(context, true)))
    return Verdict::done;
  const auto seen = [&](bool gone) {
    talk.slot_seen_at = talk.reads.covered();
    talk.slot_asked.reset();
    talk.slot_empty = false;
    if (gone && !context.job.medium_gone())
      context.note_evidence("its slot was empty when it had stopped to read");
    context.job.set_medium_gone(gone);
    return Verdict::done;
  };
  if (!talk.slot_asked) talk.slot_asked = context.now.mono;
  if (context.now.mono - *talk.slot_asked >= recent) return seen(false);
  if (reach_machine(context) == Verdict::busy) return Verdict::busy;
  const redfish::Slot* slot = look_at_slot(context, context.job.inserted_slot());
  if (slot == nullptr) return talk.bmc.slot_gone() ? seen(false) : Verdict::busy;
  if (holds_our_medium(context, *slot)) return seen(false);
  if (talk.slot_empty) return seen(true);
  talk.slot_empty = true;
  return look_at(context, context.now.mono + second_look);
}

std::string percent_read(const record::Job& job) {
  const auto percent = job.media_size() == 0 ? 0 : 100 * job.bytes_covered() / job.media_size();
  return std::to_string(percent) + " %";
}

/// An Off of a moment is no power cut here: it had stopped to read before. Between passes a BMC may show its host as off for a moment.
bool at_its_end(const Context& context) {
  return context.job.restarts_expected() == 0 && fell_quiet(context) && has_finished(context, true);
}

/// The fence shuts for good in the turn that learns of the end, before eject and power-on.
Verdict installer_ended(Context& context, wire::ProofGrade proves, const char* how) {
  context.job.set_installer_ended(true);
  if (!planted(Defect::mount_lives_on)) context.set_mount(wire::DEAD);
  raise_proof(context, proves, "media read " + percent_read(context.job) + ", then " + how);
  return Verdict::done;
}

/// Since the host was last known to be on, this agent's machine was started anew: the mains may have gone for
/// both, and whatever was read, nobody saw an installer come to its end.
bool mains_may_have_gone(const Context& context) {
  const std::uint64_t on_in = context.job.on_in_boot();
  return context.job.lost_sight() || (on_in != 0 && context.now.boot != 0 && on_in != context.now.boot);
}

Verdict went_off(Context& context) {
  // Whose Off that was, nobody knows where another machine answered for a while.
  const bool contradicted = context.job.contradicted();
  const bool mains = mains_may_have_gone(context);
  if (!contradicted && !mains && has_finished(context, fell_quiet(context)))
    return installer_ended(context, wire::PROOF_POWEROFF, "powered off by itself");
  context.release(wire::MediumReleased::HOST_OFF);
  if (contradicted)
    return context.fail(wire::IDENTITY_MISMATCH,
                        {.expected = "one machine", .seen = "another one than before, for a while"});
  const auto usual = context.job.usual_reads();
  return context.fail(
      wire::INSTALLER_INTERRUPTED,
      {.seen = mains        ? "and the agent's machine was started anew meanwhile as well"
               : usual == 0 ? "and it was still reading"
                            : "earlier installs of this image read " + std::to_string(usual >> 20) + " MiB"});
}

/// Its installer runs no more, whether it had come to its end or not: whatever boots next must not find the
/// medium and write over what may be complete.
Verdict rebooted(Context& context, std::string seen) {
  context.release(wire::MediumReleased::HOST_OFF);
  return context.fail(wire::INSTALLER_REBOOTED, {.seen = std::move(seen)});
}

/// What its family says that its installer does, after it had read what an install reads: its end, or that it goes on from
/// the disk, where its sealed medium is not needed any more. Any other restart is nobody's.
Verdict restarted(Context& context, std::string seen) {
  record::Job& job = context.job;
  job.set_restarts_seen(job.restarts_seen() + 1);
  const std::uint32_t expected = job.restarts_expected() + (job.ends_in_restart() ? 1 : 0);
  const bool finished = has_finished(context, quiet_before_restart(context));
  if (job.restarts_seen() > expected || !finished || job.contradicted() || mains_may_have_gone(context))
    return rebooted(context, std::move(seen));
  context.note_evidence("restart " + std::to_string(job.restarts_seen()) + " of " + std::to_string(expected) +
                        " that its family expects: it " + seen);
  if (job.ends_in_restart() && job.restarts_seen() == expected) {
    job.set_progress_before(progress_of(*context.talk.bmc.system()));
    job.set_end_by_quiet(quiet_decides(end_signs(context, true)) && !read_as_others(context));
    return installer_ended(context, wire::PROOF_NONE, "restarted by itself");
  }
  context.talk.power = {};
  context.talk.restarts.begin_anew(context.now.mono);
  context.talk.reads.alive(context.now.mono);
  return look_later(context);
}

/// The new system speaks for itself, whatever could be seen of the restart before.
Verdict new_system_called(Context& context) {
  context.job.set_progress_before(progress_of(*context.talk.bmc.system()));
  installer_ended(context, wire::PROOF_NONE, "restarted by itself");
  raise_proof(context, wire::PROOF_CALLBACK, "the installed system called back");
  return Verdict::done;
}

/// It read guarded blocks when it was launched, so it was on by then, whatever this life has seen.
bool was_on(const Context& context) {
  return context.talk.power.on_seen() || from_wire(context.job.ran_for()) > power_lag ||
         context.now.mono - context.talk.entered >= power_lag;
}

/// Its restart may not show at its BMC: then a port that answers, and did not while the installer ran, is a sign.
bool ends_quietly(const Context& context) {
  return context.job.ends_in_restart() && context.now.mono - context.talk.reads.grown() >= quiet_time;
}

Verdict await_end(Context& context) {
  Conversation& talk = context.talk;
  if (ran_too_long(context) || (planted(Defect::medium_taken_at_random) && context.random.chance(300)))
    return out_of_time(context);
  if (!context.job.check_refusal().empty() && !planted(Defect::refusal_unheeded))
    return context.fail(wire::INSTALLER_REFUSED, {.seen = context.job.check_refusal()});
  if (judge_silence(context) == Verdict::busy) return Verdict::busy;
  if (!talk.power.maybe_off()) {  // else the next look is set already
    look_when_quiet(context);
    if (see_medium(context) == Verdict::busy) return Verdict::busy;
  }
  const redfish::System* system = read_power(context);
  if (system == nullptr) return Verdict::busy;
  if (talk.power.glimpsed_off()) context.note_evidence("one reading said that the host was off");
  if (context.job.callback_seen() && !context.job.contradicted()) return new_system_called(context);
  if (talk.restarts.restarted(talk.power, context.now.mono))
    return restarted(context, talk.power.came_back() ? "was seen Off and is " + system->power + " again"
                                                     : "restarted (" + progress_of(*system) + ")");
  if (talk.restarts.suspects()) return look_at(context, context.now.mono + second_look);
  if (ends_quietly(context)) probe_port(context);
  if (!talk.power.maybe_off()) return look_on(context);
  if (!was_on(context)) return look_again(context, context.timeouts.poll);
  const bool glimpse = planted(Defect::one_off_ends_it) && talk.power.maybe_off();
  if (glimpse || talk.power.off(at_its_end(context) ? apart : long_apart)) return went_off(context);
  if (!talk.power.off(apart)) return look_at(context, context.now.mono + second_look);
  // Whoever was cut off may be back on, and off again, before the last look: those between show it.
  return look_at(context,
                 std::min(context.now.mono + 2 * context.timeouts.poll, talk.power.off_since() + long_apart));
}

}  // namespace

const redfish::System* read_power(Context& context) {
  Conversation& talk = context.talk;
  if (reach_machine(context) == Verdict::busy) return nullptr;
  const redfish::System* system = look(context);
  if (system == nullptr) return nullptr;
  context.talk_works();
  if (talk.power.maybe_off() && talk.reads.last() > talk.power.off_since() + read_lag) talk.power.doubt_off();
  talk.power.saw(system->power, context.now.mono);
  talk.restarts.saw(system->boot_progress);
  if (talk.power.on_last() == context.now.mono) {
    context.job.set_on_in_boot(context.now.boot);
    const bool quiet =
        talk.restarts.os_runs() && context.now.mono - talk.reads.grown() >= talk.reads.longest_lull();
    if (quiet) talk.quiet_at = talk.reads.covered();
  }
  talk.looked_at = context.now.mono;
  return system;
}

/// An end is seen within an eighth of the run, half a minute at most, and an hour costs a hundred questions or so instead of
/// 720. Whoever reads is on, and that it stops is seen: the poll is for what else there is to see.
Verdict look_later(Context& context) {
  const Duration poll = context.timeouts.poll;
  const ReadWatch& reads = context.talk.reads;
  const bool reading = reads.seen() && context.now.mono - reads.last() < quiet_time;
  const Duration least = reading ? 2 * poll : poll;
  return look_again(context, std::clamp((context.now.mono - context.talk.entered) / 8, least, 6 * poll));
}

Duration longest_run(const Context& context) {
  const wire::Install& install = context.install();
  return install.has_max_run() ? from_wire(install.max_run()) : context.timeouts.longest_run;
}

void raise_proof(Context& context, wire::ProofGrade grade, std::string evidence) {
  if (grade > context.job.proof()) context.job.set_proof(grade);
  context.note_evidence(std::move(evidence));
}

Verdict watch(Context& context) {
  if (only_tests(context.job)) return see_reads(context);
  if (!context.job.launched()) return await_launch(context);
  return only_boots(context.job) ? session(context) : await_end(context);
}

Verdict custody(Context& context) {
  if (!installer_may_run(context.job)) return Verdict::done;
  const auto let_go = [&](wire::MediumReleased::Ground ground) {
    context.release(ground);
    return Verdict::done;
  };
  if (ran_too_long(context) || planted(Defect::custody_lets_go))
    return let_go(wire::MediumReleased::LONGEST_RUN);
  context.wait(longest_run(context) - from_wire(context.job.ran_for()) + std::chrono::seconds(1));
  if (read_power(context) == nullptr) return Verdict::busy;
  if (context.talk.power.came_back()) return let_go(wire::MediumReleased::HOST_OFF);
  if (context.talk.power.off(long_apart))
    return let_go(has_finished(context, fell_quiet(context)) && !mains_may_have_gone(context)
                      ? wire::MediumReleased::INSTALLER_ENDED
                      : wire::MediumReleased::HOST_OFF);
  return context.talk.power.maybe_off() ? look_again(context, context.timeouts.poll) : look_later(context);
}

}  // namespace metalmesh::install
