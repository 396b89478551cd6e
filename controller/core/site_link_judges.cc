// What a site's Hello says of controllers, ledgers and journals, held against what this store knows.
#include <algorithm>
#include <utility>

#include "common/base/planted.h"
#include "controller/core/site_counts.h"
#include "controller/core/site_link.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t event_id_limit = 64;
constexpr int untouched_ends_kept = 128;

}  // namespace

std::string SiteLink::impossible(const wire::Hello& hello, const LinkTools& tools) const {
  if (planted(Defect::any_count_believed)) return {};
  const auto words = [](const char* what, std::uint64_t told, std::uint64_t known) {
    return std::string("the agent tells of ") + what + " " + std::to_string(told) + ", and this mesh is at " +
           std::to_string(known) +
           ": no lost store explains that. It must not go on as it is: start it with an empty dataDir";
  };
  if (counts::beyond(hello.controller_epoch(), tools.epoch, counts::most_epochs))
    return words("epoch", hello.controller_epoch(), tools.epoch);
  const std::uint64_t commands = sender_.exists() ? sender_.next_seq() : 0;
  if (counts::beyond(hello.cursor(), commands, counts::most_entries))
    return words("command", hello.cursor(), commands);
  const std::uint64_t events = receiver_.cursor();
  for (const std::uint64_t told : {hello.acked(), hello.next_seq()}) {
    if (counts::beyond(told, events, counts::most_entries)) return words("event", told, events);
  }
  return {};
}

bool SiteLink::has_long_ids(const wire::Hello& hello) {
  const auto is_long = [](const std::string& id) { return id.size() > event_id_limit; };
  return is_long(hello.journal_id()) || is_long(hello.incarnation()) || is_long(hello.nonce()) ||
         is_long(hello.head_hash()) || is_long(hello.command_journal()) || is_long(hello.cursor_hash()) ||
         is_long(hello.controller_instance()) || is_long(hello.other_instance());
}

bool SiteLink::counts_claim(const Now& now) {
  while (!claims_.empty() && now.mono - claims_.front() > std::chrono::hours(1)) claims_.pop_front();
  if (claims_.size() >= counts::most_claims) return planted(Defect::any_count_believed);
  claims_.push_back(now.mono);
  return true;
}

void SiteLink::judge_claims(const LinkTools& tools, SiteNews& news) {
  const bool lost = news.restored || news.missing;
  if ((!lost && !news.newcomer) || counts_claim(tools.now)) return;
  news.newcomer.reset();
  if (!lost) return;
  news.restored.reset();
  news.missing.reset();
  news.ahead.reset();
  if (!presence_.quarantined())
    quarantine("its agent tells again and again that this controller has lost something: no store is lost " +
                   std::to_string(counts::most_claims) + " times within an hour",
               news);
}

/// Two agents live. What was told since one of them was alone need not be what the other one did.
void SiteLink::judge_two(const wire::Hello& hello, const Now& now, SiteNews& news) {
  if (!presence_.quarantined() || presence_.last_heard() != now.mono) return;
  const auto& past = row_.past_incarnations();
  const auto& alone = row_.past_alone();
  std::uint64_t last = *alone_at_;
  for (int back = 0; back < past.size(); ++back) {  // from the newest one
    if (past[past.size() - 1 - back] != hello.incarnation()) continue;
    last = std::min(last, back < alone.size() ? alone[alone.size() - 1 - back] : 0);
  }
  auto& ends = *row_.mutable_untouched_ends();
  const auto since = std::ranges::find_if(ends, [&](const auto& end) { return end.event() > last; });
  if (since == ends.end()) return;
  for (auto end = since; end != ends.end(); ++end) news.doubted.push_back(end->deployment());
  ends.erase(since, ends.end());
  changed_ = true;
}

void SiteLink::follow_incarnation(bool alone, const LinkTools& tools) {
  if (row_.incarnation() != presence_.current()) {
    row_.set_incarnation(presence_.current());
    row_.mutable_past_incarnations()->Assign(presence_.past().begin(), presence_.past().end());
    auto& marks = *row_.mutable_past_alone();
    marks.Add(*alone_at_);
    if (const int more = marks.size() - row_.past_incarnations_size(); more > 0)
      marks.erase(marks.begin(), marks.begin() + more);
    changed_ = true;
  }
  if (alone) alone_at_ = tools.last_event;
}

void SiteLink::note_untouched_end(const std::string& deployment, std::uint64_t event) {
  auto& ends = *row_.mutable_untouched_ends();
  record::SiteLink::UntouchedEnd& end = *ends.Add();
  end.set_deployment(deployment);
  end.set_event(event);
  if (ends.size() > untouched_ends_kept) ends.erase(ends.begin());
  changed_ = true;
}

/// Commands that this store has forgotten were given to one that is refused now: we were restored, and it was
/// followed before. Where the one that is followed lives, both may have acted, and which of the two is right is
/// not for us to say.
void SiteLink::judge_rival(const wire::Hello& hello, const LinkTools& tools, SiteNews& news) {
  if (!has_forgotten_commands(hello) || !impossible(hello, tools).empty() || follows_foreign(hello, tools) ||
      planted(Defect::restore_not_noticed)) {
    return;
  }
  tell_restored(hello, tools, news);
  if (presence_.quarantined() || presence_.silent(tools.now)) return;
  remember(*row_.mutable_past_command_journals(), hello.command_journal());  // a person decides once
  quarantine("two agents live under this site's name, and both were followed: journal " +
                 hello.journal_id().substr(0, journal_limit) +
                 " in what this controller has forgotten, journal " + receiver_.journal_id() + " now",
             news);
}

namespace {

/// This life, or an earlier one of this store; not one that lives beside us, although our store is a copy of its.
bool is_own(const std::string& instance, const LinkTools& tools) {
  return instance == tools.lives.current() || (tools.lives.contains(instance) && instance != tools.rival);
}

}  // namespace

bool SiteLink::follows_foreign(const wire::Hello& hello, const LinkTools& tools) {
  const std::string& followed = hello.controller_instance();
  if (followed.empty() || is_own(followed, tools)) return false;
  // It has not heard us yet: of our own earlier life, or of one that is gone, it will let go. Not of one that a
  // person chose over us: who holds for another one outbids no word, however long the chosen one is silent.
  const bool chosen = !tools.rival.empty() && hello.controller_epoch() > tools.epoch;
  return hello.controller_lives() || chosen;
}

bool SiteLink::judge_controller(const wire::Hello& hello, const LinkTools& tools, SiteNews& news) {
  epoch_seen_ = std::max(epoch_seen_, hello.controller_epoch());
  if (planted(Defect::foreign_controller_ignored)) return true;
  const std::string& followed = hello.controller_instance();
  follows_us_ = followed.empty() || followed == tools.lives.current();
  if (follows_foreign(hello, tools)) {
    news.foreign = ForeignController{followed, hello.controller_since(), true};
    return false;
  }
  if (!hello.other_instance().empty() && hello.other_instance() != tools.lives.current())
    news.foreign = ForeignController{hello.other_instance(), hello.other_since(), false};
  return true;
}

/// Even an old Hello, or one of an agent that nobody believes, can only know what was written once.
void SiteLink::judge_ledger(const wire::Hello& hello, const LinkTools& tools, SiteNews& news) {
  const std::string& followed = hello.controller_instance();
  // Another one's ledger is not ours; a person says which of the two goes on.
  const bool is_anothers =
      !followed.empty() && !is_own(followed, tools) && (hello.controller_lives() || !tools.rival.empty());
  if (is_anothers || hello.ledger().size() > event_id_limit || planted(Defect::restore_not_noticed)) return;
  if (tools.lives.misses(hello.ledger(), tools.last_event)) news.missing = hello.ledger();
}

void SiteLink::judge_events(const wire::Hello& hello, LinkTools& tools, SiteNews& news) {
  if (hello.journal_id().empty()) return;
  if (hello.journal_id() != receiver_.journal_id()) {
    const bool given_up =
        std::ranges::find(row_.past_event_journals(), hello.journal_id()) != row_.past_event_journals().end();
    if (given_up && !choice_open_ && hello.journal_id() != row_.chosen_journal()) {
      return quarantine("an agent shows journal " + hello.journal_id() +
                            ", which this site gave up for a newer one: an old copy of its folder runs",
                        news);
    }
    if (!receiver_.journal_id().empty()) {
      news.lost_journal = receiver_.journal_id();
      lost_journal_ = true;
      // Its fences are gone, and our store may have been put back: seconds pass faster than orders are given.
      const auto seconds =
          std::chrono::duration_cast<std::chrono::seconds>(tools.now.wall().time_since_epoch());
      row_.set_least_generation(std::max<std::uint64_t>(row_.least_generation(), seconds.count()));
      remember(*row_.mutable_past_event_journals(), receiver_.journal_id());
    }
    follow_journal(hello.journal_id(), tools);
    marks_.clear();
    row_.clear_gap_to();
    row_.clear_told_since_gap();
    head_to_reach_.reset();
    caught_up_ = false;  // with the other journal, that is
    begin_commands(tools);
    news.commands_begun = true;
    return;
  }
  choice_open_ = false;
  if (!row_.chosen_journal().empty()) {
    row_.clear_chosen_journal();  // it is followed: from here on the one that is followed is the right one
    changed_ = true;
  }
  const std::uint64_t last = hello.next_seq() == 0 ? 0 : hello.next_seq() - 1;
  const Mark* mark = mark_of(hello);
  if (planted(Defect::rollback_not_noticed)) return;
  if (mark != nullptr && mark->event_journal == hello.journal_id() && last < mark->event_cursor) {
    quarantine("the agent's journal went back: it ends at event " + std::to_string(last) + ", we hold " +
                   std::to_string(mark->event_cursor) + " (store restored from a copy?)",
               news);
  } else if (last == receiver_.cursor() && receiver_.hash_unknown()) {
    receiver_.adopt(hello.head_hash(), tools.out.rows);
  } else if (last == receiver_.cursor() && hello.head_hash() != receiver_.cursor_hash()) {
    quarantine("the agent's journal and ours differ at event " + std::to_string(last), news);
  } else if (mark != nullptr && mark->event_journal == hello.journal_id() && last > receiver_.cursor() &&
             receiver_.cursor() == mark->event_cursor) {
    // It has more, and nothing of that came for a whole round trip. A controller restored from a backup would
    // wait for ever otherwise: the agent takes those events for acknowledged.
    ask_from(receiver_.cursor() + 1, receiver_, tools);
  }
}

void SiteLink::judge_commands(const wire::Hello& hello, LinkTools& tools, SiteNews& news) {
  const Mark* mark = mark_of(hello);
  if (mark != nullptr && !hello.command_journal().empty() &&
      mark->command_journal == hello.command_journal() && hello.cursor() < mark->command_acked) {
    return quarantine("the agent forgot commands: it stands at " + std::to_string(hello.cursor()) +
                          " and had acknowledged " + std::to_string(mark->command_acked),
                      news);
  }
  if (planted(Defect::restore_not_noticed)) return;
  const bool ahead = ahead_of_us(hello);
  if (hello.controller_epoch() <= tools.epoch && !ahead && !events_ahead(hello)) return;
  if (ahead && hello.command_journal() != sender_.journal_id()) {
    remember(*row_.mutable_past_command_journals(), hello.command_journal());
    changed_ = true;
  }
  tell_restored(hello, tools, news);
}

void SiteLink::tell_restored(const wire::Hello& hello, const LinkTools& tools, SiteNews& news) {
  if (!std::exchange(told_ahead_, true)) news.ahead = knowledge(hello, tools.epoch);
  // While we learn, the new command journal and the gate are in place already, unless it is that one in which it
  // is ahead: the store was put back to a copy that had been learning.
  const bool ahead_in_this = hello.command_journal() == sender_.journal_id() && ahead_of_us(hello);
  if (hello.controller_epoch() > tools.epoch || ahead_in_this || !row_.learning())
    news.restored = hello.controller_epoch();
}

bool SiteLink::events_ahead(const wire::Hello& hello) const {
  return hello.journal_id() == receiver_.journal_id() && hello.acked() > receiver_.cursor();
}

std::pair<std::string, std::string> SiteLink::knowledge(const wire::Hello& hello, std::uint64_t epoch) const {
  const auto words = [](std::uint64_t event, std::uint64_t command, std::uint64_t of_epoch) {
    return "event " + std::to_string(event) + ", command " + std::to_string(command) + ", epoch " +
           std::to_string(of_epoch);
  };
  return {words(receiver_.cursor(), sender_.exists() ? sender_.next_seq() - 1 : 0, epoch),
          words(std::max(hello.acked(), receiver_.cursor()), hello.cursor(), hello.controller_epoch())};
}

void SiteLink::judge_head(const wire::Hello& hello) {
  const Mark* mark = mark_of(hello);
  if (mark == nullptr || presence_.quarantined() || hello.journal_id() != receiver_.journal_id()) return;
  const std::uint64_t last = hello.next_seq() == 0 ? 0 : hello.next_seq() - 1;
  if (!head_to_reach_) head_to_reach_ = std::max(last, hello.acked());
  caught_up_ = caught_up_ || receiver_.cursor() >= *head_to_reach_;
}

bool SiteLink::ahead_of_us(const wire::Hello& hello) const {
  if (hello.command_journal().empty() || hello.command_journal() != sender_.journal_id())
    return has_forgotten_commands(hello);
  if (hello.cursor() >= sender_.next_seq()) return true;
  const auto hash = sender_.hash_at(hello.cursor());
  const bool says_none = hello.cursor() > 0 && hello.cursor_hash().empty();  // its row was damaged
  return hash && !says_none && *hash != hello.cursor_hash();
}

bool SiteLink::has_forgotten_commands(const wire::Hello& hello) const {
  const auto& past = row_.past_command_journals();
  return !hello.command_journal().empty() && hello.command_journal() != sender_.journal_id() &&
         std::ranges::find(past, hello.command_journal()) == past.end();
}

const SiteLink::Mark* SiteLink::mark_of(const wire::Hello& hello) const {
  if (hello.echo().empty()) return nullptr;
  const auto found = std::ranges::find(marks_, hello.echo(), &Mark::challenge);
  return found == marks_.end() ? nullptr : &*found;
}

}  // namespace metalmesh::controller
