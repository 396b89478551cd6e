// What a site claims to know of controllers and ledgers beyond this store. Held against all that is only what the controller
// itself has signed, shown by whoever was told: a Hello carries it. A claim without that is the site's own, and so is what
// follows from it: it waits alone, its commands begin anew, and people are told.
#include <algorithm>
#include <utility>

#include "common/base/planted.h"
#include "controller/core/site_link.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t ledger_id_limit = 64;
constexpr int losses_kept = 16;
/// Two machines' clocks may differ by so much when one life ends and the next begins.
constexpr Duration clocks_apart = std::chrono::seconds(1);

/// This life, or an earlier one of this store; not one that lives beside us, although our store is a copy of its.
bool is_own(const std::string& instance, const LinkTools& tools) {
  return instance == tools.lives.current() || (tools.lives.contains(instance) && instance != tools.rival);
}

/// An earlier life of ours that spoke after this one began, or has written what is not here: it lives on beside us.
bool outlived(const ControllerWord& word, const LinkTools& tools) {
  return (word.clock && tools.started && *word.clock > *tools.started + clocks_apart) ||
         tools.lives.misses(word.ledger, tools.last_event);
}

}  // namespace

SiteLink::Shown SiteLink::look_at_words(const wire::Hello& hello, const LinkTools& tools) {
  Shown shown;
  if (tools.verifier == nullptr) return shown;
  const std::string& followed = hello.controller_instance();
  const bool says_more = hello.controller_epoch() > tools.epoch ||
                         (!followed.empty() && !is_own(followed, tools)) ||
                         tools.lives.misses(hello.ledger(), tools.last_event) ||
                         tools.lives.knows_missing(hello.ledger(), tools.last_event);
  if (says_more) shown.followed = read_word(*tools.verifier, hello.word());
  if (!hello.other_instance().empty() && hello.other_instance() != tools.lives.current())
    shown.other = read_word(*tools.verifier, hello.other_word());
  return shown;
}

/// Once for each life of the ledger: who has kept its frames has them for ever. An agent has the newest one that it was told.
bool SiteLink::shows_loss(const std::string& event) {
  const std::string life(LedgerLives::life_of(event));
  auto& losses = *row_.mutable_losses_shown();
  if (std::ranges::find(losses, life) != losses.end()) return false;
  *losses.Add() = life;
  if (losses.size() > losses_kept) losses.DeleteSubrange(0, 1);
  changed_ = true;
  return true;
}

/// Even an old Hello, or one of an agent that nobody believes, can only show what was written once.
void SiteLink::judge_ledger(const wire::Hello& hello, const Shown& shown, const LinkTools& tools,
                            SiteNews& news) {
  const std::string& followed = hello.controller_instance();
  // Another one's ledger is not ours; a person says which of the two goes on.
  const bool is_anothers =
      !followed.empty() && !is_own(followed, tools) && (hello.controller_lives() || !tools.rival.empty());
  if (hello.ledger().size() > ledger_id_limit || planted(Defect::restore_not_noticed)) return;
  if (planted(Defect::claim_is_proof)) {
    if (!is_anothers && tools.lives.misses(hello.ledger(), tools.last_event)) news.missing = hello.ledger();
    loss_shown_ = true;
    return;
  }
  if (!shown.followed) return;
  const ControllerWord& word = *shown.followed;
  const bool misses = tools.lives.misses(word.ledger, tools.last_event);
  loss_shown_ = loss_shown_ || word.epoch > tools.epoch || (is_anothers && misses);
  // Somebody else may have shown it before, and this site may know more of it.
  if (is_anothers || (!misses && !tools.lives.knows_missing(word.ledger, tools.last_event)) ||
      !shows_loss(word.ledger))
    return;
  loss_shown_ = true;
  if (misses) news.missing = word.ledger;
}

bool SiteLink::follows_foreign(const wire::Hello& hello, const LinkTools& tools) {
  const std::string& followed = hello.controller_instance();
  if (followed.empty() || is_own(followed, tools)) return false;
  // It has not heard us yet: of our own earlier life, or of one that is gone, it will let go. Not of one that a
  // person chose over us: who holds for another one outbids no word, however long the chosen one is silent.
  const bool chosen = !tools.rival.empty() && hello.controller_epoch() > tools.epoch;
  return hello.controller_lives() || chosen;
}

bool SiteLink::judge_controller(const wire::Hello& hello, const Shown& shown, const LinkTools& tools,
                                SiteNews& news) {
  const bool believed = planted(Defect::claim_is_proof);
  const std::uint64_t epoch = shown.followed ? shown.followed->epoch : 0;
  if (hello.controller_epoch() <= std::max(tools.epoch, epoch) || loss_shown_)
    epoch_seen_ = std::max(epoch_seen_, hello.controller_epoch());
  if (planted(Defect::foreign_controller_ignored)) return true;
  const std::string& followed = hello.controller_instance();
  follows_us_ = followed.empty() || followed == tools.lives.current();
  if (follows_foreign(hello, tools)) {
    const bool is_known = tools.rival == followed;
    const bool is_shown = shown.followed && shown.followed->instance == followed;
    if (is_known || believed || (is_shown && epoch >= tools.epoch)) {
      news.foreign = ForeignController{followed, hello.controller_since(), true};
    } else if (!is_shown) {
      claim("another controller that it follows, instance " + followed, news);
    }  // else it will hear of our epoch, which is above that one's
    return false;
  }
  const std::string& other = hello.other_instance();
  if (other.empty() || other == tools.lives.current()) return true;
  const bool is_shown = shown.other && shown.other->instance == other;
  if (!is_shown && tools.rival != other && !believed) {
    claim("another controller that it refuses, instance " + other, news);
    return false;
  }
  // Of our own earlier life old words are about.
  if (tools.rival == other || believed || !tools.lives.contains(other) || outlived(*shown.other, tools))
    news.foreign = ForeignController{other, hello.other_since(), false};
  return true;
}

void SiteLink::tell_restored(const wire::Hello& hello, const LinkTools& tools, SiteNews& news) {
  // While we learn, the new command journal and the gate are in place already, unless it is that one in which it
  // is ahead: the store was put back to a copy that had been learning.
  const bool ahead_in_this = hello.command_journal() == sender_.journal_id() && ahead_of_us(hello);
  const bool anew = hello.controller_epoch() > tools.epoch || ahead_in_this || !row_.learning();
  if (anew && !loss_shown_) {
    const auto [ours, its] = knowledge(hello, tools.epoch);
    if (row_.claim() != record::SiteLink::BELIEVED)
      return claim("what this store does not have: it knows " + its + ", the store " + ours, news);
    news.outbid = hello.controller_epoch();
    row_.set_claim(record::SiteLink::NONE);
    changed_ = true;
    return;
  }
  news.shown = loss_shown_;
  if (!std::exchange(told_ahead_, true)) news.ahead = knowledge(hello, tools.epoch);
  if (anew) news.restored = hello.controller_epoch();
}

void SiteLink::judge_unshown(const wire::Hello& hello, const LinkTools& tools, SiteNews& news) {
  const std::string& followed = hello.controller_instance();
  if (loss_shown_ || (!followed.empty() && !is_own(followed, tools))) return;
  if (tools.lives.misses(hello.ledger(), tools.last_event))
    return claim("event " + hello.ledger() + " of this ledger", news);
  if (row_.claim() == record::SiteLink::NONE || news.outbid) return;
  row_.set_claim(record::SiteLink::NONE);
  changed_ = true;
}

void SiteLink::claim(const std::string& what, SiteNews& news) {
  quarantine(
      "its agent tells of " + what +
          "; but it shows nothing of that which this controller has signed, so it may have made it up: "
          "nobody else waits for that",
      news);
  row_.set_claim(record::SiteLink::MADE);
  if (!row_.learning()) news.relearn = "its agent claims to know more than this store";
  changed_ = true;
}

}  // namespace metalmesh::controller
