// MEDIA: find the slots wherever the BMC keeps them, and empty the ones that are in the way.
#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "agents/install/stages.h"
#include "agents/redfish/media_slot.h"
#include "common/base/planted.h"

namespace metalmesh::install {
namespace {

constexpr int most_eject_posts = 3;

bool any_usable(const Conversation& talk) { return std::ranges::any_of(talk.slots, takes_medium); }

bool second_wanted(const Context& context) { return !context.urls.second.empty(); }

/// One slot for each medium. Those that the second medium cannot use come first, so that the installer's own
/// does not take its only place.
bool arrange_for_two(Context& context) {
  auto& slots = context.talk.slots;
  const auto fits = [&](const redfish::Slot& slot) { return takes_second(context, slot); };
  std::vector<redfish::Slot> in_order;
  std::ranges::copy_if(slots, std::back_inserter(in_order), std::not_fn(fits));
  std::ranges::copy_if(slots, std::back_inserter(in_order), fits);
  slots = std::move(in_order);
  const auto first = std::ranges::find_if(slots, takes_medium);
  return std::ranges::any_of(slots,
                             [&](const redfish::Slot& slot) { return fits(slot) && slot.uri != first->uri; });
}

/// A medium of this very job.
bool is_own(const Context& context, const redfish::Slot& slot) {
  const record::Job& job = context.job;
  return redfish::shows_image(slot, context.urls.medium) || redfish::shows_image(slot, context.urls.second) ||
         (slot.image.empty() && (slot.uri == job.inserted_slot() || slot.uri == job.second_slot()));
}

/// Of this job, or left over from another one of this site.
bool is_ours(const Context& context, const redfish::Slot& slot) {
  return is_own(context, slot) || redfish::shows_ours(slot, context.urls.base) ||
         planted(Defect::foreign_taken_for_ours);
}

/// What is refused for good in one form may be taken in another, at once.
void try_another_form(Conversation& talk, const Answer& answer) {
  const bool for_good =
      answer.refusal == redfish::Refusal::other || answer.refusal == redfish::Refusal::for_good;
  if (!for_good || talk.eject_form == redfish::EjectForm::patch) return;
  talk.eject_form =
      talk.eject_form == redfish::EjectForm::object ? redfish::EjectForm::bare : redfish::EjectForm::patch;
  talk.eject_posts = 0;
}

/// Its slots appear a while after remote media were switched on: that is done once, and waited for. False: there is
/// nothing to wait for.
bool await_slots(Context& context) {
  Conversation& talk = context.talk;
  std::string action = talk.bmc.media_enabled_by();
  if (action.empty()) return false;
  if (const auto answer = take_answer(context, Ask::enable);
      answer && answer->kind == Answer::Kind::refused) {
    talk.last_refusal = answer->error.text();
    return false;
  }
  if (!talk.media_enabled_at) {
    talk.media_enabled_at = context.now.mono;
    act(context, Ask::enable, redfish::enable_media(std::move(action)), record::Job::NONE);
    return true;
  }
  if (context.now.mono - *talk.media_enabled_at >= context.timeouts.confirm) return false;
  talk.bmc.forget_slots();
  context.wait(context.timeouts.poll);
  return true;
}

}  // namespace

bool takes_medium(const redfish::Slot& slot) { return redfish::takes_cd(slot); }

bool takes_second(const Context& context, const redfish::Slot& slot) {
  const bool disk = context.job.second().format() == wire::SecondMedium::FAT;
  return (disk ? redfish::holds_stick(slot) : redfish::holds_cd(slot)) &&
         redfish::insert_style(slot) != redfish::InsertStyle::none;
}

Verdict no_second_slot(Context& context) {
  const wire::SecondMedium& second = context.job.second();
  const std::string kind = second.format() == wire::SecondMedium::FAT ? "USB stick" : "CD";
  return context.fail(wire::NO_VIRTUAL_MEDIA, {.seen = "medium " + second.label() +
                                                       " with the answer files needs a second one, for a " +
                                                       kind + ", and there is none"});
}

Verdict find_slots(Context& context) {
  Conversation& talk = context.talk;
  if (talk.slots_found) return Verdict::done;
  const auto question = second_wanted(context) ? &bmc::Dialogue::find_all_slots : &bmc::Dialogue::find_slots;
  if (ask(context, question) == Verdict::busy) return Verdict::busy;
  talk.slots = talk.bmc.slots();
  if (!any_usable(talk)) {
    if (await_slots(context)) return Verdict::busy;
    const std::string seen =
        talk.slots.empty() ? "no slots at all"
                           : std::to_string(talk.slots.size()) + " slots, none for a CD that takes a URL";
    return context.fail(wire::NO_VIRTUAL_MEDIA, {.seen = seen, .detail = talk.last_refusal});
  }
  std::erase_if(talk.slots, [&](const redfish::Slot& slot) {
    return !redfish::holds_cd(slot) && !(second_wanted(context) && takes_second(context, slot));
  });
  if (second_wanted(context) && !arrange_for_two(context)) return no_second_slot(context);
  talk.slots_found = true;
  return Verdict::done;
}

Ejected eject(Context& context, const std::string& uri, bool only_own) {
  Conversation& talk = context.talk;
  if (talk.eject_uri != uri) {
    talk.eject_uri = uri;
    talk.eject_posts = 0;
    talk.eject_form = talk.bmc.eject_form();
  }
  if (const auto answer = take_answer(context, Ask::eject); answer && answer->kind == Answer::Kind::refused) {
    talk.last_refusal = answer->error.text();
    try_another_form(talk, *answer);
  }
  talk.bmc.forget_slot_gone();
  const redfish::Slot* slot = look_at_slot(context, uri);
  // A slot that is not found was not read as empty: what was put into it is still owed.
  if (slot == nullptr) return talk.bmc.slot_gone() ? Ejected::stuck : Ejected::busy;
  if (!redfish::is_inserted(*slot)) {
    // Slots lag: what was just inserted may still show up.
    if (context.now.mono >= talk.slot_doubt_until) {
      // What was refused while the slot only seemed to hold it says nothing about the next time.
      talk.eject_uri.clear();
      return Ejected::empty;
    }
    look_again(context, context.timeouts.poll / 2);
    return Ejected::busy;
  }
  if (only_own && !is_own(context, *slot)) {
    // Nor is a foreign medium the last word while ours may still show up in its place.
    if (context.now.mono >= talk.slot_doubt_until) return Ejected::another;
    look_again(context, context.timeouts.poll / 2);
    return Ejected::busy;
  }
  // An eject takes the BMC a while: ask again only when it had time.
  const bool again = talk.eject_posts == 0 || context.now.mono - talk.eject_at >= 2 * context.timeouts.poll;
  if (!again) {
    look_again(context, context.timeouts.poll / 2);
    return Ejected::busy;
  }
  if (talk.eject_posts == most_eject_posts) return Ejected::stuck;
  // An old copy of this agent's store, or its twin, must not take the medium away from a running installer.
  if (!context.job.launched() && !context.gate.vouched) {
    hold(context, context.gate.why_not);
    return Ejected::busy;
  }
  ++talk.eject_posts;
  talk.eject_at = context.now.mono;
  const auto etag = redfish::if_match_ladder(slot->etag).front();
  act(context, Ask::eject, redfish::eject_media(*slot, etag, talk.eject_form), record::Job::EJECT);
  return Ejected::busy;
}

Verdict prepare_media(Context& context) {
  Conversation& talk = context.talk;
  if (context.job.mount_state() != wire::CLOSED) context.set_mount(wire::CLOSED);
  const bool replace = context.install().replace_foreign_media();
  for (const redfish::Slot& slot : talk.slots) {
    if (replace || !redfish::is_inserted(slot) || is_ours(context, slot)) continue;
    const std::string image = slot.image.empty() ? "media of " + slot.connected_via : slot.image;
    return context.fail(wire::FOREIGN_MEDIA, {.expected = "an empty slot", .seen = image, .slot = slot.uri});
  }
  for (redfish::Slot& slot : talk.slots) {
    if (!redfish::is_inserted(slot)) continue;
    switch (eject(context, slot.uri, false)) {
      case Ejected::busy:
        return Verdict::busy;
      case Ejected::stuck:
        return context.fail(wire::INSERT_REFUSED,
                            {.expected = "an empty slot",
                             .seen = "its old medium " + slot.image + " cannot be ejected",
                             .detail = talk.last_refusal,
                             .slot = slot.uri});
      case Ejected::another:
      case Ejected::empty:
        if (slot.uri == context.job.inserted_slot()) context.job.clear_inserted_slot();
        if (slot.uri == context.job.second_slot()) context.job.clear_second_slot();
        slot.inserted_flag = false;
        slot.image.clear();
    }
  }
  talk.awaits_earlier = !context.job.inserted_slot().empty();
  context.job.clear_second_slot();
  return Verdict::done;
}

}  // namespace metalmesh::install
