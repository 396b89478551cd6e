#include "agents/core/job_table.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "agents/core/fence_table.h"
#include "agents/core/mount_desk.h"
#include "agents/core/row_table.h"
#include "agents/core/works.h"
#include "common/base/bmc_address.h"
#include "common/base/planted.h"

namespace metalmesh::agent {
namespace {

/// Elapsed time is worth a write once a minute.
std::int64_t minutes(const google::protobuf::Duration& time) { return time.seconds() / 60; }

/// What makes a new row worth a write: a rising byte count or running time alone must not wear out an SD
/// card. Of every job at every input, so what only counts, and what was agreed to, which never changes, is set aside
/// for a moment: writing out a whole order costs more than deciding what to do about it.
std::string essence(record::Job& job) {
  using Time = std::unique_ptr<google::protobuf::Duration>;
  std::unique_ptr<wire::Agreed> agreed(job.release_agreed());
  const std::uint64_t covered = job.bytes_covered();
  Time ran(job.release_ran_for());
  Time verified(job.release_verified_for());
  job.clear_bytes_covered();
  job.mutable_ran_for()->set_seconds(ran ? minutes(*ran) : 0);
  job.mutable_verified_for()->set_seconds(verified ? minutes(*verified) : 0);
  job.set_row_version(rows::version);
  std::string bytes = job.SerializeAsString();
  job.set_allocated_agreed(agreed.release());
  job.set_bytes_covered(covered);
  job.set_allocated_ran_for(ran.release());
  job.set_allocated_verified_for(verified.release());
  return bytes;
}

}  // namespace

JobTable::JobTable(const RowReader& reader) {
  for (auto& [deployment, job] : load_rows<record::Job>(reader, rows::job)) {
    auto slot = std::make_unique<JobSlot>();
    next_queue_number_ = std::max<std::uint64_t>(next_queue_number_, job.queue_number() + 1);
    slot->job = std::move(job);
    slot->machine_names = machine_names(slot->job.agreed().identity());
    slot->stored = essence(slot->job);
    slot->transcript.lost_beginning();
    slots_.emplace(deployment, std::move(slot));
  }
}

JobSlot& JobTable::add(record::Job job) {
  auto slot = std::make_unique<JobSlot>();
  slot->job = std::move(job);
  slot->machine_names = machine_names(slot->job.agreed().identity());
  slot->job.set_queue_number(next_queue_number_++);
  const std::string deployment = slot->id();
  return *(slots_[deployment] = std::move(slot));
}

JobSlot* JobTable::find(std::string_view deployment) {
  const auto found = slots_.find(deployment);
  return found == slots_.end() ? nullptr : found->second.get();
}

JobSlot* JobTable::by_mount(std::string_view token) {
  if (token.empty()) return nullptr;
  for (const auto& [deployment, slot] : slots_) {
    if (slot->job.mount_token() == token || slot->job.second_token() == token) return slot.get();
  }
  return nullptr;
}

JobSlot* JobTable::open_on(const wire::Identity& identity) {
  const std::vector<std::string> names = machine_names(identity);
  for (const auto& [deployment, slot] : slots_) {
    if (slot->open() && slot->changes() &&
        std::ranges::find_first_of(slot->machine_names, names) != slot->machine_names.end())
      return slot.get();
  }
  return nullptr;
}

const JobSlot* JobTable::changing_at(std::string_view bmc) const {
  const std::string address = normal_bmc_address(bmc);
  for (const auto& [deployment, slot] : slots_) {
    if (slot->changes() && (slot->open() || slot->owes_cleanup()) &&
        normal_bmc_address(slot->job.agreed().bmc().address()) == address)
      return slot.get();
  }
  return nullptr;
}

std::vector<JobSlot*> JobTable::all() {
  std::vector<JobSlot*> in_order;
  in_order.reserve(slots_.size());
  for (const auto& [deployment, slot] : slots_) in_order.push_back(slot.get());
  std::ranges::sort(in_order, {}, [](const JobSlot* slot) { return slot->job.queue_number(); });
  return in_order;
}

std::size_t JobTable::running() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      slots_, [](const auto& item) { return item.second->running() && item.second->changes(); }));
}

std::set<std::string> JobTable::images() const {
  std::set<std::string> digests;
  for (const auto& [deployment, slot] : slots_) {
    for (const wire::ImageRef& image : materials_of(slot->job).images) digests.insert(image.sha256());
  }
  return digests;
}

std::set<std::string> JobTable::blobs() const {
  std::set<std::string> digests;
  for (const auto& [deployment, slot] : slots_) {
    for (const work::Materials::Blob& blob : materials_of(slot->job).blobs) digests.insert(blob.sha256);
  }
  return digests;
}

std::uint32_t JobTable::waiting_for(std::string_view credential) const {
  return static_cast<std::uint32_t>(std::ranges::count_if(slots_, [&](const auto& item) {
    return item.second->waiting() && item.second->job.agreed().bmc().credential() == credential;
  }));
}

void JobTable::store(JobSlot& slot, Outcome& out) const {
  std::string now = essence(slot.job);
  if (now == slot.stored) return;
  slot.stored = std::move(now);
  put_row(out, rows::job + slot.id(), slot.job);
}

std::vector<std::string> JobTable::drop_acked(std::uint64_t acked, Outcome& out) {
  std::vector<std::string> tokens;
  for (auto item = slots_.begin(); item != slots_.end();) {
    const record::Job& job = item->second->job;
    if (!job.ended() || job.ended_seq() > acked || planted(Defect::ended_jobs_kept)) {
      ++item;
      continue;
    }
    std::ranges::move(MountDesk::tokens(job), std::back_inserter(tokens));
    out.erase(rows::job + item->first);
    item = slots_.erase(item);
  }
  return tokens;
}

}  // namespace metalmesh::agent
