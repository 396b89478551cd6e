#include "controller/core/site_link.h"

#include <algorithm>
#include <utility>

#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/base/id.h"
#include "common/base/planted.h"
#include "common/delivery/topics.h"
#include "common/ports/wire_time.h"
#include "common/text/utf8.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t marks_kept = 8;
constexpr int past_journals_kept = 16;
constexpr std::size_t journal_id_bytes = 16;
constexpr std::size_t version_limit = 64;
constexpr std::size_t reason_limit = 1024;
constexpr std::size_t newcomers_kept = 4;
constexpr int damaged_rows_kept = 64;
constexpr std::size_t predecessors_told = 16;
constexpr std::size_t challenge_bytes = 16;

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

void SiteLink::remember(google::protobuf::RepeatedPtrField<std::string>& journals,
                        const std::string& journal) {
  *journals.Add() = journal;
  if (journals.size() > past_journals_kept) journals.DeleteSubrange(0, 1);
}

void SiteLink::publish(std::string_view kind, const google::protobuf::MessageLite& message,
                       LinkTools& tools) const {
  tools.out.emit(Publish{topics::down(SiteName(site_)), delivery::seal(tools.signer, kind, message)});
}

SiteNews SiteLink::on_frame(const std::string& kind, const std::string& payload, LinkTools& tools) {
  SiteNews news;
  if (!alone_at_) alone_at_ = tools.last_event;
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
  } else if (kind == "blob_chunk") {
    if (wire::BlobChunk chunk; parse(payload, chunk, news)) news.blob_chunk = std::move(chunk);
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
  if (!owner_heard_) return false;
  // Who spoke while we were not awake is heard only now.
  const MonoTime heard =
      planted(Defect::late_wake_ignored) ? *owner_heard_ : std::max(*owner_heard_, now.awake_since);
  return now.mono - heard < owner_waits_;
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
  known->who = {hello.journal_id().substr(0, journal_limit),
                Utf8(hello.machine_id()).cut(version_limit).str(),
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

SiteNews SiteLink::on_hello(const wire::Hello& hello, LinkTools& tools) {
  SiteNews news;
  if (has_long_ids(hello)) {
    news.oddity = "a Hello with an id that no agent has";
    return news;
  }
  if (!owner_heard_) owner_heard_ = tools.now.mono;
  const std::string wrong = impossible(hello, tools);
  if (wrong.empty()) judge_ledger(hello, tools, news);
  if (is_refused(hello, tools.now)) {
    refuse(hello, tools, news);
    judge_claims(tools, news);
    return news;
  }
  wire::Welcome welcome = presence_.on_hello(hello, tools.now, tools.entropy);
  const bool alone = welcome.proven();
  judge_two(hello, tools.now, news);
  // A doubt is raised by whatever bears the site's signature; what comes behind it is read with that doubt.
  peer_doubts_ = peer_doubts_ || hello.quarantined();
  greeted_ = greeted_ || hello.journal_id() == receiver_.journal_id();
  // Only who proved to live now may change what we believe about journals: a replayed Hello may not.
  if (!hello.incarnation().empty() && presence_.current() == hello.incarnation() &&
      !presence_.quarantined()) {
    if (hello.journal_id() == receiver_.journal_id() && !hello.echo().empty()) owner_heard_ = tools.now.mono;
    peer_quarantined_ = peer_doubts_ = hello.quarantined();
    peer_quarantine_reason_ = Utf8(hello.quarantine_reason()).cut(reason_limit).str();
    if (!wrong.empty()) {
      quarantine(wrong, news);
    } else if (judge_controller(hello, tools, news)) {
      judge_events(hello, tools, news);
      if (!presence_.quarantined()) judge_commands(hello, tools, news);
      judge_head(hello);
    }
    if (row_.agent_version() != hello.version()) {
      row_.set_agent_version(Utf8(hello.version()).cut(version_limit).str());
      changed_ = true;
    }
  }
  follow_incarnation(alone, tools);
  if (presence_.quarantined() && row_.quarantine_reason().empty())
    quarantine(presence_.quarantine_reason(), news);
  judge_claims(tools, news);
  // Nobody vouches for one that doubts itself: a store that went back does not know yet why.
  welcome.set_proven(welcome.proven() && !presence_.quarantined() && !hello.quarantined() &&
                     !receiver_.journal_id().empty() && hello.journal_id() == receiver_.journal_id());
  news.welcome = std::move(welcome);
  return news;
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
  asked_here_ = true;
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
  peer_quarantined_ = peer_doubts_ = false;
  peer_quarantine_reason_.clear();
  row_.clear_quarantine_reason();
  row_.clear_past_incarnations();
  row_.clear_past_alone();
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

void SiteLink::know_families(const wire::FamiliesKnown& families) {
  *row_.mutable_families() = families.families();
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
