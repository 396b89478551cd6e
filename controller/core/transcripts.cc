#include "controller/core/transcripts.h"

#include <algorithm>
#include <utility>

#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/delivery/blob_transfer.h"
#include "common/ports/wire_time.h"
#include "controller/core/field_rules.h"

namespace metalmesh::controller {
namespace {

constexpr unsigned asked_in_vain = 3;
constexpr unsigned denied = 3;

/// The row of its deployment says so from now on, and so does the log.
void lose(Work& work, const std::string& deployment, const std::string& why) {
  const rest::Transcript before = work.mesh().deployments.at(deployment).transcript();
  work.ledger.change_deployment(deployment, [&](rest::Deployment& d) {
    d.mutable_transcript()->set_state(transcripts::gone);
    d.mutable_transcript()->set_note(why);
    d.mutable_transcript()->clear_received();
  });
  erase_pieces(deployment, before, work.out.rows);
  ++work.metrics.transcripts_gone;
  work.ledger.note(
      line_about(work.mesh().deployments.at(deployment), "transcript", "the transcript is gone: " + why),
      work.now.wall());
}

bool is_coming(const MeshState& mesh, const std::string& deployment, const rest::Transcript& transcript) {
  const auto found = mesh.deployments.find(deployment);
  return found != mesh.deployments.end() && found->second.transcript().state() == transcripts::coming &&
         found->second.transcript().sha256() == transcript.sha256();
}

}  // namespace

void name_transcript(Work& work, const std::string& deployment, const wire::BlobRef& named,
                     const std::string& journal) {
  if (rules::sha256_hex("", named.sha256()) || named.size() == 0) return;
  const rest::Transcript before = work.mesh().deployments.at(deployment).transcript();
  if (before.sha256() == named.sha256()) return;  // it was told of before
  erase_pieces(deployment, before, work.out.rows);
  const bool too_long = named.size() > delivery::blob_limit;
  work.ledger.change_deployment(deployment, [&](rest::Deployment& d) {
    rest::Transcript& transcript = *d.mutable_transcript();
    transcript.Clear();
    transcript.set_sha256(named.sha256());
    transcript.set_size(too_long ? 0 : named.size());
    transcript.set_journal_id(journal);
    transcript.set_screen(named.screen());
    transcript.set_state(too_long ? transcripts::gone : transcripts::coming);
    if (too_long) transcript.set_note("its site says that it is longer than any may be");
  });
}

void fetch_transcript_again(Work& work, const std::string& deployment) {
  const auto found = work.mesh().deployments.find(deployment);
  if (found == work.mesh().deployments.end() || found->second.transcript().state() != transcripts::here)
    return;
  work.ledger.change_deployment(deployment, [](rest::Deployment& d) {
    d.mutable_transcript()->set_state(transcripts::coming);
    d.mutable_transcript()->clear_received();
  });
}

void Transcripts::begin(const Work& work, const std::string& site, const TranscriptBoard::Aged& coming) {
  // Behind the one that did not come last time, so that one does not keep all others waiting.
  const auto tried = tried_.find(site);
  auto next = tried == tried_.end() ? coming.begin() : coming.upper_bound(tried->second);
  if (next == coming.end()) next = coming.begin();
  Fetch fetch;
  fetch.deployment = next->second;
  fetch.transcript = work.mesh().deployments.at(fetch.deployment).transcript();
  fetch.piece =
      std::min(pieces_there(rows_, fetch.deployment, fetch.transcript), pieces_of(fetch.transcript) - 1);
  fetch.due = work.now.mono;
  fetches_[site] = std::move(fetch);
}

void Transcripts::ask(Work& work) {
  const auto can = [&](const std::string& site) {
    const SiteLink* link = work.link(site);
    return link != nullptr && !link->silent(work.now);
  };
  const MeshState& mesh = work.mesh();
  std::erase_if(fetches_, [&](const auto& item) {
    const auto& [site, fetch] = item;
    return !can(site) || !is_coming(mesh, fetch.deployment, fetch.transcript);
  });
  if (mesh.disk_low) return;
  std::vector<std::string> in_vain;
  for (auto& [site, fetch] : fetches_) {
    if (fetch.due > work.now.mono) continue;
    if (fetch.asked < asked_in_vain)
      ask_for_piece(work, site, fetch);
    else
      in_vain.push_back(site);
  }
  for (const std::string& site : in_vain) give_way(work, site, std::exchange(fetches_[site], {}));
  for (const std::string& site : in_vain) fetches_.erase(site);

  // Each site in its turn, behind the one that was begun last.
  const auto& coming = work.ledger.transcripts().coming();
  auto next = coming.upper_bound(turn_);
  for (std::size_t looked = 0; looked < coming.size() && fetches_.size() < limits_.sites; ++looked, ++next) {
    if (next == coming.end()) next = coming.begin();
    const std::string& site = next->first;
    const auto rests = rests_until_.find(site);
    if (fetches_.contains(site) || !can(site) ||
        (rests != rests_until_.end() && work.now.mono < rests->second))
      continue;
    rests_until_.erase(site);
    begin(work, site, next->second);
    ask_for_piece(work, site, fetches_.at(site));
    turn_ = site;
  }
}

void Transcripts::ask_for_piece(const Work& work, const std::string& site, Fetch& fetch) const {
  ++fetch.asked;
  fetch.due = work.now.mono + limits_.ask_again;
  wire::BlobWant want;
  want.set_sha256(fetch.transcript.sha256());
  want.set_offset(fetch.piece * transcript_piece);
  want.set_most(transcript_piece);
  want.set_journal_id(fetch.transcript.journal_id());
  LinkTools tools = work.tools();
  work.link(site)->publish("blob_want", want, tools);
}

/// Others wait, and there may be pieces of one only. It is asked for again when its turn comes.
void Transcripts::give_way(Work& work, const std::string& site, const Fetch& fetch) {
  const rest::Deployment& deployment = work.mesh().deployments.at(fetch.deployment);
  if (fetch.transcript.journal_id() != work.link(site)->event_journal())
    return lose(work, fetch.deployment, "the agent that had it is not the site's any more");
  erase_pieces(fetch.deployment, fetch.transcript, work.out.rows);
  tried_[site] = {from_wire(deployment.ended()), fetch.deployment};
  rest(site, work);
}

void Transcripts::distrust(Work& work, const std::string& site, Fetch& fetch) {
  erase_pieces(fetch.deployment, fetch.transcript, work.out.rows);
  fetch.piece = 0;
  fetch.due = work.now.mono + limits_.ask_again;
  fetch.asked = 0;
  if (++fetch.wrong < denied) return;
  lose(work, fetch.deployment, "what its site sent are not the bytes whose digest it told");
  fetches_.erase(site);
}

void Transcripts::on_chunk(Work& work, const std::string& site, const wire::BlobChunk& chunk) {
  const auto found = fetches_.find(site);
  if (found == fetches_.end()) return;
  Fetch& fetch = found->second;
  const rest::Transcript& transcript = fetch.transcript;
  const std::uint64_t offset = fetch.piece * transcript_piece;
  if (chunk.sha256() != transcript.sha256() || !is_coming(work.mesh(), fetch.deployment, transcript)) return;
  if (chunk.offset() != offset && !planted(Defect::chunk_at_any_offset)) return;  // a repeated or late one
  if (chunk.unknown()) {
    fetch.due = work.now.mono + limits_.ask_again;
    fetch.asked = 0;
    if (++fetch.unknown < denied) return;  // another agent with the same journal may have it
    lose(work, fetch.deployment, "its site does not have it any more");
    fetches_.erase(found);
    return;
  }
  const std::uint64_t length = std::min<std::uint64_t>(transcript_piece, transcript.size() - offset);
  if (chunk.size() != transcript.size() ||
      (chunk.bytes().size() != length && !planted(Defect::chunk_at_any_offset)))
    return distrust(work, site, fetch);
  ++work.metrics.transcript_pieces;
  fetch.unknown = 0;
  fetch.asked = 0;
  work.out.put(piece_key(fetch.deployment, transcript, fetch.piece), chunk.bytes());
  if (fetch.piece + 1 < pieces_of(transcript)) {
    ++fetch.piece;
    return ask_for_piece(work, site, fetch);
  }
  // The one before was committed before this one was asked for.
  const auto before = read_pieces(rows_, fetch.deployment, transcript, fetch.piece);
  if (!before || to_hex(sha256(*before + chunk.bytes())) != transcript.sha256())
    return distrust(work, site, fetch);
  finish(work, site, fetch);
}

void Transcripts::finish(Work& work, const std::string& site, const Fetch& fetch) {
  work.ledger.change_deployment(fetch.deployment, [&](rest::Deployment& d) {
    d.mutable_transcript()->set_state(transcripts::here);
    *d.mutable_transcript()->mutable_received() = to_wire(work.now.wall());
  });
  ++work.metrics.transcripts_taken;
  tried_.erase(site);
  fetches_.erase(site);
  tidy(work);
}

void Transcripts::tidy(Work& work) const {
  const TranscriptBoard& board = work.ledger.transcripts();
  while (board.bytes() > limits_.bytes) lose(work, *board.next_to_go(), "it made room here for newer ones");
  while (!board.here().empty() && board.here().begin()->first + limits_.age < work.now.wall_low)
    lose(work, std::string(board.here().begin()->second), "it was kept here for as long as any is");
}

}  // namespace metalmesh::controller
