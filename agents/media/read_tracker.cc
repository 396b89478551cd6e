#include "agents/media/read_tracker.h"

#include <utility>

namespace metalmesh::media {
namespace {

constexpr std::uint64_t least_block = 64 * 1024;
constexpr std::uint64_t most_blocks = 1024 * 1024;
constexpr Duration report_every = std::chrono::seconds(1);

}  // namespace

ReadTracker::ReadTracker(std::uint64_t size) : size_(size), block_(least_block) {
  while (size / block_ >= most_blocks) block_ *= 2;
  blocks_.resize((size + block_ - 1) / block_);
}

void ReadTracker::served(const ByteRange& range, const std::string& peer) {
  if (range.length == 0) return;
  if (served_ == 0) next_.reset();  // the first read is told at once, whatever was refused before
  for (std::uint64_t i = range.offset / block_; i < blocks_.size() && i * block_ < range.end(); ++i) {
    if (blocks_[i]) continue;
    blocks_[i] = true;
    touched_bytes_ += std::min(block_, size_ - i * block_);
  }
  served_ += range.length;
  peer_ = peer;
  changed_ = true;
}

void ReadTracker::refused_closed(const std::string& peer) {
  ++refused_;
  peer_ = peer;
  changed_ = true;
}

void ReadTracker::package_served(std::uint64_t bytes) {
  packages_ += bytes;
  changed_ = changed_ || bytes > 0;
}

void ReadTracker::tell_again() {
  changed_ = changed_ || served_ > 0 || packages_ > 0;
  next_.reset();
}

std::optional<wire::Reads> ReadTracker::report(const std::string& token, MonoTime now) {
  const auto at = due();
  if (!at || *at > now) return std::nullopt;
  wire::Reads reads;
  reads.set_token(token);
  reads.set_bytes_served(served_);
  reads.set_bytes_covered(std::min(touched_bytes_, served_));
  reads.set_size(size_);
  reads.set_peer(peer_);
  reads.set_refused_closed(refused_);
  reads.set_package_bytes(packages_);
  changed_ = false;
  next_ = now + report_every;
  return reads;
}

std::optional<MonoTime> ReadTracker::due() const {
  if (!changed_) return std::nullopt;
  return next_.value_or(MonoTime::min());
}

}  // namespace metalmesh::media
