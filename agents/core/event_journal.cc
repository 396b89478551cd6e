#include "agents/core/event_journal.h"

#include <algorithm>
#include <utility>

#include "agents/core/row_keys.h"
#include "common/base/check.h"
#include "common/ports/wire_time.h"
#include "common/text/utf8.h"

namespace metalmesh::agent {
namespace {

// Free text comes from BMCs; a fact must fit its journal entry whatever they say.
constexpr std::size_t text_limit = 4 * 1024;

/// Valid, too: one foreign byte would make the whole event unreadable at the other end.
void shorten(std::string& text, std::size_t limit = text_limit) {
  const Utf8 whole(std::move(text));
  text = whole.cut(limit).str();
  if (whole.longer_than(limit)) text += "...";
}

void shorten(wire::Fault& fault) {
  shorten(*fault.mutable_seen());
  shorten(*fault.mutable_detail());
  shorten(*fault.mutable_next());
}

void shorten(google::protobuf::RepeatedPtrField<std::string>& lines) {
  constexpr int most_lines = 64;
  if (lines.size() > most_lines) lines.DeleteSubrange(most_lines, lines.size() - most_lines);
  for (std::string& line : lines) shorten(line, 250);
}

void shorten(wire::Event& event) {
  if (event.has_ended()) {
    wire::Ended& ended = *event.mutable_ended();
    if (ended.has_fault()) shorten(*ended.mutable_fault());
    shorten(*ended.mutable_evidence());
    shorten(*ended.mutable_debts());
  } else if (event.has_released()) {
    shorten(*event.mutable_released()->mutable_debts());
  } else if (event.has_held()) {
    shorten(*event.mutable_held()->mutable_fault());
  } else if (event.has_retry()) {
    shorten(*event.mutable_retry()->mutable_fault());
  } else if (event.has_stage()) {
    shorten(*event.mutable_stage()->mutable_note());
  } else if (event.has_inspected()) {
    constexpr int most_notes = 64;
    wire::Inspected& inspected = *event.mutable_inspected();
    if (inspected.has_fault()) shorten(*inspected.mutable_fault());
    auto* notes = inspected.mutable_notes();
    if (notes->size() > most_notes) notes->DeleteSubrange(most_notes, notes->size() - most_notes);
    for (std::string& note : *notes) shorten(note);
  } else if (event.has_receipt() && event.receipt().has_refusal()) {
    shorten(*event.mutable_receipt()->mutable_refusal());
  }
}

}  // namespace

EventJournal::EventJournal(const RowReader& rows, const UpChannel& channel, Duration frame_gap)
    : frame_gap_(frame_gap), sender_(rows::events, rows), channel_(channel) {}

void EventJournal::open(std::string journal_id, const std::string& machine_id, const Now& now, Outcome& out) {
  sender_.create(journal_id, out.rows);
  wire::Event event;
  event.mutable_journal_opened()->set_journal_id(std::move(journal_id));
  event.mutable_journal_opened()->set_machine_id(machine_id);
  tell(std::move(event), now, out);
}

std::uint64_t EventJournal::tell(wire::Event event, const Now& now, Outcome& out) {
  *event.mutable_at() = to_wire(now.wall());
  shorten(event);
  const auto seq = sender_.append(event.SerializeAsString(), out.rows);
  MM_CHECK(seq.has_value());
  return *seq;
}

void EventJournal::on_committed(const Now& now, Outcome& out) {
  sender_.on_committed();
  pump_in_turn(now, out);
}

void EventJournal::on_bus_up(const Now& now, Outcome& out) {
  sender_.rewind();
  pump(now, out);
}

delivery::StreamSender::AckResult EventJournal::on_ack(const wire::Ack& ack, const Now& now, Outcome& out) {
  const auto result = sender_.on_ack(ack, out.rows);
  pump_in_turn(now, out);
  return result;
}

delivery::StreamSender::ResyncResult EventJournal::on_resync(const wire::Resync& resync, const Now& now,
                                                             Outcome& out) {
  const auto result = sender_.on_resync(resync);
  pump(now, out);
  return result;
}

void EventJournal::pump_in_turn(const Now& now, Outcome& out) {
  if (now.mono >= next_frame_) return pump(now, out);
  arm(std::min(next_frame_, sender_.next_due().value_or(next_frame_)), out);
}

void EventJournal::arm(MonoTime at, Outcome& out) {
  if (armed_ == at) return;
  armed_ = at;
  out.emit(TimerArm{"stream", at});
}

void EventJournal::pump(const Now& now, Outcome& out) {
  if (!channel_.up() || !sender_.exists()) return;
  for (const wire::Data& frame : sender_.pump(now)) {
    channel_.send("data", frame, out);
    next_frame_ = now.mono + frame_gap_;
  }
  if (const auto due = sender_.next_due()) arm(*due, out);
}

}  // namespace metalmesh::agent
