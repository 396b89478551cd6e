// Every job this agent knows: the durable half (record::Job, one row each) and the half that dies with the
// process. A job is *waiting* until it gets a place, *running* while it holds a BMC, *ended* until its
// Ended event is acknowledged; then its row goes and the fence alone remembers it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/core/transcript.h"
#include "agents/core/works.h"
#include "common/ports/store.h"
#include "common/turn/outcome.h"
#include "schemas/record/job.pb.h"

namespace metalmesh::agent {

struct JobSlot {
  record::Job job;
  std::unique_ptr<work::Work> machine;                  // while running in this life
  Transcript transcript;                                // of what was said with its BMC, in this life
  std::optional<MonoTime> retry_at;                     // waiting: not before
  std::optional<MonoTime> poll_at;                      // running: PollDue is owed
  wire::FaultCode held = wire::FAULT_CODE_UNSPECIFIED;  // why it waits, as last told
  std::string held_seen;                                // the same in words
  bool disk_low_told = false;                           // of it, or of all who wait
  std::vector<std::string> machine_names;               // of the order's identity, see fence_table.h
  std::string stored;  // what may change of the row, as last written, without what only counts bytes
  std::optional<MonoTime> sampled_at;
  std::uint64_t sampled_bytes = 0;
  std::uint64_t sampled_package_bytes = 0;
  std::pair<wire::ProofGrade, std::string> sampled_signs;
  wire::Reads reads;             // as the media server told last
  std::uint64_t held_reads = 0;  // guarded reads that the closed fence refused, as last logged

  JobSlot() = default;
  JobSlot(const JobSlot&) = delete;  // the machine refers to `job`
  JobSlot& operator=(const JobSlot&) = delete;

  [[nodiscard]] const std::string& id() const { return job.issue().deployment_id(); }
  [[nodiscard]] bool open() const { return !job.ended(); }
  [[nodiscard]] bool waiting() const { return open() && job.stage() <= wire::PREPARING; }
  /// In a conversation, or (after a restart) owed one.
  [[nodiscard]] bool running() const { return open() && !waiting(); }
  /// The machine; else it only reads.
  [[nodiscard]] bool changes() const { return kind_of(job).changes; }
  /// Something of ours may still be on the BMC.
  [[nodiscard]] bool owes_cleanup() const {
    return !job.inserted_slot().empty() || !job.second_slot().empty() || job.boot_overridden() ||
           job.session_uris_size() != 0;
  }
};

class JobTable {
 public:
  explicit JobTable(const RowReader& rows);

  /// Takes a place at the end of the queue. The row is written by `store`.
  JobSlot& add(record::Job job);
  [[nodiscard]] JobSlot* find(std::string_view deployment);
  /// The job that one of whose media has this token.
  [[nodiscard]] JobSlot* by_mount(std::string_view token);
  /// An open job that changes the same machine, whatever the server is called; or nothing.
  [[nodiscard]] JobSlot* open_on(const wire::Identity& identity);

  /// A job that changes the machine behind this BMC and is open, or has left something there that it takes away itself.
  [[nodiscard]] const JobSlot* changing_at(std::string_view bmc) const;

  /// In the order in which they were accepted.
  [[nodiscard]] std::vector<JobSlot*> all();
  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  /// Those that take a place: who only reads, does not.
  [[nodiscard]] std::size_t running() const;
  /// Digests of the images that jobs were ordered with, ended ones included while their medium may be read.
  [[nodiscard]] std::set<std::string> images() const;
  /// The same of the blobs that they need.
  [[nodiscard]] std::set<std::string> blobs() const;
  [[nodiscard]] std::uint32_t waiting_for(std::string_view credential) const;

  /// Writes the row if anything but a byte count changed.
  void store(JobSlot& slot, Outcome& out) const;
  /// Drops ended jobs whose Ended event is acknowledged; returns the tokens of the media that went with them.
  std::vector<std::string> drop_acked(std::uint64_t acked, Outcome& out);

 private:
  std::map<std::string, std::unique_ptr<JobSlot>, std::less<>> slots_;  // by deployment
  std::uint64_t next_queue_number_ = 1;
};

}  // namespace metalmesh::agent
