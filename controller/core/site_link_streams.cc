// The two streams of a site: what it tells is taken in, and commands go down.
#include <utility>

#include "controller/core/site_counts.h"
#include "controller/core/site_link.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t shown_of_an_id = 64;

}  // namespace

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
  // Who has not said yet how it stands, in this life of ours, may tell what it doubts itself. It is sent again.
  if (!greeted_) return news;
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
          "events of journal " + data.journal_id().substr(0, shown_of_an_id) + ", which is not followed";
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
void SiteLink::ask_from(std::uint64_t from, const delivery::StreamReceiver& receiver,
                        LinkTools& tools) const {
  wire::Resync resync;
  resync.set_journal_id(receiver.journal_id());
  resync.set_from(from);
  publish_ours("resync", resync, tools);
}

SiteNews SiteLink::on_trimmed(const wire::Trimmed& trimmed, LinkTools& tools) {
  SiteNews news;
  const bool followed = trimmed.journal_id() == receiver_.journal_id();
  const auto side = sides_.find(trimmed.journal_id());
  if (presence_.quarantined() || (!followed && side == sides_.end())) return news;
  delivery::StreamReceiver& receiver = followed ? receiver_ : side->second;
  const std::uint64_t from = receiver.cursor() + 1;
  if (trimmed.first_kept() <= from) return news;
  const std::uint64_t to = trimmed.first_kept() - 1;
  if (counts::beyond(to, receiver.cursor(), counts::most_entries)) {
    if (followed)
      quarantine("the agent says that its events up to " + std::to_string(to) + " are gone, and told " +
                     std::to_string(receiver.cursor()) + ": no agent tells so many",
                 news);
    return news;
  }
  if (!counts_claim(tools.now)) {
    if (followed)
      quarantine("the agent says again and again that events of its are gone: no agent loses some " +
                     std::to_string(counts::most_claims) + " times within an hour",
                 news);
    return news;
  }
  if (!receiver.skip_to(to, trimmed.base_hash(), tools.out.rows)) return news;
  news.gap = GapFound{receiver.journal_id(), from, to};
  if (followed) {
    row_.set_gap_to(to);
    row_.clear_told_since_gap();
    changed_ = true;
    if (!row_.learning()) news.restored = tools.epoch;
  }
  ask_from(trimmed.first_kept(), receiver, tools);
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

}  // namespace metalmesh::controller
