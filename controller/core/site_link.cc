#include "controller/core/site_link.h"

#include <algorithm>
#include <utility>

#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/base/id.h"
#include "common/base/planted.h"
#include "common/delivery/topics.h"
#include "common/ports/wire_time.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t marks_kept = 8;
constexpr int past_journals_kept = 16;
constexpr std::size_t journal_id_bytes = 16;
constexpr std::size_t version_limit = 64;
constexpr std::size_t journal_limit = 64;
constexpr std::size_t newcomers_kept = 4;
constexpr int damaged_rows_kept = 64;
constexpr std::size_t predecessors_told = 16;
constexpr std::size_t challenge_bytes = 16;
constexpr std::size_t event_id_limit = 64;

template <class Message>
bool parse(const std::string& payload, Message& message, SiteNews& news) {
  if (message.ParseFromString(payload)) return true;
  news.oddity = "a signed frame is not a " + message.GetTypeName();
  return false;
}

/// Which controller speaks.
void say_who(wire::Welcome& welcome, const LinkTools& tools) {
  welcome.set_controller_epoch(tools.epoch);
  welcome.set_ledger(tools.lives.id_of(tools.last_event));
  welcome.set_instance(tools.lives.current());
  if (tools.started) *welcome.mutable_instance_since() = to_wire(*tools.started);
  for (std::string& life : tools.lives.predecessors(predecessors_told))
    welcome.add_predecessors(std::move(life));
}

void remember(google::protobuf::RepeatedPtrField<std::string>& journals, const std::string& journal) {
  *journals.Add() = journal;
  if (journals.size() > past_journals_kept) journals.DeleteSubrange(0, 1);
}

}  // namespace

SiteLink::SiteLink(std::string site, const RowReader& rows, record::SiteLink stored, Duration twin_settle,
                   Duration silent_after, std::uint64_t entries_kept)
    : site_(std::move(site)),
      entries_kept_(entries_kept),
      row_(std::move(stored)),
      presence_(row_.incarnation(), {row_.past_incarnations().begin(), row_.past_incarnations().end()},
                twin_settle, silent_after),
      sender_(tables::command_stream(site_), rows),
      receiver_(tables::event_stream(site_), rows),
      rows_(rows),
      owner_waits_(2 * silent_after) {
  for (const std::string& journal : row_.side_journals())
    sides_.emplace(journal, delivery::StreamReceiver(tables::side_stream(site_, journal), rows_));
  if (!row_.quarantine_reason().empty()) presence_.quarantine(row_.quarantine_reason());
}

template <class Frame>
void SiteLink::publish_ours(std::string_view kind, Frame frame, LinkTools& tools) const {
  frame.set_instance(tools.lives.current());
  publish(kind, frame, tools);
}

void SiteLink::publish(std::string_view kind, const google::protobuf::MessageLite& message,
                       LinkTools& tools) const {
  tools.out.emit(Publish{topics::down(SiteName(site_)), delivery::seal(tools.signer, kind, message)});
}

SiteNews SiteLink::on_frame(const std::string& kind, const std::string& payload, LinkTools& tools) {
  SiteNews news;
  if (kind == "hello") {
    if (wire::Hello hello; parse(payload, hello, news)) return on_hello(hello, tools);
  } else if (kind == "data") {
    if (wire::Data data; parse(payload, data, news)) return on_data(data, tools);
  } else if (kind == "ack") {
    if (wire::Ack ack; parse(payload, ack, news)) return on_ack(ack, tools);
  } else if (kind == "resync") {
    if (wire::Resync resync; parse(payload, resync, news)) return on_resync(resync);
  } else if (kind == "trimmed") {
    if (wire::Trimmed trimmed; parse(payload, trimmed, news)) return on_trimmed(trimmed, tools);
  } else if (kind == "sample") {
    if (wire::Sample sample; parse(payload, sample, news)) news.sample = std::move(sample);
  } else if (kind == "blob_want") {
    if (wire::BlobWant want; parse(payload, want, news)) news.blob_want = std::move(want);
  } else {
    news.oddity = "unknown frame kind \"" + kind.substr(0, version_limit) + "\"";
  }
  return news;
}

bool SiteLink::is_refused(const wire::Hello& hello, const Now& now) const {
  if (hello.journal_id().empty() || receiver_.journal_id().empty() ||
      hello.journal_id() == row_.chosen_journal() || planted(Defect::newcomer_displaces)) {
    return false;
  }
  if (!row_.chosen_journal().empty()) return true;
  if (hello.journal_id() == receiver_.journal_id() || choice_open_) return false;
  return owner_heard_ && now.mono - std::max(*owner_heard_, now.awake_since) < owner_waits_;
}

std::string SiteLink::why_refused(const std::string& journal, const Now& now) const {
  const std::string next =
      "Stop the one that is wrong. If the refused one is right: " + commands::choose_agent(site_, journal);
  if (!row_.chosen_journal().empty())
    return "a second agent runs under the name of site " + site_ + ": journal " + journal +
           " is refused, a person chose " + row_.chosen_journal() + ". " + next;
  const auto ago = std::chrono::duration_cast<std::chrono::seconds>(now.mono - *owner_heard_).count();
  return "a second agent runs under the name of site " + site_ + ": journal " + journal +
         " is refused, the owner of journal " + receiver_.journal_id() + " was heard " + std::to_string(ago) +
         " s ago. " + next;
}

/// It is answered like one in quarantine. Its Hellos say nothing about the agent that is followed.
void SiteLink::refuse(const wire::Hello& hello, LinkTools& tools, SiteNews& news) {
  auto known = std::ranges::find(refused_, hello.incarnation(), &Refused::incarnation);
  if (known == refused_.end()) {
    if (refused_.size() == newcomers_kept) refused_.pop_front();
    known = refused_.insert(refused_.end(), {hello.incarnation(), {}, {}, {}});
  }
  known->who = {hello.journal_id().substr(0, journal_limit), hello.machine_id().substr(0, version_limit),
                why_refused(hello.journal_id().substr(0, journal_limit), tools.now)};
  if (!hello.echo().empty() && hello.echo() == known->challenge) {
    if (!known->alive) news.newcomer = known->who;
    known->alive = tools.now.mono;
    add_side(hello.journal_id(), tools);
    judge_rival(hello, tools, news);
  }
  known->challenge = tools.entropy.bytes(challenge_bytes);
  wire::Welcome refusal;
  refusal.set_incarnation(hello.incarnation());
  refusal.set_nonce(hello.nonce());
  refusal.set_challenge(known->challenge);
  refusal.set_quarantined(true);
  refusal.set_quarantine_reason(known->who.refused_because);
  *refusal.mutable_clock() = to_wire(tools.now.wall());
  *refusal.mutable_uptime() = to_wire(tools.now.mono.time_since_epoch());
  news.refusal = std::move(refusal);
}

/// Commands that this store has forgotten were given to one that is refused now: we were restored, and it was
/// followed before. Where the one that is followed lives, both may have acted, and which of the two is right is
/// not for us to say.
void SiteLink::judge_rival(const wire::Hello& hello, const LinkTools& tools, SiteNews& news) {
  if (!has_forgotten_commands(hello) || follows_foreign(hello, tools) ||
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

SiteNews SiteLink::on_hello(const wire::Hello& hello, LinkTools& tools) {
  SiteNews news;
  if (!owner_heard_) owner_heard_ = tools.now.mono;
  judge_ledger(hello, tools, news);
  if (is_refused(hello, tools.now)) {
    refuse(hello, tools, news);
    return news;
  }
  wire::Welcome welcome = presence_.on_hello(hello, tools.now, tools.entropy);
  // Only who proved to live now may change what we believe about journals: a replayed Hello may not.
  if (!hello.incarnation().empty() && presence_.current() == hello.incarnation() &&
      !presence_.quarantined()) {
    if (hello.journal_id() == receiver_.journal_id() && !hello.echo().empty()) owner_heard_ = tools.now.mono;
    peer_quarantined_ = hello.quarantined();
    peer_quarantine_reason_ = hello.quarantine_reason();
    if (judge_controller(hello, tools, news)) {
      judge_events(hello, tools, news);
      if (!presence_.quarantined()) judge_commands(hello, tools, news);
      judge_head(hello);
    }
    if (row_.agent_version() != hello.version()) {
      row_.set_agent_version(hello.version().substr(0, version_limit));
      changed_ = true;
    }
  }
  if (row_.incarnation() != presence_.current()) {
    row_.set_incarnation(presence_.current());
    row_.mutable_past_incarnations()->Assign(presence_.past().begin(), presence_.past().end());
    changed_ = true;
  }
  if (presence_.quarantined() && row_.quarantine_reason().empty())
    quarantine(presence_.quarantine_reason(), news);
  // Nobody vouches for one that doubts itself: a store that went back does not know yet why.
  welcome.set_proven(welcome.proven() && !presence_.quarantined() && !hello.quarantined() &&
                     !receiver_.journal_id().empty() && hello.journal_id() == receiver_.journal_id());
  news.welcome = std::move(welcome);
  return news;
}

bool SiteLink::follows_foreign(const wire::Hello& hello, const LinkTools& tools) {
  const std::string& followed = hello.controller_instance();
  if (followed.empty() || followed == tools.lives.current() || tools.lives.contains(followed)) return false;
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
  const bool is_anothers = !followed.empty() && !tools.lives.contains(followed) &&
                           (hello.controller_lives() || !tools.rival.empty());
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
    wire::Resync resync;
    resync.set_journal_id(hello.journal_id());
    resync.set_from(receiver_.cursor() + 1);
    publish_ours("resync", resync, tools);
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
    row_.add_past_command_journals(hello.command_journal());
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

/// What the other one has told stays, and where it was left off.
void SiteLink::follow_journal(const std::string& journal, LinkTools& tools) {
  if (!receiver_.journal_id().empty()) {
    add_side(receiver_.journal_id(), tools);
    if (const auto old = sides_.find(receiver_.journal_id()); old != sides_.end())
      old->second.follow_at(receiver_.journal_id(), receiver_.cursor(), receiver_.cursor_hash(),
                            tools.out.rows);
  }
  const auto side = sides_.find(journal);
  if (side == sides_.end()) {
    receiver_.follow(journal, tools.out.rows);
  } else {
    receiver_.follow_at(journal, side->second.cursor(), side->second.cursor_hash(), tools.out.rows);
    side->second.forget(tools.out.rows);
    sides_.erase(side);
    row_.mutable_side_journals()->erase(std::ranges::find(*row_.mutable_side_journals(), journal));
  }
  auto& past = *row_.mutable_past_event_journals();
  past.erase(std::ranges::remove(past, journal).begin(), past.end());
  owner_heard_ = tools.now.mono;
  choice_open_ = false;
  row_.clear_chosen_journal();
  refused_.clear();
  changed_ = true;
}

void SiteLink::add_side(const std::string& journal, LinkTools& tools) {
  if (sides_.contains(journal) || journal.size() > journal_limit || journal.find('/') != std::string::npos)
    return;
  if (row_.side_journals_size() == past_journals_kept) {
    const std::string oldest = row_.side_journals(0);
    sides_.at(oldest).forget(tools.out.rows);
    sides_.erase(oldest);
    row_.mutable_side_journals()->DeleteSubrange(0, 1);
  }
  auto& side = sides_.emplace(journal, delivery::StreamReceiver(tables::side_stream(site_, journal), rows_))
                   .first->second;
  if (side.journal_id().empty()) side.follow(journal, tools.out.rows);
  row_.add_side_journals(journal);
  changed_ = true;
}

bool SiteLink::knows_journal(const std::string& journal) const {
  return journal == receiver_.journal_id() || sides_.contains(journal) ||
         std::ranges::find(row_.past_event_journals(), journal) != row_.past_event_journals().end();
}

std::uint64_t SiteLink::side_cursor(const std::string& journal) const {
  const auto side = sides_.find(journal);
  return side == sides_.end() ? 0 : side->second.cursor();
}

std::string SiteLink::refused_newcomer(const Now& now) const {
  for (const Refused& one : refused_) {
    if (one.alive && now.mono - std::max(*one.alive, now.awake_since) < owner_waits_)
      return one.who.refused_because;
  }
  return {};
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

void SiteLink::begin_commands(LinkTools& tools) {
  if (sender_.exists()) {
    remember(*row_.mutable_past_command_journals(), sender_.journal_id());
  }
  sender_.create(to_hex(tools.entropy.bytes(journal_id_bytes)), tools.out.rows);
  row_.set_commands_for(receiver_.journal_id());
  row_.clear_settings_sha256();
  settings_version_ = 0;
  changed_ = true;
  if (!row_.learning()) return;
  wire::Command command;
  command.mutable_report_state()->set_request_id(row_.report_request());
  static_cast<void>(append(std::move(command), tools));  // far below the size limit
}

void SiteLink::learn(std::string request, LinkTools& tools) {
  row_.set_learning(true);
  row_.set_report_request(std::move(request));
  row_.clear_seen_orders();
  changed_ = true;
  if (!receiver_.journal_id().empty()) begin_commands(tools);
}

void SiteLink::note_seen_order(const std::string& deployment) {
  if (std::ranges::find(row_.seen_orders(), deployment) != row_.seen_orders().end()) return;
  row_.add_seen_orders(deployment);
  changed_ = true;
}

bool SiteLink::told_since_gap(const std::string& deployment) const {
  return std::ranges::find(row_.told_since_gap(), deployment) != row_.told_since_gap().end();
}

void SiteLink::note_told(const std::string& deployment) {
  if (row_.gap_to() == 0 || deployment.empty() || told_since_gap(deployment)) return;
  row_.add_told_since_gap(deployment);
  changed_ = true;
}

void SiteLink::learned() {
  row_.clear_gap_to();
  row_.clear_told_since_gap();
  row_.set_learning(false);
  row_.clear_report_request();
  row_.clear_seen_orders();
  changed_ = true;
}

void SiteLink::send_welcome(wire::Welcome welcome, LinkTools& tools) {
  say_who(welcome, tools);
  if (tools.clock_doubted) welcome.clear_clock();
  *welcome.mutable_clock_steps() = to_wire(tools.clock_steps);
  welcome.set_journal_id(receiver_.journal_id());
  welcome.set_cursor(receiver_.cursor());
  welcome.set_cursor_hash(receiver_.cursor_hash());
  welcome.set_command_journal(sender_.journal_id());
  welcome.set_command_next_seq(sender_.next_seq());
  welcome.set_quarantined(presence_.quarantined());
  welcome.set_quarantine_reason(presence_.quarantine_reason());
  if (!welcome.challenge().empty()) {
    marks_.push_back({welcome.challenge(), receiver_.journal_id(), receiver_.cursor(), sender_.journal_id(),
                      sender_.exists() ? sender_.acked() : 0});
    if (marks_.size() > marks_kept) marks_.pop_front();
  }
  publish("welcome", welcome, tools);
}

void SiteLink::send_refusal(wire::Welcome refusal, LinkTools& tools) const {
  say_who(refusal, tools);
  if (tools.clock_doubted) refusal.clear_clock();
  *refusal.mutable_clock_steps() = to_wire(tools.clock_steps);
  publish("welcome", refusal, tools);
}

void SiteLink::acknowledge(const delivery::StreamReceiver& receiver, LinkTools& tools) const {
  if (receiver.hash_unknown()) return;
  const std::uint64_t cursor = receiver.cursor();
  wire::Ack ack = receiver.ack(cursor > entries_kept_ ? cursor - entries_kept_ : 1);
  ack.set_ledger(tools.lives.id_of(tools.last_event));
  publish_ours("ack", std::move(ack), tools);
}

void SiteLink::tell_ledger(LinkTools& tools) const {
  if (!receiver_.journal_id().empty()) acknowledge(receiver_, tools);
}

/// Facts of an agent that is not followed. It may do nothing new; what it did is true all the same.
SiteNews SiteLink::on_side_data(const wire::Data& data, delivery::StreamReceiver& side,
                                LinkTools& tools) const {
  SiteNews news;
  auto taken = side.on_data(data, tools.now, tools.out.rows);
  if (taken.resync) publish_ours("resync", *taken.resync, tools);
  using Verdict = delivery::StreamReceiver::Verdict;
  if (taken.verdict != Verdict::accepted && taken.verdict != Verdict::duplicate) {
    if (taken.verdict == Verdict::diverged)
      news.oddity = "journal " + data.journal_id() + ", which is not followed, is not the one that was known";
    return news;
  }
  news.journal = data.journal_id();
  news.entries = std::move(taken.entries);
  acknowledge(side, tools);
  return news;
}

SiteNews SiteLink::on_data(const wire::Data& data, LinkTools& tools) {
  using Verdict = delivery::StreamReceiver::Verdict;
  SiteNews news;
  if (const auto side = sides_.find(data.journal_id()); side != sides_.end())
    return on_side_data(data, side->second, tools);
  news.journal = receiver_.journal_id();
  auto taken = receiver_.on_data(data, tools.now, tools.out.rows);
  if (taken.resync) publish_ours("resync", *taken.resync, tools);
  switch (taken.verdict) {
    case Verdict::accepted:
    case Verdict::duplicate: {
      news.entries = std::move(taken.entries);
      caught_up_ = caught_up_ || (head_to_reach_ && receiver_.cursor() >= *head_to_reach_);
      acknowledge(receiver_, tools);
      break;
    }
    case Verdict::gap:
      break;
    case Verdict::foreign_journal:
      news.oddity =
          "events of journal " + data.journal_id().substr(0, version_limit) + ", which is not followed";
      break;
    case Verdict::diverged:
      if (!presence_.quarantined()) {
        quarantine("the agent sent other events under numbers that we hold (near " +
                       std::to_string(data.first_seq()) + ")",
                   news);
      }
      break;
  }
  return news;
}

SiteNews SiteLink::on_ack(const wire::Ack& ack, LinkTools& tools) {
  SiteNews news;
  // Divergence is judged on the next Hello, which proves when it was made: an ack could be an old one.
  if (sender_.on_ack(ack, tools.out.rows) == delivery::StreamSender::AckResult::diverged) {
    news.oddity = "an ack of command " + std::to_string(ack.up_to()) + " does not fit our journal";
  }
  return news;
}

SiteNews SiteLink::on_resync(const wire::Resync& resync) {
  SiteNews news;
  if (sender_.on_resync(resync) == delivery::StreamSender::ResyncResult::trimmed) {
    news.oddity = "commands from " + std::to_string(resync.from()) + " were asked for, but are trimmed";
  }
  return news;
}

// An old one that is played again says what is still true: what was trimmed does not come back.
SiteNews SiteLink::on_trimmed(const wire::Trimmed& trimmed, LinkTools& tools) {
  SiteNews news;
  const bool followed = trimmed.journal_id() == receiver_.journal_id();
  const auto side = sides_.find(trimmed.journal_id());
  if (presence_.quarantined() || (!followed && side == sides_.end())) return news;
  delivery::StreamReceiver& receiver = followed ? receiver_ : side->second;
  const std::uint64_t from = receiver.cursor() + 1;
  if (trimmed.first_kept() <= from) return news;
  const std::uint64_t to = trimmed.first_kept() - 1;
  if (!receiver.skip_to(to, trimmed.base_hash(), tools.out.rows)) return news;
  news.gap = GapFound{receiver.journal_id(), from, to};
  if (followed) {
    row_.set_gap_to(to);
    row_.clear_told_since_gap();
    changed_ = true;
    if (!row_.learning()) news.restored = tools.epoch;
  }
  wire::Resync resync;
  resync.set_journal_id(receiver.journal_id());
  resync.set_from(trimmed.first_kept());
  publish_ours("resync", resync, tools);
  return news;
}

Result<std::uint64_t> SiteLink::send(wire::Command command, LinkTools& tools) {
  if (!can_command()) return fail(ErrorKind::unavailable, "site " + site_ + " takes no commands now");
  return append(std::move(command), tools);
}

Result<std::uint64_t> SiteLink::append(wire::Command command, LinkTools& tools) {
  command.set_journal_id(receiver_.journal_id());
  command.set_controller_epoch(tools.epoch);
  return sender_.append(command.SerializeAsString(), tools.out.rows);
}

bool SiteLink::can_command() const {
  return sender_.exists() && !receiver_.journal_id().empty() &&
         row_.commands_for() == receiver_.journal_id() && !quarantined();
}

void SiteLink::pump(LinkTools& tools) {
  if (!sender_.exists() || quarantined() || !sender_.damage().empty()) return;
  for (const wire::Data& data : sender_.pump(tools.now)) publish_ours("data", data, tools);
}

void SiteLink::quarantine(std::string reason, SiteNews& news) {
  presence_.quarantine(reason);
  row_.set_quarantine_reason(reason);
  row_.set_doubted_commands(sender_.journal_id());
  row_.set_doubted_below(sender_.next_seq());
  changed_ = true;
  news.quarantine = std::move(reason);
}

void SiteLink::clear_quarantine(const std::string& journal) {
  presence_.clear_quarantine();
  row_.set_chosen_journal(journal == receiver_.journal_id() ? std::string() : journal);
  choice_open_ = journal.empty();
  peer_quarantined_ = false;
  peer_quarantine_reason_.clear();
  row_.clear_quarantine_reason();
  row_.clear_past_incarnations();
  marks_.clear();
  changed_ = true;
}

std::string SiteLink::quarantine_reason() const {
  if (presence_.quarantined()) return presence_.quarantine_reason();
  return peer_quarantined_ ? "the agent: " + peer_quarantine_reason_ : std::string();
}

void SiteLink::set_settings_digest(std::string digest) {
  row_.set_settings_sha256(std::move(digest));
  changed_ = true;
}

void SiteLink::set_clock_doubt(std::string doubt) {
  row_.set_clock_doubt(std::move(doubt));
  changed_ = true;
}

void SiteLink::note_damage(const wire::StoreDamaged& damage) {
  if (damage.next().empty() && !damage.over()) return;  // nobody has to do anything about it
  auto& rows = *row_.mutable_damaged_rows();
  const std::string head = damage.row() + ": ";
  rows.erase(
      std::ranges::remove_if(rows, [&](const std::string& one) { return one.starts_with(head); }).begin(),
      rows.end());
  if (!damage.over() && rows.size() < damaged_rows_kept)
    *rows.Add() = head + damage.what() + ". Next: " + damage.next();
  changed_ = true;
}

void SiteLink::set_machine(std::string machine_id) {
  row_.set_machine_id(std::move(machine_id));
  changed_ = true;
}

}  // namespace metalmesh::controller
