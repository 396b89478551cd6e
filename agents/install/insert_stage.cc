// INSERT and CONFIRM: get our medium into a slot, and see it there.
#include "agents/install/exchange.h"
#include "agents/install/stages.h"
#include "agents/redfish/media_slot.h"

namespace metalmesh::install {
namespace {

using redfish::Refusal;

constexpr int most_tries_per_slot = 5;

Verdict send(Context& context) {
  Conversation& talk = context.talk;
  const redfish::Slot& slot = talk.slots[talk.chosen_slot];
  const auto ladder = redfish::if_match_ladder(slot.etag);
  context.job.set_inserted_slot(slot.uri);
  ++talk.insert_tries;
  talk.slot_doubt_until = context.now.mono + context.timeouts.confirm;
  return act(
      context, Ask::insert,
      redfish::insert_media(slot, context.media_url, talk.extras, ladder[talk.etag_step % ladder.size()]),
      record::Job::INSERT);
}

Verdict next_slot(Context& context, const Answer& answer) {
  Conversation& talk = context.talk;
  talk.insert_tries = 0;
  talk.extras = {};
  talk.etag_step = 0;
  const std::string refused = talk.slots[talk.chosen_slot].uri;
  do {
    ++talk.chosen_slot;
  } while (talk.chosen_slot < talk.slots.size() &&
           redfish::insert_style(talk.slots[talk.chosen_slot]) == redfish::InsertStyle::none);
  if (talk.chosen_slot < talk.slots.size()) return send(context);
  talk.chosen_slot = 0;
  context.job.clear_inserted_slot();
  return context.fail(wire::INSERT_REFUSED, {.expected = "HTTP 2xx",
                                             .seen = "HTTP " + std::to_string(answer.status),
                                             .detail = answer.error.text(),
                                             .slot = refused});
}

/// What a refusal asks for, one thing at a time; false when it asks for nothing we have not given.
bool give_what_is_missing(redfish::InsertExtras& extras, const redfish::ErrorInfo& error) {
  const auto wants = [&](std::string_view name, bool& given) {
    if (given || !error.mentions(name)) return false;
    return given = true;
  };
  return wants("TransferProtocolType", extras.protocol) || wants("TransferMethod", extras.method) ||
         wants("UserName", extras.credentials);
}

Verdict after_refusal(Context& context, const Answer& answer) {
  Conversation& talk = context.talk;
  if (answer.refusal == Refusal::licence) {
    context.job.clear_inserted_slot();
    return context.fail(wire::LICENCE_MISSING, {.detail = answer.error.text()});
  }
  if (talk.insert_tries < most_tries_per_slot) {
    if (answer.refusal == Refusal::conflict) return Verdict::done;  // perhaps it is there: confirm looks
    if (answer.refusal == Refusal::precondition) {
      ++talk.etag_step;
      return send(context);
    }
    if (give_what_is_missing(talk.extras, answer.error)) return send(context);
    if (answer.refusal == Refusal::busy) {
      talk.retry_at = context.now.mono + context.timeouts.poll;
      return context.wait(context.timeouts.poll);
    }
  }
  return next_slot(context, answer);
}

}  // namespace

Verdict insert(Context& context) {
  Conversation& talk = context.talk;
  if (const auto answer = take_answer(context, Ask::insert)) {
    switch (answer->kind) {
      case Answer::Kind::accepted:
      case Answer::Kind::unknown:
        return Verdict::done;
      case Answer::Kind::refused:
        return after_refusal(context, *answer);
      case Answer::Kind::unsent:
        break;
    }
  }
  while (talk.chosen_slot < talk.slots.size() &&
         redfish::insert_style(talk.slots[talk.chosen_slot]) == redfish::InsertStyle::none)
    ++talk.chosen_slot;
  return send(context);
}

Verdict confirm(Context& context) {
  Conversation& talk = context.talk;
  const redfish::Slot* slot = look_at_slot(context, context.job.inserted_slot());
  if (slot != nullptr && redfish::is_inserted(*slot)) {
    if (!slot->image.empty() && !redfish::shows_image(*slot, context.media_url))
      return context.fail(wire::FOREIGN_MEDIA, {.expected = "our medium", .seen = slot->image});
    context.job.clear_intent();
    talk.slot_doubt_until = {};
    return Verdict::done;
  }
  if (slot == nullptr && !talk.slot_gone) return Verdict::busy;
  if (context.now.mono - talk.entered < context.timeouts.confirm)
    return look_again(context, context.timeouts.poll / 2);
  if (!talk.tls_refusal.empty() && !talk.reached)
    return context.fail(wire::MEDIA_TLS_REFUSED, {.expected = "TLS", .seen = talk.tls_refusal});
  return context.fail(wire::INSERT_REFUSED,
                      {.expected = "Inserted to read true",
                       .seen = talk.slot_gone ? "the slot is gone" : "accepted, but still reads as empty"});
}

}  // namespace metalmesh::install
