#include "agents/core/progress_samples.h"

#include <algorithm>
#include <string>
#include <utility>

namespace metalmesh::agent {
namespace {

constexpr Duration sample_interval = std::chrono::seconds(1);
/// Between two samples of the site: each is a signed message, and no eye follows more than a few.
constexpr Duration sample_gap = std::chrono::milliseconds(50);

/// What shows how far the new system is.
std::pair<wire::ProofGrade, std::string> signs_of(const JobSlot& slot) {
  return {slot.job.proof(), slot.machine ? slot.machine->boot_progress() : std::string()};
}

}  // namespace

void ProgressSamples::take(JobSlot& slot, const Now& now, Outcome& out) {
  if (slot.sampled_at && now.mono - *slot.sampled_at < sample_interval) return;
  if (now.mono < next_) return;
  next_ = now.mono + sample_gap;
  const wire::Reads& reads = slot.reads;
  wire::Sample sample;
  sample.set_deployment_id(slot.id());
  sample.set_server(slot.job.agreed().server());
  sample.set_stage(slot.job.stage());
  sample.set_bytes_read(reads.bytes_covered());
  sample.set_package_bytes(reads.package_bytes());
  sample.set_media_size(reads.size());
  slot.sampled_signs = signs_of(slot);
  sample.set_proof(slot.sampled_signs.first);
  sample.set_boot_progress(slot.sampled_signs.second);
  if (reads.size() != 0) {
    sample.set_percent(
        static_cast<std::uint32_t>(std::min<std::uint64_t>(100, reads.bytes_covered() * 100 / reads.size())));
  }
  if (slot.sampled_at && reads.bytes_covered() >= slot.sampled_bytes) {
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.mono - *slot.sampled_at).count();
    if (millis > 0) {
      sample.set_bytes_per_second((reads.bytes_covered() - slot.sampled_bytes) * 1000 /
                                  static_cast<std::uint64_t>(millis));
    }
  }
  slot.sampled_at = now.mono;
  slot.sampled_bytes = reads.bytes_covered();
  slot.sampled_package_bytes = reads.package_bytes();
  journal_.sample(sample, out);
}

void ProgressSamples::after(JobSlot& slot, const Now& now, Outcome& out) {
  // The last of many reads comes too soon after the one before it to be told at once.
  const bool behind = slot.reads.bytes_covered() != slot.sampled_bytes ||
                      slot.reads.package_bytes() != slot.sampled_package_bytes;
  const bool signs = slot.job.stage() == wire::VERIFY && signs_of(slot) != slot.sampled_signs;
  if (slot.machine && (behind || signs)) take(slot, now, out);
}

}  // namespace metalmesh::agent
