// Counters since start, for /metrics. What can be counted from MeshState is not repeated here.
#pragma once

#include <cstdint>

namespace metalmesh::controller {

struct ControllerMetrics {
  std::uint64_t frames_taken = 0;         // verified, from known sites
  std::uint64_t frames_rejected = 0;      // signature or form
  std::uint64_t frames_from_unknown = 0;  // sites that were never applied
  std::uint64_t frames_odd = 0;           // verified, but of no use (foreign journal, unknown kind)
  std::uint64_t events_folded = 0;
  std::uint64_t events_foreign = 0;     // about servers of another site, or of nobody
  std::uint64_t events_unreadable = 0;  // kept as bytes: this version cannot read them
  std::uint64_t events_repaired = 0;    // with text that was not UTF-8
  std::uint64_t deployments_reopened = 0;
  std::uint64_t commands_sent = 0;
  std::uint64_t samples_taken = 0;
  std::uint64_t blob_chunks_sent = 0;
  std::uint64_t transcript_pieces = 0;
  std::uint64_t transcripts_taken = 0;
  std::uint64_t transcripts_gone = 0;
  std::uint64_t operator_requests = 0;
  std::uint64_t operator_refusals = 0;
  std::uint64_t deployments_issued = 0;
  std::uint64_t deployments_ended = 0;
  std::uint64_t journals_lost = 0;
  std::uint64_t epochs_begun = 0;
  std::uint64_t quarantines = 0;
  std::uint64_t newcomers_refused = 0;
  std::uint64_t shares_exceeded = 0;  // times that a site was told to wait
  std::uint64_t event_gaps = 0;       // events of sites that this ledger will never have
};

}  // namespace metalmesh::controller
