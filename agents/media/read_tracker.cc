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
  blocks_.resize(((size + block_ - 1) / block_ + 7) / 8);
}

void ReadTracker::served(const ByteRange& range, const std::string& peer) {
  if (range.length == 0) return;
  if (served_ == 0) next_.reset();  // the first read is told at once, whatever was refused before
  const std::uint64_t end = std::min(range.end(), size_);
  for (std::uint64_t i = range.offset / block_; i * block_ < end; ++i) mark(i);
  served_ += range.length;
  peer_ = peer;
  changed_ = true;
}

void ReadTracker::mark(std::uint64_t block) {
  const auto byte = static_cast<std::size_t>(block / 8);
  const auto bit = static_cast<unsigned char>(1U << (block % 8));
  const auto known = static_cast<unsigned char>(blocks_[byte]);
  if ((known & bit) != 0) return;
  blocks_[byte] = static_cast<char>(known | bit);
  touched_bytes_ += std::min(block_, size_ - block * block_);
  dirty_from_ = has_unsaved() ? std::min(dirty_from_, byte) : byte;
  dirty_to_ = std::max(dirty_to_, byte + 1);
}

std::optional<ReadTracker::Blocks> ReadTracker::unsaved() {
  if (!has_unsaved()) return std::nullopt;
  Blocks blocks{dirty_from_, blocks_.substr(dirty_from_, dirty_to_ - dirty_from_)};
  dirty_from_ = dirty_to_ = 0;
  return blocks;
}

void ReadTracker::save_all() {
  dirty_from_ = 0;
  dirty_to_ = blocks_.size();
}

void ReadTracker::recall(std::string_view blocks) {
  const std::uint64_t before = touched_bytes_;
  for (std::size_t byte = 0; byte < std::min(blocks.size(), blocks_.size()); ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const std::uint64_t block = byte * 8 + bit;
      if ((static_cast<unsigned char>(blocks[byte]) >> bit & 1U) != 0 && block * block_ < size_) mark(block);
    }
  }
  served_ += touched_bytes_ - before;
  changed_ = changed_ || touched_bytes_ > before;
}

void ReadTracker::refused_closed(const std::string& peer) {
  ++refused_;
  peer_ = peer;
  changed_ = true;
}

void ReadTracker::wanted_whole(const std::string& peer) {
  ++wanted_whole_;
  peer_ = peer;
  changed_ = true;
  next_.reset();
}

void ReadTracker::sealed() {
  sealed_ = changed_ = true;
  next_.reset();
}

void ReadTracker::start_refused(const std::string& peer) {
  ++starts_refused_;
  peer_ = peer;
  changed_ = true;
}

bool ReadTracker::covers(const ByteRange& range) const {
  if (range.length == 0 || range.end() > size_) return false;
  for (std::uint64_t block = range.offset / block_; block * block_ < range.end(); ++block) {
    const auto known = static_cast<unsigned char>(blocks_[static_cast<std::size_t>(block / 8)]);
    if ((known >> (block % 8) & 1U) == 0) return false;
  }
  return true;
}

void ReadTracker::package_served(std::uint64_t bytes) {
  packages_ += bytes;
  changed_ = changed_ || bytes > 0;
}

void ReadTracker::tell_again() {
  changed_ = changed_ || served_ > 0 || packages_ > 0 || sealed_;
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
  reads.set_wanted_whole(wanted_whole_);
  reads.set_package_bytes(packages_);
  reads.set_sealed(sealed_);
  reads.set_starts_refused(starts_refused_);
  changed_ = false;
  next_ = now + report_every;
  return reads;
}

std::optional<MonoTime> ReadTracker::due() const {
  if (!changed_) return std::nullopt;
  return next_.value_or(MonoTime::min());
}

}  // namespace metalmesh::media
