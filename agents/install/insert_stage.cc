// INSERT and CONFIRM: get a medium of ours into a slot, and see it there; the installer's first, then the one
// with the answer files, if the job has one.
#include <utility>

#include "agents/install/stages.h"
#include "agents/redfish/media_slot.h"

namespace metalmesh::install {
namespace {

using redfish::Refusal;

constexpr int most_tries_per_slot = 5;

/// What is to be inserted now, and where the job's row says where it is.
struct Medium {
  const std::string& url;
  std::string& slot;
};

Medium at_hand(Context& context) {
  if (context.talk.first_inserted) return {context.urls.second, *context.job.mutable_second_slot()};
  return {context.urls.medium, *context.job.mutable_inserted_slot()};
}

bool fits(const Context& context, const redfish::Slot& slot) {
  if (!context.talk.first_inserted) return takes_medium(slot);
  return takes_second(context, slot) && slot.uri != context.job.inserted_slot();
}

/// From `chosen_slot` on; false when there is none.
bool choose_slot(Context& context) {
  Conversation& talk = context.talk;
  while (talk.chosen_slot < talk.slots.size() && !fits(context, talk.slots[talk.chosen_slot]))
    ++talk.chosen_slot;
  return talk.chosen_slot < talk.slots.size();
}

void begin_with_first_slot(Conversation& talk) {
  talk.chosen_slot = 0;
  talk.insert_tries = 0;
  talk.extras = {};
}

Verdict send(Context& context) {
  Conversation& talk = context.talk;
  const redfish::Slot& slot = talk.slots[talk.chosen_slot];
  const Medium medium = at_hand(context);
  const auto ladder = redfish::if_match_ladder(slot.etag);
  medium.slot = slot.uri;
  if (talk.insert_tries++ == 0 && medium.url.starts_with("http:"))
    context.note_evidence(
        "its medium is served without TLS: whoever is on the way can read the answers to its installer");
  talk.slot_doubt_until = context.now.mono + context.timeouts.confirm;
  return act(context, Ask::insert,
             redfish::insert_media(slot, medium.url, talk.extras, ladder[talk.etag_step % ladder.size()]),
             record::Job::INSERT);
}

/// Who may not read all of it first fails for that, whatever it says.
Verdict not_inserted(Context& context, const FaultFacts& facts) {
  return context.fail(context.talk.wanted_whole ? wire::MEDIA_WANTED_WHOLE : wire::INSERT_REFUSED, facts);
}

Verdict next_slot(Context& context, const Answer& answer) {
  Conversation& talk = context.talk;
  talk.insert_tries = 0;
  talk.extras = {};
  talk.etag_step = 0;
  const std::string refused = talk.slots[talk.chosen_slot].uri;
  ++talk.chosen_slot;
  if (choose_slot(context)) return send(context);
  talk.chosen_slot = 0;
  const Medium medium = at_hand(context);
  // Who is busy, or says that the slot is not free, may have taken it before; who refuses our token while its task is
  // watched may be about to.
  constexpr int unauthorized = 401;
  const bool owed =
      answer.refusal == Refusal::conflict || answer.refusal == Refusal::busy || answer.status == unauthorized;
  if (!owed) medium.slot.clear();
  const bool tls_only = answer.refusal == Refusal::for_good && medium.url.starts_with("https:") &&
                        answer.error.mentions("TransferProtocolType");
  const std::string_view hint = tls_only ? "; where it takes HTTP, spec.bmc.media: http of the server (or of "
                                           "its site's bmcNetworks) gives it that"
                                         : "";
  return not_inserted(context, {.expected = "HTTP 2xx",
                                .seen = "HTTP " + std::to_string(answer.status) + std::string(hint),
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
    at_hand(context).slot.clear();
    return context.fail(wire::LICENCE_MISSING, {.detail = answer.error.text()});
  }
  if (talk.insert_tries < most_tries_per_slot) {
    if (answer.refusal == Refusal::conflict) return Verdict::done;  // perhaps it is there: confirm looks
    if (answer.refusal == Refusal::precondition) {
      ++talk.etag_step;
      return send(context);
    }
    const bool for_good = answer.refusal == Refusal::for_good;
    if (!for_good && give_what_is_missing(talk.extras, answer.error)) return send(context);
    if (answer.refusal == Refusal::busy) {
      talk.bmc.pause_until(context.now.mono + context.timeouts.poll);
      return context.wait(context.timeouts.poll);
    }
  }
  return next_slot(context, answer);
}

}  // namespace

// BMCs take an InsertMedia and bring the medium a minute later. Who asks again meanwhile gets it twice, and the
// second one takes the place of the first when an installer reads that: the first one is waited for once more.
Verdict insert(Context& context) {
  if (context.talk.awaits_earlier) {
    context.talk.slot_doubt_until = context.now.mono + context.timeouts.confirm;
    return Verdict::done;
  }
  if (const auto answer = take_answer(context, Ask::insert)) {
    context.talk.insert_words = answer->error.text();
    context.talk.insert_seen = answer->kind == Answer::Kind::accepted ? "accepted"
                               : answer->status == 0                  ? "not answered"
                                                     : "HTTP " + std::to_string(answer->status);
    switch (answer->kind) {
      case Answer::Kind::accepted:
      case Answer::Kind::unknown:
        // An error of the server that leaves the slot empty is believed.
        if (answer->kind == Answer::Kind::accepted || answer->status == 0)
          context.talk.unseen_slot = at_hand(context).slot;
        return Verdict::done;
      case Answer::Kind::refused:
        return after_refusal(context, *answer);
      case Answer::Kind::unsent:
        break;
    }
  }
  if (only_tests(context.job) && may_be_tested(context) == Verdict::busy) return Verdict::busy;
  return choose_slot(context) ? send(context) : no_second_slot(context);
}

Verdict confirm(Context& context) {
  Conversation& talk = context.talk;
  const Medium medium = at_hand(context);
  const redfish::Slot* slot = look_at_slot(context, medium.slot);
  const bool in_doubt = context.now.mono - talk.entered < context.timeouts.confirm;
  if (slot != nullptr && redfish::is_inserted(*slot)) {
    const bool foreign = !slot->image.empty() && !redfish::shows_image(*slot, medium.url);
    // Slots lag: it may be the medium before ours, still.
    if (foreign && in_doubt) return look_again(context, context.timeouts.poll / 2);
    if (foreign)
      return context.fail(wire::FOREIGN_MEDIA,
                          {.expected = "our medium", .seen = slot->image, .slot = medium.slot});
    context.job.clear_intent();
    talk.slot_doubt_until = {};
    talk.awaits_earlier = false;
    talk.unseen_slot.clear();
    (talk.first_inserted ? talk.second_inserted : talk.first_inserted) = true;
    begin_with_first_slot(talk);
    return Verdict::done;
  }
  if (slot == nullptr && !talk.bmc.slot_gone()) return Verdict::busy;
  // It has stated that it does not trust us: no patience changes that.
  const bool refused = !talk.tls_refusal.empty() && !talk.reads.reached();
  const bool stated = refused && context.now.mono - talk.entered >= context.timeouts.confirm / 4;
  if (in_doubt && !stated) return look_again(context, context.timeouts.poll / 2);
  if (refused) return context.fail(wire::MEDIA_TLS_REFUSED, {.expected = "TLS", .seen = talk.tls_refusal});
  if (std::exchange(talk.awaits_earlier, false)) {
    medium.slot.clear();
    return Verdict::done;  // back to INSERT
  }
  return not_inserted(
      context,
      {.expected = "Inserted to read true",
       .seen = talk.bmc.slot_gone() ? "the slot is gone" : talk.insert_seen + ", and still reads as empty",
       .detail = talk.insert_words,
       .slot = medium.slot});
}

bool all_inserted(const Context& context) {
  return context.talk.first_inserted && (context.urls.second.empty() || context.talk.second_inserted);
}

}  // namespace metalmesh::install
