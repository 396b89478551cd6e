#include "agents/core/stream_link.h"

#include <algorithm>
#include <utility>

#include "agents/core/faults.h"
#include "agents/core/row_table.h"
#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/delivery/envelope_codec.h"
#include "common/delivery/topics.h"
#include "common/ports/clock_row.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t incarnation_bytes = 16;
// One log line per so many rejected envelopes: a noisy neighbour must not fill the log.
constexpr std::uint64_t rejections_per_line = 100;
/// Of the machine's own clock after it was set, until it is believed.
constexpr Duration own_clock_settle = std::chrono::minutes(10);
constexpr Duration clock_kept_every = std::chrono::minutes(1);
/// Heartbeats that the controller may leave unanswered before another one is followed: two minutes.
constexpr int controller_patience = 8;
constexpr std::size_t event_id_limit = 64;
constexpr Duration refused_told_within = std::chrono::seconds(5);
constexpr Duration first_echo_within = std::chrono::milliseconds(500);
/// Around a clock that nobody vouches for.
constexpr Duration any_time = std::chrono::hours(24 * 365 * 50);

template <class Message>
std::optional<Message> decode(const std::string& payload, Outcome& out) {
  Message message;
  if (message.ParseFromString(payload)) return message;
  out.log(LogLevel::warning, "a verified message does not decode: ignored",
          {{"type", message.GetTypeName()}});
  return std::nullopt;
}

}  // namespace

StreamLink::StreamLink(const RowReader& rows, const AgentSettings& settings, const Verifier& verifier,
                       UpChannel& channel, EventJournal& journal, Entropy& entropy)
    : settings_(settings),
      verifier_(verifier),
      channel_(channel),
      journal_(journal),
      entropy_(entropy),
      topic_(topics::down(settings.site)),
      state_(load_row<record::LinkState>(rows, rows::link)),
      commands_(rows::commands, rows),
      presence_(to_hex(entropy.bytes(incarnation_bytes)), settings.hello_interval),
      controller_(controller_patience * settings.hello_interval),
      own_clock_(own_clock_settle) {
  if (const auto kept = rows.get(rows::clock); kept && *kept)
    kept_clock_ = load_row<record::Clock>(rows, rows::clock);
}

void StreamLink::on_started(const Now& now) {
  controller_.on_started(state_, now);
  if (!kept_clock_) return;
  const auto line = line_of(*kept_clock_, now);
  if (!line) return;
  const Duration steps = from_wire(kept_clock_->steps());
  if (settings_.wan_free) {
    own_clock_.resume(line, steps, doubted_of(*kept_clock_));
  } else {
    presence_.resume_clock(*line, steps, doubted_of(*kept_clock_));
  }
}

void StreamLink::look_whether_woken(const Now& now, Outcome& out) {
  if (!presence_.wake(now) || !channel_.up()) return;
  presence_.ask_soon(now);
  out.emit(TimerArm{"hello", presence_.next_hello(now)});
}

bool StreamLink::look_at_clock(const Now& now, Outcome& out) {
  if (!settings_.wan_free) return false;
  const TimeKeeper::Heard heard = own_clock_.hear({now.mono, now.wall(), now.wall()});
  tell_clock(heard, now, out);
  return heard != TimeKeeper::Heard::fits && heard != TimeKeeper::Heard::doubted;
}

void StreamLink::keep_clock(const Now& now, Outcome& out) {
  const bool young = clock_kept_at_ && now.mono - *clock_kept_at_ < clock_kept_every;
  if (!std::exchange(clock_moved_, false) && (out.rows.empty() || young)) return;
  auto row = clock_row(clock(), now);
  if (!row) return;
  clock_kept_at_ = now.mono;
  put_row(out, rows::clock, *row);
}

void StreamLink::tell_clock(TimeKeeper::Heard heard, const Now& now, Outcome& out) {
  const auto doubt = clock().doubt();
  clock_moved_ |= heard == TimeKeeper::Heard::settled;
  if (heard == TimeKeeper::Heard::jumped) {
    out.log(LogLevel::error,
            "the time is " + step_words(*doubt) +
                " of what this machine's monotone clock expects: nothing new "
                "is started until two agree; what runs goes on",
            {{"site", settings_.site.str()}});
  } else if (clock_doubt_told_ && !doubt) {
    out.log(LogLevel::info,
            heard == TimeKeeper::Heard::settled ? "the time has settled and is believed"
                                                : "the time agrees again",
            {{"site", settings_.site.str()}});
  }
  // Told once: one that jumps about must not fill the journal.
  if (doubt.has_value() == clock_doubt_told_) return;
  clock_doubt_told_ = doubt.has_value();
  clock_moved_ = true;  // a life that begins now must not believe what this one doubts
  wire::Event event;
  event.mutable_clock_doubted()->set_over(!doubt);
  if (doubt) *event.mutable_clock_doubted()->mutable_by() = to_wire(*doubt);
  journal_.tell(std::move(event), trusted(now), out);
}

void StreamLink::on_bus_up(const Now& now, Outcome& out) {
  channel_.set_up(true);
  out.log(LogLevel::info, "connected to the broker", {{"site", settings_.site.str()}});
  say_hello(now, out);
  journal_.on_bus_up(now, out);
}

void StreamLink::on_bus_down(Outcome& out) {
  channel_.set_up(false);
  presence_.on_bus_down();
  out.emit(TimerDisarm{"hello"});
}

void StreamLink::on_hello_due(const Now& now, Outcome& out) {
  if (channel_.up()) say_hello(now, out);
}

void StreamLink::say_hello(const Now& now, Outcome& out) {
  wire::Hello hello = presence_.hello(now, entropy_);
  hello.set_journal_id(journal_.stream().journal_id());
  hello.set_next_seq(journal_.stream().next_seq());
  hello.set_head_hash(journal_.stream().head_hash());
  hello.set_command_journal(commands_.journal_id());
  hello.set_cursor(commands_.cursor());
  hello.set_cursor_hash(commands_.cursor_hash());
  hello.set_version(settings_.version);
  hello.set_controller_epoch(epoch());
  hello.set_machine_id(settings_.machine_id);
  hello.set_acked(journal_.stream().acked());
  hello.set_ledger(state_.ledger());
  const std::string reason = quarantine_reason();
  hello.set_quarantined(!reason.empty());
  hello.set_quarantine_reason(reason);
  controller_.fill(hello, state_, now);
  channel_.send("hello", hello, out);
  out.emit(TimerArm{"hello", presence_.next_hello(now)});
}

StreamLink::Received StreamLink::on_message(const MessageArrived& message, const Now& now, Outcome& out) {
  Received received;
  if (message.topic != topic_) return received;
  auto opened = delivery::open(verifier_, "controller", message.payload);
  if (!opened && planted(Defect::any_signer_commands))
    opened = delivery::open(verifier_, settings_.site.str(), message.payload);
  if (!opened) {
    if (rejected_++ % rejections_per_line == 0) {
      out.log(LogLevel::warning, "rejected a message from the bus: " + opened.error().message,
              {{"site", settings_.site.str()}, {"rejected", std::to_string(rejected_)}});
    }
    return received;
  }
  if (opened->kind == "welcome") {
    if (const auto welcome = decode<wire::Welcome>(opened->payload, out)) {
      on_welcome(*welcome, now, received, out);
      received.standing = true;
    }
  } else if (opened->kind == "data") {
    const auto data = decode<wire::Data>(opened->payload, out);
    if (data && is_followed(data->instance(), now, out)) on_data(*data, now, received, out);
  } else if (opened->kind == "ack") {
    const auto ack = decode<wire::Ack>(opened->payload, out);
    if (ack && is_followed(ack->instance(), now, out)) {
      saw_ledger(ack->ledger());
      const auto result = journal_.on_ack(*ack, now, out);
      received.acked = result == delivery::StreamSender::AckResult::ok;
      if (result == delivery::StreamSender::AckResult::diverged) {
        quarantine("the controller acknowledged event " + std::to_string(ack->up_to()) +
                       " of this journal with another history",
                   out);
        received.standing = true;
      }
    }
  } else if (opened->kind == "resync") {
    const auto resync = decode<wire::Resync>(opened->payload, out);
    if (resync && is_followed(resync->instance(), now, out)) {
      if (journal_.on_resync(*resync, now, out) == delivery::StreamSender::ResyncResult::trimmed) {
        out.log(LogLevel::error, "the controller asks for events that were trimmed after it had them",
                {{"from", std::to_string(resync->from())},
                 {"kept from", std::to_string(journal_.stream().first_kept())}});
        wire::Trimmed trimmed;
        trimmed.set_journal_id(journal_.stream().journal_id());
        trimmed.set_first_kept(journal_.stream().first_kept());
        trimmed.set_base_hash(journal_.stream().base_hash());
        channel_.send("trimmed", trimmed, out);
      }
    }
  } else if (opened->kind == "blob_chunk") {
    received.chunk = decode<wire::BlobChunk>(opened->payload, out);
  } else if (opened->kind == "blob_want") {
    received.want = decode<wire::BlobWant>(opened->payload, out);
    if (received.want && received.want->journal_id() != journal_.stream().journal_id()) received.want.reset();
  } else {
    out.log(LogLevel::debug, "ignored a verified message of an unknown kind", {{"kind", opened->kind}});
  }
  return received;
}

void StreamLink::on_welcome(const wire::Welcome& welcome, const Now& now, Received& received, Outcome& out) {
  if (welcome.controller_epoch() < epoch()) {
    const bool told =
        std::exchange(old_epoch_told_, welcome.controller_epoch()) == welcome.controller_epoch();
    if (!told) {
      out.log(LogLevel::warning, "refused a welcome of a controller that was replaced",
              {{"epoch", std::to_string(welcome.controller_epoch())}, {"highest", std::to_string(epoch())}});
    }
    // One that was restored believes only a Hello that echoes its challenge: then it begins a higher epoch.
    const Duration within = told ? refused_told_within : first_echo_within;
    if (presence_.on_challenge(welcome, now, within) && channel_.up())
      out.emit(TimerArm{"hello", presence_.next_hello(now)});
    return;
  }
  if (!obey(welcome, now, out)) {
    received.standing = true;
    return;
  }
  old_epoch_told_.reset();
  using Welcomed = delivery::AgentPresence::Welcomed;
  const bool was_proven = presence_.proven();
  const Welcomed result = presence_.on_welcome(welcome, now);
  const auto news = presence_.take_clock_news();
  if (!settings_.wan_free) {
    received.clock_stepped = news.stepped;
    received.clock_learned = news.learned;
    clock_moved_ |= news.stepped != Duration::zero();
    tell_clock(news.heard, now, out);
  }
  // A challenge is to be echoed before the next heartbeat; whatever was said, presence knows when.
  if (channel_.up()) out.emit(TimerArm{"hello", presence_.next_hello(now)});
  if (result == Welcomed::ignored) {
    // It may have been for another incarnation. If that is a twin, the controller finds out by hearing us,
    // and soon: it is about to be proven.
    if (channel_.up() && was_proven) out.emit(TimerArm{"hello", presence_.next_hello(now)});
    return;
  }
  if (result == Welcomed::twin) {
    if (!twin_) {
      out.log(LogLevel::error, "another agent runs with this site's identity: nothing will be started here",
              {{"site", settings_.site.str()}});
    }
    twin_ = true;
    return;
  }
  twin_ = false;
  told_ = welcome.quarantined() ? (welcome.quarantine_reason().empty() ? std::string("no reason given")
                                                                       : welcome.quarantine_reason())
                                : std::string();
  saw_epoch(welcome.controller_epoch(), out);
  saw_ledger(welcome.ledger());  // it answers a Hello that said what was told before
  check_history(welcome, out);
  follow(welcome, out);
  if (!was_proven && presence_.proven()) {
    out.log(LogLevel::info, "this incarnation is proven: the controller knows its journal and no other agent",
            {{"site", settings_.site.str()}, {"incarnation", presence_.incarnation()}});
  }
}

bool StreamLink::obey(const wire::Welcome& welcome, const Now& now, Outcome& out) {
  if (!presence_.answers_us(welcome)) return FollowedController::is_followed(welcome.instance(), state_);
  const std::string before = state_.controller_instance();
  switch (controller_.judge(welcome, state_, now)) {
    case FollowedController::Verdict::obey:
      return true;
    case FollowedController::Verdict::followed:
      put_row(out, rows::link, state_);
      if (!before.empty()) {
        out.log(LogLevel::info, "following another instance of the controller",
                {{"instance", welcome.instance()}, {"before", before}});
      }
      return true;
    case FollowedController::Verdict::refused:
      break;
  }
  if (std::exchange(refusal_told_, welcome.instance()) != welcome.instance()) {
    out.log(LogLevel::error,
            "another controller with the identity of ours runs: refused, because the one that is followed "
            "was heard "
            "within minutes",
            {{"site", settings_.site.str()}, {"refused", welcome.instance()}, {"followed", before}});
  }
  // Its challenge is echoed all the same: so it learns, from one that lives, who is followed here.
  if (presence_.on_challenge(welcome, now, refused_told_within) && channel_.up())
    out.emit(TimerArm{"hello", presence_.next_hello(now)});
  return false;
}

bool StreamLink::is_followed(const std::string& instance, const Now& now, Outcome& out) {
  if (FollowedController::is_followed(instance, state_)) return true;
  presence_.ask_soon(now);
  if (channel_.up()) out.emit(TimerArm{"hello", presence_.next_hello(now)});
  return false;
}

void StreamLink::check_history(const wire::Welcome& welcome, Outcome& out) {
  const delivery::StreamSender& events = journal_.stream();
  if (planted(Defect::rollback_not_noticed)) return;
  if (welcome.journal_id() != events.journal_id()) return;  // it has not followed this journal yet
  if (welcome.cursor() >= events.next_seq()) {
    quarantine("the controller holds event " + std::to_string(welcome.cursor()) +
                   " of this journal, which ends at " + std::to_string(events.next_seq() - 1) +
                   ": the data folder was rolled back",
               out);
    return;
  }
  const auto hash = events.hash_at(welcome.cursor());
  // Without one: the controller lost its own, and takes what this journal says.
  if (hash && *hash != welcome.cursor_hash() && !(welcome.cursor() > 0 && welcome.cursor_hash().empty())) {
    quarantine("event " + std::to_string(welcome.cursor()) +
                   " of this journal is not the one the controller holds: two agents wrote it",
               out);
  }
}

void StreamLink::follow(const wire::Welcome& welcome, Outcome& out) {
  // Those of a controller that does not follow this journal are for another agent.
  if (welcome.journal_id() != journal_.stream().journal_id()) return;
  if (welcome.command_journal().empty() || welcome.command_journal() == commands_.journal_id()) return;
  out.log(LogLevel::info, "following a new command journal", {{"journal", welcome.command_journal()}});
  commands_.follow(welcome.command_journal(), out.rows);
  state_.set_command_journal(welcome.command_journal());
  state_.set_command_events_from(journal_.stream().next_seq());
  put_row(out, rows::link, state_);
  divergence_.clear();
}

void StreamLink::on_data(const wire::Data& data, const Now& now, Received& received, Outcome& out) {
  using Verdict = delivery::StreamReceiver::Verdict;
  // What it would answer is contradicted already: another agent may have done what this one knows nothing of.
  if (!state_.quarantine_reason().empty() && !planted(Defect::answers_in_quarantine)) return;
  if (planted(Defect::any_site_commanded) && data.journal_id() != commands_.journal_id() &&
      data.first_seq() > 0)
    commands_.follow_at(data.journal_id(), data.first_seq() - 1, data.prev_hash(), out.rows);
  auto taken = commands_.on_data(data, now, out.rows);
  if (taken.resync) channel_.send("resync", *taken.resync, out);
  if (taken.verdict == Verdict::foreign_journal || taken.verdict == Verdict::gap) return;
  if (taken.verdict == Verdict::diverged) {
    if (divergence_.empty()) {
      divergence_ = "the controller's command stream is not the one this site followed up to command " +
                    std::to_string(commands_.cursor());
      out.log(LogLevel::error, divergence_, {{"site", settings_.site.str()}});
      received.standing = true;
    }
    return;
  }
  received.commands = std::move(taken.entries);
  if (!commands_.hash_unknown()) channel_.send("ack", commands_.ack(commands_.cursor() + 1), out);
}

void StreamLink::saw_epoch(std::uint64_t seen, Outcome& out) {
  if (seen <= epoch()) return;
  state_.set_controller_epoch(seen);
  put_row(out, rows::link, state_);
}

void StreamLink::saw_ledger(const std::string& event) {
  if (event.empty() || event.size() > event_id_limit || event == state_.ledger()) return;
  state_.set_ledger(event);
  ledger_moved_ = true;
}

void StreamLink::keep_ledger(Outcome& out) {
  if (!ledger_moved_ || out.rows.empty()) return;
  ledger_moved_ = false;
  put_row(out, rows::link, state_);
}

Now StreamLink::trusted(const Now& now) const {
  Now known = now;
  if (const auto learned = presence_.corrected(now); learned && !settings_.wan_free) return *learned;
  if (const auto own = own_clock_.at(now.mono)) {
    const Duration error = (now.wall_high - now.wall_low) / 2;
    known.wall_low = own->low - error;
    known.wall_high = own->high + error;
    return known;
  }
  known.wall_low -= any_time;
  known.wall_high += any_time;
  return known;
}

void StreamLink::fit_to_clock(wire::Issue& issue) const {
  if (!settings_.wan_free && presence_.clock().line(MonoTime()))
    follow_steps(issue, presence_.clock().steps());
}

std::string StreamLink::quarantine_reason() const {
  if (!state_.quarantine_reason().empty()) return state_.quarantine_reason();
  if (!divergence_.empty()) return divergence_;
  return told_;
}

std::optional<wire::Fault> StreamLink::why_not_act() const {
  if (twin_) {
    return make_fault(wire::SITE_QUARANTINED, "",
                      "another agent runs with the identity of site " + settings_.site.str(),
                      "stop one of the two, then: " + commands::describe("site", settings_.site.str()));
  }
  if (const std::string reason = quarantine_reason(); !reason.empty()) {
    return make_fault(
        wire::SITE_QUARANTINED, "", reason,
        "find out which copy of this agent is right; if no other one runs, stop it and its media process, "
        "move their data folder aside and start both, so that they begin anew, then: " +
            commands::clear_quarantine(settings_.site.str()));
  }
  if (!presence_.proven() && !settings_.wan_free && !planted(Defect::acts_before_proven)) {
    return make_fault(
        wire::CLOCK_UNPROVEN, "",
        "the controller has not answered this agent since it started or woke late: its time, its journal and "
        "that it is alone are unproven",
        "check the link to the broker; for a site without WAN set wanFree in the agent's configuration");
  }
  return std::nullopt;
}

std::optional<wire::Fault> StreamLink::why_not_start() const {
  if (auto fault = why_not_act()) return fault;
  if (const auto doubt = clock().doubt()) {
    return make_fault(wire::CLOCK_UNPROVEN, "",
                      "the time is " + step_words(*doubt) + " of what this agent's monotone clock expects",
                      settings_.wan_free ? "set the clock of the agent's machine right; it goes on by itself"
                                         : "set the controller's clock right; it goes on by itself");
  }
  if (!settings_.wan_free && !presence_.clock().line(MonoTime())) {
    return make_fault(wire::CLOCK_UNPROVEN, "", "the controller doubts its own clock and vouches for no time",
                      "set the controller's clock right; it goes on by itself");
  }
  return std::nullopt;
}

void StreamLink::quarantine(const std::string& reason, Outcome& out) {
  if (!state_.quarantine_reason().empty()) return;
  state_.set_quarantine_reason(reason);
  put_row(out, rows::link, state_);
  out.log(LogLevel::error, "quarantined: " + reason, {{"site", settings_.site.str()}});
}

}  // namespace metalmesh::agent
