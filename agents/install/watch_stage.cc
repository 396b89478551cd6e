// WATCH: until the first guarded read (LAUNCHED), then until the host powers off by itself. No call here
// changes anything.
#include <algorithm>
#include <array>

#include "agents/install/duration_words.h"
#include "agents/install/exchange.h"
#include "agents/install/stages.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

constexpr Duration second_look = std::chrono::seconds(2);
/// PowerState lags: an Off before the first On may still be from before the power-on.
constexpr Duration power_lag = std::chrono::seconds(30);

/// The longer it has run, the less a moment matters: an end is seen within an eighth of the run, half a
/// minute at most, and an hour costs a hundred questions or so instead of 720.
Verdict look_later(Context& context) {
  const Duration poll = context.timeouts.poll;
  return look_again(context, std::clamp((context.now.mono - context.talk.entered) / 8, poll, 6 * poll));
}

/// Why the media was not booted, by what was seen of its readers; nullopt while there is time.
std::optional<std::pair<wire::FaultCode, FaultFacts>> not_launched(const Context& context) {
  const Conversation& talk = context.talk;
  const Duration waited = context.now.mono - talk.entered;
  const auto& order = context.order();
  const bool expired = order.has_launch_by() && maybe_past(context, order.launch_by());
  if (talk.reads.never_read(talk.entered, context.now.mono, context.timeouts.first_read)) {
    if (!talk.tls_refusal.empty())
      return {{wire::MEDIA_TLS_REFUSED, {.expected = "TLS", .seen = talk.tls_refusal}}};
    return {{wire::MEDIA_NOT_REACHED, {.expected = "reads", .seen = "none", .span = waited}}};
  }
  if (waited >= context.timeouts.boot)
    return {
        {wire::BOOT_IGNORED, {.expected = "our media", .seen = "it has been on for " + for_people(waited)}}};
  if (expired)
    return {{wire::ORDER_EXPIRED,
             {.expected = "launch_by",
              .seen = talk.reads.reached() ? "the medium was read, but not booted yet"
                                           : "the medium was not read yet"}}};
  return std::nullopt;
}

Verdict await_launch(Context& context) {
  Conversation& talk = context.talk;
  if (const auto why = not_launched(context)) return context.fail(why->first, why->second);
  if (reach_machine(context) == Verdict::busy) return Verdict::busy;
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (!system->off()) {
    talk.on_seen = true;
    talk.off_seen = false;
    return look_later(context);
  }
  if (talk.off_seen)
    return context.fail(wire::BOOT_IGNORED, {.expected = "our media", .seen = "it powered off by itself"});
  talk.off_seen = true;
  return look_again(context, second_look);
}

/// After an operating system ran, firmware speaks again only when the host restarts.
bool restarted(Conversation& talk, const std::string& progress) {
  constexpr std::array<std::string_view, 6> firmware = {"PrimaryProcessorInitializationStarted",
                                                        "BusInitializationStarted",
                                                        "MemoryInitializationStarted",
                                                        "SecondaryProcessorInitializationStarted",
                                                        "PCIResourceConfigStarted",
                                                        "SystemHardwareInitializationComplete"};
  if (progress == "OSRunning" || progress == "OSBootStarted") talk.os_ran = true;
  return talk.os_ran && std::find(firmware.begin(), firmware.end(), progress) != firmware.end();
}

Verdict overdue(Context& context) {
  Conversation& talk = context.talk;
  const wire::StartInstall& order = context.order();
  if (order.has_max_run() && context.job.has_launched_at()) {
    const Duration ran = context.now.wall_low - from_wire(context.job.launched_at());
    if (ran > from_wire(order.max_run()))
      return context.fail(wire::INSTALLER_TIMEOUT,
                          {.expected = for_people(from_wire(order.max_run())), .span = ran});
  }
  if (talk.system && talk.system->off()) return Verdict::done;  // ended or not: what is off does not hang
  const Duration stall = order.has_stall_after() ? from_wire(order.stall_after()) : context.timeouts.stall;
  if (!talk.finish_told && talk.reads.finished(context.now.mono, stall)) {
    talk.finish_told = true;
    context.log(LogLevel::info, "its installer has finished reading the medium");
  }
  if (!talk.reads.stalled(talk.entered, context.now.mono, stall)) return Verdict::done;
  const Duration quiet = context.now.mono - std::max(talk.reads.last(), talk.entered);
  return context.fail(wire::INSTALLER_STALLED,
                      {.seen = talk.system ? talk.system->power : "unknown", .span = quiet});
}

Verdict await_end(Context& context) {
  Conversation& talk = context.talk;
  if (overdue(context) == Verdict::busy) return Verdict::busy;
  if (reach_machine(context) == Verdict::busy) return Verdict::busy;
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (!system->off()) {
    talk.on_seen = true;
    if (talk.off_seen)
      return context.fail(wire::INSTALLER_REBOOTED,
                          {.seen = "was seen Off and is " + system->power + " again"});
    if (restarted(talk, system->boot_progress))
      return context.fail(wire::INSTALLER_REBOOTED, {.seen = "restarted (" + system->boot_progress + ")"});
    return look_later(context);
  }
  // It read guarded blocks when it was launched, so it was on by then, whatever this life has seen.
  const bool was_on = talk.on_seen || context.now.wall_low - from_wire(context.job.launched_at()) > power_lag;
  if (!was_on && context.now.mono - talk.entered < power_lag)
    return look_again(context, context.timeouts.poll);
  if (!talk.off_seen) {  // one reading may be a glitch
    talk.off_seen = true;
    return look_again(context, second_look);
  }
  // The fence shuts for good in the turn that learns of the end, before eject and power-on.
  context.job.set_installer_ended(true);
  if (!planted(Defect::mount_lives_on)) context.set_mount(wire::DEAD);
  const auto& job = context.job;
  const auto percent = job.media_size() == 0 ? 0 : 100 * job.bytes_covered() / job.media_size();
  raise_proof(context, wire::PROOF_POWEROFF,
              "media read " + std::to_string(percent) + " %, then powered off by itself");
  return Verdict::done;
}

}  // namespace

void raise_proof(Context& context, wire::ProofGrade grade, std::string evidence) {
  if (grade > context.job.proof()) context.job.set_proof(grade);
  context.note_evidence(std::move(evidence));
}

Verdict watch(Context& context) {
  return context.job.launched() ? await_end(context) : await_launch(context);
}

}  // namespace metalmesh::install
