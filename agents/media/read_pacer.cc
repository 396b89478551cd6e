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

void ReadPacer::line_up(Peers::value_type& peer, Line& line) {
  peer.second.queued_at = ++lined_up_;
  line.insert(&peer);
}

std::uint64_t ReadPacer::least_share() const {
  return round_ > short_turn_bytes ? round_ - short_turn_bytes : 0;
}

void ReadPacer::queue(const std::string& peer, ConnId reader) {
  if (!waiting_.insert(reader).second) return;
  Peers::value_type& wants = *peers_.try_emplace(peer).first;
  if (wants.second.readers.empty()) {
    idle_.erase(&wants);
    wants.second.share = std::max(wants.second.share, least_share());
    line_up(wants, wanting_);
  }
  wants.second.readers.push_back(reader);
}

std::optional<Turn> ReadPacer::next(MonoTime now) {
  earn(now);
  if (in_debt()) return std::nullopt;
  while (!wanting_.empty()) {
    Peers::value_type& peer = **wanting_.begin();
    wanting_.erase(wanting_.begin());
    round_ = peer.second.share;
    const ConnId reader = peer.second.readers.front();
    peer.second.readers.pop_front();
    const bool more = !peer.second.readers.empty();
    const bool alone = wanting_.empty();
    line_up(peer, more ? wanting_ : idle_);
    if (waiting_.erase(reader) == 0) continue;
    served_ = &peer;
    return Turn{reader, alone && rate_ == 0 ? long_turn_bytes : short_turn_bytes};
  }
  served_ = nullptr;  // nobody waits: there is nobody to be fair to, and nothing to remember
  idle_.clear();
  peers_.clear();
  return std::nullopt;
}

void ReadPacer::sent(std::uint64_t bytes) {
  if (rate_ > 0) credit_ -= static_cast<double>(bytes);
  if (served_ == nullptr) return;
  Line& line = served_->second.readers.empty() ? idle_ : wanting_;
  line.erase(served_);
  served_->second.share += bytes;
  line.insert(served_);
  forget_those_caught_up();
}

void ReadPacer::forget_those_caught_up() {
  while (!idle_.empty() && (*idle_.begin())->second.share <= least_share()) {
    if (*idle_.begin() == served_) served_ = nullptr;
    const std::string name = (*idle_.begin())->first;
    idle_.erase(idle_.begin());
    peers_.erase(name);
  }
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
