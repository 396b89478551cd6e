#include "agents/media/read_pacer.h"

#include <algorithm>
#include <chrono>

namespace metalmesh::media {
namespace {

/// What idle time may save up: enough to bridge a loop that looks at its timers every millisecond or so.
constexpr double burst_seconds = 0.05;

using Seconds = std::chrono::duration<double>;

}  // namespace

ReadPacer::ReadPacer(std::uint64_t bytes_per_second) : rate_(static_cast<double>(bytes_per_second)) {}

void ReadPacer::queue(const std::string& peer, ConnId reader) {
  if (!waiting_.insert(reader).second) return;
  std::deque<ConnId>& readers = readers_[peer];
  if (readers.empty()) peers_.push_back(peer);
  readers.push_back(reader);
}

std::optional<Turn> ReadPacer::next(MonoTime now) {
  earn(now);
  if (in_debt()) return std::nullopt;
  while (!peers_.empty()) {
    const std::string peer = std::move(peers_.front());
    peers_.pop_front();
    const auto found = readers_.find(peer);
    const ConnId reader = found->second.front();
    found->second.pop_front();
    if (found->second.empty()) {
      readers_.erase(found);
    } else {
      peers_.push_back(peer);
    }
    if (waiting_.erase(reader) == 0) continue;
    const bool alone = peers_.empty() || (peers_.size() == 1 && readers_.contains(peer));
    return Turn{reader, alone && rate_ == 0 ? long_turn_bytes : short_turn_bytes};
  }
  return std::nullopt;
}

void ReadPacer::sent(std::uint64_t bytes) {
  if (rate_ > 0) credit_ -= static_cast<double>(bytes);
}

std::optional<MonoTime> ReadPacer::due() const {
  if (waiting_.empty()) return std::nullopt;
  if (!in_debt() || !earned_at_) return MonoTime::min();
  return *earned_at_ + std::chrono::ceil<Duration>(Seconds(-credit_ / rate_));
}

void ReadPacer::earn(MonoTime now) {
  if (rate_ > 0 && earned_at_) {
    credit_ = std::min(credit_ + rate_ * Seconds(now - *earned_at_).count(), rate_ * burst_seconds);
  }
  earned_at_ = now;
}

}  // namespace metalmesh::media
