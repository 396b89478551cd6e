#include "controller/core/site_messages.h"

#include <bit>
#include <utility>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/delivery/blob_transfer.h"
#include "common/delivery/envelope_codec.h"
#include "common/delivery/topics.h"
#include "common/ports/wire_time.h"
#include "controller/core/deployment_fold.h"
#include "controller/core/event_fold.h"
#include "controller/core/event_gaps.h"
#include "controller/core/field_rules.h"
#include "controller/core/late_facts.h"
#include "controller/core/restore_hold.h"
#include "controller/core/site_care.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t strangers_named = 256;
constexpr Duration share_told_every = std::chrono::hours(1);

}  // namespace

void SiteMessages::take(Work& work, const MessageArrived& message, bool bus_up) {
  const auto site = topics::site_of_up(message.topic);
  if (!site) return;
  SiteLink* link = work.link(site->str());
  if (work.ledger.mesh().revoked_sites.contains(site->str()) && !planted(Defect::revoked_is_heard)) {
    ++work.metrics.frames_rejected;
    return odd(work, site->str(), "frame rejected: the site was revoked");
  }
  if (link == nullptr) {
    ++work.metrics.frames_from_unknown;
    if (strangers_.size() < strangers_named && strangers_.insert(site->str()).second) {
      work.out.log(LogLevel::warning, "a site that was never applied speaks; its frames are ignored",
                   {{"site", site->str()}});
    }
    return;
  }
  auto opened = delivery::open(verifier_, site->str(), message.payload);
  if (planted(Defect::any_site_speaks)) {
    for (const auto& [name, other] : work.links)
      if (!opened) opened = delivery::open(verifier_, name, message.payload);
  }
  if (!opened) {
    ++work.metrics.frames_rejected;
    return odd(work, site->str(), "frame rejected: " + opened.error().message);
  }
  if (opened->kind == "data" && !fits_share(work, site->str(), opened->payload.size())) return;
  ++work.metrics.frames_taken;
  LinkTools tools = work.tools();
  take_news(work, site->str(), *link, link->on_frame(opened->kind, opened->payload, tools), bus_up);
}

void SiteMessages::take_news(Work& work, const std::string& site, SiteLink& link, SiteNews news,
                             bool bus_up) {
  if (news.oddity) {
    ++work.metrics.frames_odd;
    odd(work, site, *news.oddity);
  }
  if (news.quarantine) {
    ++work.metrics.quarantines;
    rest::LogEvent line;
    line.set_type("site");
    line.set_site(site);
    line.set_message("site " + site + " is quarantined: " + *news.quarantine +
                     ". Nothing is handed to it. Next: find out which agent is the right one, then: " +
                     commands::clear_quarantine(site));
    work.ledger.note(std::move(line), work.now.wall());
  }
  for (const std::string& deployment : news.doubted) doubt_end(work, deployment);
  if (news.foreign) hold_for_foreign(work, site, *news.foreign);
  if (news.newcomer) note_newcomer(work, site, *news.newcomer);
  if (news.lost_journal) void_site(work, site, *news.lost_journal);
  if (news.restored) begin_epoch(work, *news.restored, "site " + site + " knows more than this store");
  // Whoever let this controller go on before this site was heard has not seen what it tells.
  if (news.ahead && !work.mesh().hold) begin_hold(work, "site " + site + " knows more than this store");
  if (news.ahead) note_difference(work, difference(site, "", "", news.ahead->first, news.ahead->second));
  if (news.missing) hold_for_missing(work, site, *news.missing);
  if (news.gap) note_gap(work, site, *news.gap);
  if (news.gap && link.asked_before())
    relearn_site(work, site, "the report that it was asked for may be among the events that are missing");
  if (news.commands_begun) repeat_wishes(work, site);
  for (const delivery::Entry& entry : news.entries)
    fold_event(work, site, news.journal, entry.seq, entry.bytes);
  if (news.sample) fold_sample(work, site, *news.sample);
  if (news.blob_want) answer_blob(work, site, link, *news.blob_want);
  if (news.blob_chunk) transcripts_.on_chunk(work, site, *news.blob_chunk);
  LinkTools tools = work.tools();
  if (news.welcome) link.send_welcome(std::move(*news.welcome), tools);
  if (news.refusal) link.send_refusal(std::move(*news.refusal), tools);
  refresh_site(work, site);
  work.moved |= hearing_.ends(work.links, work.now);
  if (!link.silent(work.now)) *work.ledger.live_site(site).mutable_last_heard() = to_wire(work.now.wall());
  serve_site(work, site);
  if (bus_up) link.pump(tools);
  if (!link.commands_damaged().empty()) relearn_site(work, site, link.commands_damaged());
}

void SiteMessages::answer_blob(Work& work, const std::string& site, const SiteLink& link,
                               const wire::BlobWant& want) {
  std::optional<std::string> blob;
  if (!rules::sha256_hex("", want.sha256())) {
    auto found = work.rows.get(tables::row(tables::blobs, want.sha256()));
    if (found) {
      blob = std::move(*found);
    } else {
      odd(work, site, "a profile's content cannot be handed out: " + found.error().message);
    }
  }
  LinkTools tools = work.tools();
  link.publish("blob_chunk", delivery::answer_blob_want(want, blob ? &*blob : nullptr), tools);
  ++work.metrics.blob_chunks_sent;
}

bool SiteMessages::fits_share(Work& work, const std::string& site, std::size_t bytes) {
  Told& told = told_.try_emplace(site, Told{SiteQuota(share_)}).first->second;
  const bool fits = told.quota.takes(bytes, work.now.mono) || planted(Defect::share_ignored);
  const bool lately = told.at && work.now.mono - *told.at < share_told_every;
  if (fits || lately) return fits;
  told.at = work.now.mono;
  ++work.metrics.shares_exceeded;
  rest::LogEvent line;
  line.set_type("site");
  line.set_site(site);
  line.set_message(
      "site " + site + " tells more than its share (" + std::to_string(share_.per_second >> 10U) +
      " KiB/s): its events wait at the site, and none is lost. Next: look at its agent's log for what "
      "repeats itself");
  work.ledger.note(std::move(line), work.now.wall());
  return false;
}

void SiteMessages::odd(Work& work, const std::string& site, const std::string& what) {
  const std::uint64_t count = ++oddities_[site];
  if (!std::has_single_bit(count)) return;
  work.out.log(LogLevel::warning, what + " (" + std::to_string(count) + " such from this site so far)",
               {{"site", site}});
}

}  // namespace metalmesh::controller
