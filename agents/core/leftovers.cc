#include "agents/core/leftovers.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "agents/core/mount_desk.h"
#include "agents/media/mount_url.h"
#include "agents/redfish/media_slot.h"
#include "agents/redfish/requests.h"
#include "common/text/letters.h"

namespace metalmesh::agent {
namespace {

using bmc::Answer;
using bmc::Ask;
using bmc::Verdict;

constexpr unsigned most_posts = 3;
constexpr unsigned looks_per_post = 4;
constexpr Duration look_gap = std::chrono::seconds(2);

/// After `posts` that did nothing.
redfish::EjectForm next_form(redfish::EjectForm first, unsigned posts) {
  constexpr std::array forms = {redfish::EjectForm::object, redfish::EjectForm::bare,
                                redfish::EjectForm::patch};
  if (posts == 0) return first;
  return first == forms[posts % forms.size()] ? forms[0] : forms[posts % forms.size()];
}

std::string words_of(const redfish::Slot& slot) {
  return "our medium " + slot.image + " is in slot " + (slot.id.empty() ? slot.uri : slot.id);
}

/// An agent that had this site before, or has its name beside this one, served from another host. Nobody else names a medium
/// like that.
bool is_named_as_ours(const redfish::Slot& slot) {
  const std::size_t path = slot.image.rfind("/m/");
  if (path == std::string::npos) return false;
  const auto target = media::parse_media_target(to_lower(slot.image.substr(path)));
  return target && target->kind == media::MediaTarget::Kind::mount &&
         target->token.size() == 2 * MountDesk::token_bytes &&
         std::ranges::all_of(target->token, is_lower_hex);
}

}  // namespace

bool Leftovers::holds_ours(const redfish::Slot& slot) const {
  return redfish::is_inserted(slot) && (redfish::shows_ours(slot, media_base_) || is_named_as_ours(slot));
}

Verdict Leftovers::go_on(bmc::Dialogue& dialogue, bmc::Turn& turn) {
  if (!begun_) {
    begun_ = true;
    for (const redfish::Slot& slot : dialogue.slots()) {
      if (!holds_ours(slot)) continue;
      slots_.push_back(slot.uri);
      if (!take_away_) held_.push_back(words_of(slot));
    }
  }
  if (take_away_) {
    if (dialogue.identify(turn) == Verdict::busy) return Verdict::busy;
    for (; next_ < slots_.size(); ++next_, posts_ = looks_ = 0) {
      if (take_out(dialogue, turn, slots_[next_]) == Verdict::busy) return Verdict::busy;
    }
    if (!override_done_ && clear_override(dialogue, turn) == Verdict::busy) return Verdict::busy;
    override_done_ = true;
  }
  list(dialogue);
  return Verdict::done;
}

Verdict Leftovers::take_out(bmc::Dialogue& dialogue, bmc::Turn& turn, const std::string& uri) {
  (void)dialogue.take_answer(Ask::eject);  // what the slot shows says more
  dialogue.forget_slot_gone();
  const redfish::Slot* slot = dialogue.look_at_slot(turn, uri);
  if (slot == nullptr) return dialogue.slot_gone() ? Verdict::done : Verdict::busy;
  if (!holds_ours(*slot)) return Verdict::done;
  // An eject takes the BMC a while.
  if (posts_ > 0 && looks_++ < looks_per_post) return dialogue.look_again(turn, look_gap);
  if (posts_ == most_posts) {
    held_.push_back(words_of(*slot) + ", and stays there whatever is asked");
    return Verdict::done;
  }
  looks_ = 0;
  const auto etag = redfish::if_match_ladder(slot->etag).front();
  dialogue.act(turn, Ask::eject,
               redfish::eject_media(*slot, etag, next_form(dialogue.eject_form(), posts_++)));
  return Verdict::busy;
}

Verdict Leftovers::clear_override(bmc::Dialogue& dialogue, bmc::Turn& turn) {
  (void)dialogue.take_answer(Ask::unboot);
  const redfish::System* system = dialogue.look(turn);
  if (system == nullptr) return Verdict::busy;
  // Where a medium of ours was, the override to boot it is ours as well; elsewhere nobody knows whose it is.
  if (override_tried_ || slots_.empty() || !redfish::boots_our_cd(system->boot)) return Verdict::done;
  override_tried_ = true;
  dialogue.act(turn, Ask::unboot,
               redfish::clear_boot(*system, redfish::if_match_ladder(system->etag).front()));
  return Verdict::busy;
}

void Leftovers::list(const bmc::Dialogue& dialogue) {
  found_ = held_;
  const auto& system = dialogue.system();
  if (!system || !redfish::boots_our_cd(system->boot)) return;
  found_.push_back("the boot override \"" + system->boot.enabled + " " + system->boot.target + "\" is set" +
                   (slots_.empty() ? ", perhaps by us" : ""));
}

}  // namespace metalmesh::agent
