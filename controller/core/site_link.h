// The controller's end of one site: who lives there (presence), the command stream down, the event stream
// up, and whether the two histories still fit together. It speaks the frames; what the entries mean is the
// business of its owner, which gets them as News.
//
// Rules about histories:
//  - An agent is its journal. While the owner of the one that is followed was heard within minutes, an agent
//  with another one is refused, by name: it may do nothing, but what it tells is taken in. A person may
//  choose it.
//  - One that is refused and yet was given commands that this store has forgotten was followed before a
//  restore: a new epoch, and quarantine where the one that is followed lives.
//  - Another event journal, shown by a proven incarnation when the owner is silent, means the agent lost its
//  own: its commands are void. One that was given up before is an old copy: quarantine, until a person has
//  chosen.
//  - An agent that is ahead of us on commands, or was acknowledged events that we do not have, means that
//  *we* were restored: a new epoch.
//  - An agent that was told of an event which our ledger does not have means so as well, however it stands
//  itself: each site is a witness of how far the ledger was.
//  - Two agents with one journal: quarantine, and the ends that called a disk untouched since one of them was
//  alone are in doubt.
//  - Numbers beyond what any loss explains (site_counts.h) are nobody's history: quarantine of that site, and no other
//  notices.
//  - An agent behind what it once proved, or with other entries under the same numbers: quarantine.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/delivery/envelope_codec.h"
#include "common/delivery/presence.h"
#include "common/delivery/stream_receiver.h"
#include "common/delivery/stream_sender.h"
#include "common/ports/entropy.h"
#include "common/ports/signer.h"
#include "common/turn/outcome.h"
#include "controller/state/ledger_lives.h"
#include "schemas/record/controller.pb.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/event.pb.h"

namespace metalmesh::controller {

/// How far an agent's journal is kept behind what we acknowledged. Without a verified backup the last entries
/// are the only copy that could refill a restored controller; 10,000 of them cover about a day of a busy site
/// and cost its disk a few MB.
inline constexpr std::uint64_t entries_kept_at_site = 10'000;

/// Events of a journal that its agent no longer has and this store never got.
struct GapFound {
  std::string journal;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

struct LinkTools {
  const Signer& signer;
  Entropy& entropy;
  const Now& now;
  std::uint64_t epoch = 0;
  Outcome& out;
  const LedgerLives& lives;  // which instance we are, and which came before
  std::string_view rival;    // the other instance of our identity that we hold for; empty: none
  std::uint64_t last_event = 0;
  std::optional<WallTime> started;
  bool clock_doubted = false;  // then no time is told
  Duration clock_steps{};
};

/// Another controller with our identity, as the site's agent tells.
struct ForeignController {
  std::string instance;
  google::protobuf::Timestamp since;
  bool followed = false;  // by the agent: it refuses us
};

/// An agent that answers under the site's name beside the one that is followed.
struct Newcomer {
  std::string journal;
  std::string machine;
  std::string refused_because;  // a sentence for people
};

/// What one frame brought, for the owner to act on in this order.
struct SiteNews {
  std::optional<std::string> lost_journal;  // the agent's journal that is gone
  std::optional<std::uint64_t> restored;    // we were restored; the highest epoch the agent has seen
  std::optional<std::pair<std::string, std::string>>
      ahead;                              // newly: what we know, and what the agent knows beyond
  std::optional<std::string> missing;     // an event that the agent was told of, and our ledger does not have
  bool commands_begun = false;            // a new command journal: what was sent before is void
  std::optional<std::string> quarantine;  // newly
  std::vector<std::string> doubted;       // deployments that ended untouched, as one of two agents told
  std::optional<GapFound> gap;            // it goes on behind it
  std::optional<ForeignController> foreign;
  std::optional<Newcomer> newcomer;      // newly: refused
  std::string journal;                   // that the entries are of
  std::vector<delivery::Entry> entries;  // events, in order, each once
  std::optional<wire::Sample> sample;
  std::optional<wire::BlobWant> blob_want;
  std::optional<wire::BlobChunk> blob_chunk;
  std::optional<std::string> oddity;     // for the log
  std::optional<wire::Welcome> welcome;  // to finish and send after the owner acted
  std::optional<wire::Welcome> refusal;  // the same, for a newcomer
};

class SiteLink {
 public:
  SiteLink(std::string site, const RowReader& rows, record::SiteLink stored, Duration twin_settle,
           Duration silent_after, std::uint64_t entries_kept = entries_kept_at_site);

  /// A verified frame of this site.
  SiteNews on_frame(const std::string& kind, const std::string& payload, LinkTools& tools);
  void send_welcome(wire::Welcome welcome, LinkTools& tools);
  void send_refusal(wire::Welcome refusal, LinkTools& tools) const;
  void publish(std::string_view kind, const google::protobuf::MessageLite& message, LinkTools& tools) const;

  /// Appends a command; journal and epoch are filled here. Kinds: unavailable (see can_command), exhausted.
  Result<std::uint64_t> send(wire::Command command, LinkTools& tools);
  /// A command journal exists for the agent's present journal, and nobody is in quarantine.
  [[nodiscard]] bool can_command() const;
  /// As can_command, and nothing must be learned from the site first.
  [[nodiscard]] bool can_issue() const {
    return can_command() && !row_.learning() && caught_up() && follows_us_;
  }
  /// The highest epoch that the agent has seen.
  [[nodiscard]] std::uint64_t epoch_seen() const { return epoch_seen_; }
  /// Since this controller started, the agent proved to be alive, and all that it had told by then was taken
  /// in, and what was in a gap found out: what our store says of the site is not older than the site's own
  /// word.
  [[nodiscard]] bool caught_up() const { return caught_up_ && row_.gap_to() == 0; }
  /// In this life of the controller its agent came with another journal than the one that was followed.
  [[nodiscard]] bool lost_journal() const { return lost_journal_; }
  /// We were restored: starts a new command journal (if the site is known) and asks for its fences.
  void learn(std::string request, LinkTools& tools);
  /// The report that is waited for (a report may come in pieces).
  [[nodiscard]] bool awaits(const std::string& request) const {
    return row_.learning() && request == row_.report_request();
  }
  /// It was asked by a life whose store this one was made from: its report may have been given to that one.
  [[nodiscard]] bool asked_before() const { return row_.learning() && !asked_here_; }
  /// One piece said that the site knows this deployment's generation.
  void note_seen_order(const std::string& deployment);
  /// While what was in a gap must be found out: an event behind it spoke of this deployment.
  void note_told(const std::string& deployment);
  [[nodiscard]] bool told_since_gap(const std::string& deployment) const;
  /// The last piece came.
  void learned();

  void on_bus_up() { sender_.rewind(); }
  void on_committed() { sender_.on_committed(); }
  /// Tells the agent how far the ledger is, beside the frames that say so anyway.
  void tell_ledger(LinkTools& tools) const;
  /// Publishes what the window allows.
  void pump(LinkTools& tools);
  [[nodiscard]] bool due(const Now& now) const {
    return sender_.next_due() && *sender_.next_due() <= now.mono;
  }

  [[nodiscard]] bool silent(const Now& now) const { return presence_.silent(now); }
  [[nodiscard]] bool quarantined() const { return presence_.quarantined() || peer_quarantined_; }
  /// It is in quarantine, or a Hello said so whose sender has not proved to live yet.
  [[nodiscard]] bool may_have_forgotten() const { return quarantined() || peer_doubts_; }
  /// A person decided. `journal` names the agent to go on with; empty: the one that lives.
  void clear_quarantine(const std::string& journal);
  /// Whether an agent with this journal was ever heard here.
  [[nodiscard]] bool knows_journal(const std::string& journal) const;
  /// Why another agent is refused here now; empty: none is.
  [[nodiscard]] std::string refused_newcomer(const Now& now) const;
  /// How far the events of a journal that is not followed were taken in.
  [[nodiscard]] std::uint64_t side_cursor(const std::string& journal) const;

  void set_settings_digest(std::string digest);
  /// Which version of the Site was last compared with what was sent.
  [[nodiscard]] std::uint64_t settings_version() const { return settings_version_; }
  void set_settings_version(std::uint64_t version) { settings_version_ = version; }
  void set_machine(std::string machine_id);
  /// What the site's agent tells of its store, until a person has settled it there.
  void note_damage(const wire::StoreDamaged& damage);
  /// What the site renders answer files by.
  void know_families(const wire::FamiliesKnown& families);
  /// What the site says about the time it goes by; empty: nothing is wrong with it.
  void set_clock_doubt(std::string doubt);

  /// It was handed out before two agents were found under this site's name, or histories that do not fit:
  /// more than one may have obeyed it.
  [[nodiscard]] bool obeyed_by_two(const record::Order& order) const {
    return !order.command_journal().empty() && order.command_journal() == row_.doubted_commands() &&
           order.command_seq() < row_.doubted_below();
  }

  /// A deployment that it was handed ended, as it tells, with its disk untouched. `event`: the ledger's last one.
  void note_untouched_end(const std::string& deployment, std::uint64_t event);

  [[nodiscard]] const record::SiteLink& row() const { return row_; }
  /// True once after each change of row().
  bool take_changed() { return std::exchange(changed_, false); }
  [[nodiscard]] const std::string& event_journal() const { return receiver_.journal_id(); }
  [[nodiscard]] std::uint64_t event_cursor() const { return receiver_.cursor(); }
  [[nodiscard]] const std::string& command_journal() const { return sender_.journal_id(); }
  [[nodiscard]] std::uint64_t commands_pending() const { return sender_.exists() ? sender_.unacked() : 0; }
  [[nodiscard]] std::string quarantine_reason() const;
  /// Why its commands are not sent any more: a row of their journal was damaged; empty: they are.
  [[nodiscard]] const std::string& commands_damaged() const { return sender_.damage(); }
  /// A store whose rows were damaged has no command journal, or not the one that belongs to the agent's.
  [[nodiscard]] bool lacks_commands() const {
    return !receiver_.journal_id().empty() &&
           (!sender_.exists() || row_.commands_for() != receiver_.journal_id());
  }

 private:
  /// What the agent had to know when it echoed `challenge`.
  struct Mark {
    std::string challenge;
    std::string event_journal;
    std::uint64_t event_cursor = 0;
    std::string command_journal;
    std::uint64_t command_acked = 0;
  };
  /// One that was refused, as long as it may come back.
  struct Refused {
    std::string incarnation;
    Newcomer who;
    std::string challenge;
    std::optional<MonoTime> alive;  // it echoed one
  };
  static constexpr std::size_t journal_limit = 64;

  static void remember(google::protobuf::RepeatedPtrField<std::string>& journals, const std::string& journal);
  void ask_from(std::uint64_t from, const delivery::StreamReceiver& receiver, LinkTools& tools) const;
  template <class Frame>
  void publish_ours(std::string_view kind, Frame frame, LinkTools& tools) const {
    frame.set_instance(tools.lives.current());
    publish(kind, frame, tools);
  }
  SiteNews on_hello(const wire::Hello& hello, LinkTools& tools);
  [[nodiscard]] bool is_refused(const wire::Hello& hello, const Now& now) const;
  void refuse(const wire::Hello& hello, LinkTools& tools, SiteNews& news);
  // site_link_judges.cc
  /// What is impossible about the numbers it tells, as a sentence; empty: nothing.
  [[nodiscard]] std::string impossible(const wire::Hello& hello, const LinkTools& tools) const;
  /// Ids that are no agent's: they would lie in rows.
  [[nodiscard]] static bool has_long_ids(const wire::Hello& hello);
  void judge_rival(const wire::Hello& hello, const LinkTools& tools, SiteNews& news);
  void judge_two(const wire::Hello& hello, const Now& now, SiteNews& news);
  void follow_incarnation(bool alone, const LinkTools& tools);
  [[nodiscard]] std::string why_refused(const std::string& journal, const Now& now) const;
  SiteNews on_side_data(const wire::Data& data, delivery::StreamReceiver& side, LinkTools& tools) const;
  void add_side(const std::string& journal, LinkTools& tools);
  void follow_journal(const std::string& journal, LinkTools& tools);
  SiteNews on_data(const wire::Data& data, LinkTools& tools);
  SiteNews on_ack(const wire::Ack& ack, LinkTools& tools);
  SiteNews on_resync(const wire::Resync& resync);
  SiteNews on_trimmed(const wire::Trimmed& trimmed, LinkTools& tools);
  /// False when the agent follows another controller with our identity: what it says is not for us.
  bool judge_controller(const wire::Hello& hello, const LinkTools& tools, SiteNews& news);
  static void judge_ledger(const wire::Hello& hello, const LinkTools& tools, SiteNews& news);
  void judge_events(const wire::Hello& hello, LinkTools& tools, SiteNews& news);
  void judge_commands(const wire::Hello& hello, LinkTools& tools, SiteNews& news);
  /// It knows more than our store.
  void tell_restored(const wire::Hello& hello, const LinkTools& tools, SiteNews& news);
  /// Another controller with our identity, one that lives or that a person chose.
  [[nodiscard]] static bool follows_foreign(const wire::Hello& hello, const LinkTools& tools);
  void judge_head(const wire::Hello& hello);
  [[nodiscard]] bool ahead_of_us(const wire::Hello& hello) const;
  /// It follows a command journal that was ours, or nobody's, but that this store does not know.
  [[nodiscard]] bool has_forgotten_commands(const wire::Hello& hello) const;
  [[nodiscard]] bool events_ahead(const wire::Hello& hello) const;
  /// Ours and the agent's.
  [[nodiscard]] std::pair<std::string, std::string> knowledge(const wire::Hello& hello,
                                                              std::uint64_t epoch) const;
  [[nodiscard]] const Mark* mark_of(const wire::Hello& hello) const;
  void acknowledge(const delivery::StreamReceiver& receiver, LinkTools& tools) const;
  void begin_commands(LinkTools& tools);
  Result<std::uint64_t> append(wire::Command command, LinkTools& tools);
  void quarantine(std::string reason, SiteNews& news);
  /// What it tells is one that makes a line for ever, and is counted. False: too many of them.
  bool counts_claim(const Now& now);
  /// Of what a Hello claims, what is too much is not for the owner.
  void judge_claims(const LinkTools& tools, SiteNews& news);

  std::string site_;
  std::uint64_t entries_kept_;
  record::SiteLink row_;
  delivery::SitePresence presence_;
  delivery::StreamSender sender_;
  delivery::StreamReceiver receiver_;
  std::deque<Mark> marks_;
  bool peer_quarantined_ = false;
  bool peer_doubts_ = false;
  bool greeted_ = false;  // its Hello came in this life
  std::string peer_quarantine_reason_;
  bool changed_ = false;
  std::optional<std::uint64_t> head_to_reach_;  // the agent's last event when it was first heard in this life
  bool caught_up_ = false;
  bool lost_journal_ = false;
  bool told_ahead_ = false;
  bool asked_here_ = false;  // for its report, in this life
  std::deque<MonoTime> claims_;  // of the last hour (site_counts.h)
  bool follows_us_ = true;
  std::uint64_t epoch_seen_ = 0;
  std::optional<std::uint64_t>
      alone_at_;  // the ledger's last event when who is followed was alone; before: when we began to listen
  const RowReader& rows_;
  Duration owner_waits_;
  std::optional<MonoTime>
      owner_heard_;           // the owner of the followed journal; before it spoke: since we listen
  bool choice_open_ = false;  // a person said that whoever lives is the right one
  std::map<std::string, delivery::StreamReceiver> sides_;  // by journal
  std::deque<Refused> refused_;
  std::uint64_t settings_version_ = 0;
};

}  // namespace metalmesh::controller
