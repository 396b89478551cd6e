// What was said with a BMC and named by an end: it is kept where it is named, arrives with the bytes that its site wrote
// down or is told to be gone, and never hangs.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agents/core/row_keys.h"
#include "common/base/digest.h"
#include "controller/state/tables.h"
#include "controller/state/transcript_rows.h"
#include "schemas/record/agent.pb.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

namespace tables = controller::tables;
constexpr std::string_view shelf = agent::rows::shelf;

class TranscriptsAreWhole final : public Invariant {
 public:
  explicit TranscriptsAreWhole(Court& court) : Invariant("transcripts_are_whole", court) {}

  void on_told(const Told& told) override {
    if (told.event.has_ended() && told.event.ended().has_transcript())
      named_.emplace_back(told.event.deployment_id(), told.event.ended().transcript().sha256());
  }

  void on_agent_rows(const std::string& node, const Batch& batch) override {
    for (const RowWrite& row : batch) {
      if (!row.key.starts_with(shelf)) continue;
      const std::string sha256_told = row.key.substr(shelf.size());
      record::ShelvedBlob blob;
      if (!row.value) {
        mark("a transcript made room at its site");
        kept_[node].erase(sha256_told);
        continue;
      }
      if (!blob.ParseFromString(*row.value) || to_hex(sha256(blob.bytes())) != sha256_told)
        object(node + " keeps a transcript under another digest");
      kept_[node].insert(sha256_told);
      written_[sha256_told] = blob.bytes();
    }
    for (const auto& [deployment, sha256_told] : named_) {
      if (!written_.contains(sha256_told))
        object(node + " names a transcript of " + deployment + " that it does not keep");
    }
    named_.clear();
  }
  void on_store_changed(const std::string& node) override { changed_.insert(node); }

  void on_controller_rows(const Batch& batch) override {
    for (const RowWrite& row : batch) {
      if (row.key.starts_with(tables::transcripts) && row.value) look_at_piece(row);
      if (row.key.starts_with(tables::deployments)) look_at(row.key.substr(tables::deployments.size()));
    }
  }

  void at_end() override {
    for (const auto& [id, deployment] : facts_.deployments) {
      if (deployment.transcript().state() == controller::transcripts::coming)
        object("the transcript of " + id + " neither came nor is it told to be gone");
    }
  }

 private:
  /// "u/<deployment>/<sha256>/<piece>"
  void look_at_piece(const RowWrite& row) {
    const std::size_t last = row.key.rfind('/');
    const std::size_t before = row.key.rfind('/', last - 1);
    const std::string sha256_told = row.key.substr(before + 1, last - before - 1);
    std::size_t piece = 0;
    std::from_chars(row.key.data() + last + 1, row.key.data() + row.key.size(), piece);
    const auto written = written_.find(sha256_told);
    if (written == written_.end()) return object("a transcript came that no site wrote down: " + row.key);
    if (piece > 0) mark("a transcript came in pieces");
    if (written->second.substr(std::min(written->second.size(), piece * controller::transcript_piece),
                               controller::transcript_piece) != *row.value)
      object("a piece of a transcript has other bytes than its site wrote down: " + row.key);
  }

  void look_at(const std::string& id) {
    const auto found = facts_.deployments.find(id);
    if (found == facts_.deployments.end() || !found->second.has_transcript()) return;
    const rest::Deployment& deployment = found->second;
    const rest::Transcript& transcript = deployment.transcript();
    if (transcript.state() == controller::transcripts::here) mark("a transcript came whole");
    if (transcript.state() != controller::transcripts::gone) return;
    mark("a transcript was told to be gone");
    for (const auto& [node, agent] : facts_.agents) {
      const auto kept = kept_.find(node);
      const bool has = kept != kept_.end() && kept->second.contains(transcript.sha256());
      const bool speaks = agent.copy < facts_.copies.size() &&
                          facts_.copies[agent.copy].journal_id == transcript.journal_id();
      if (has && speaks && !changed_.contains(node) && alone(node, agent.site))
        object("the transcript of " + id + " is told to be gone, and " + node +
               " keeps it: " + transcript.note());
    }
  }

  /// Of two agents with one journal either may say that it has none.
  [[nodiscard]] bool alone(const std::string& node, const std::string& site) const {
    return std::ranges::none_of(
        facts_.agents, [&](const auto& other) { return other.first != node && other.second.site == site; });
  }

  std::map<std::string, std::string> written_;              // by digest: the bytes, whoever keeps them
  std::map<std::string, std::set<std::string>> kept_;       // by node: digests
  std::set<std::string> changed_;                           // nodes whose store was lost or put back
  std::vector<std::pair<std::string, std::string>> named_;  // in the batch that is looked at
};

}  // namespace

std::unique_ptr<Invariant> transcripts_are_whole(Court& court) {
  return std::make_unique<TranscriptsAreWhole>(court);
}

}  // namespace metalmesh::sim
