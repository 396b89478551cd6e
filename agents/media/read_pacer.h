// Whose turn it is to be sent image content, how much, and when. Readers that can take content queue here.
// Turns go round the peers, and within a peer round its readers: a BMC with sixteen connections gets no more
// than a BMC with one, and who takes quickly gets no turn before who waits longer. A turn is short while
// other peers wait, and longer, because that costs less, while there is nobody to be fair to.
//
// With a cap on the rate of all together, turns are short and are given while there is credit. What was sent
// is charged: a turn may overdraw, the pause that follows makes up for it. Pure: no clock, no socket.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "agents/media/media_core.h"
#include "common/base/time.h"

namespace metalmesh::media {

struct Turn {
  ConnId reader = 0;
  std::size_t bytes = 0;  // of content, at most
  bool operator==(const Turn&) const = default;
};
/// Short: a turn among hundreds comes soon, and its price is still the bytes.
inline constexpr std::size_t short_turn_bytes = 64 * 1024;
inline constexpr std::size_t long_turn_bytes = 1024 * 1024;

class ReadPacer {
 public:
  /// 0: no cap.
  explicit ReadPacer(std::uint64_t bytes_per_second = 0);

  /// Nothing changes if the reader queues already.
  void queue(const std::string& peer, ConnId reader);
  /// The reader is gone for good.
  void forget(ConnId reader) { waiting_.erase(reader); }
  [[nodiscard]] bool queued(ConnId reader) const { return waiting_.contains(reader); }

  /// The reader leaves the queue; `queue` it again if it can take more.
  std::optional<Turn> next(MonoTime now);
  void sent(std::uint64_t bytes);
  /// From when on `next` gives somebody; nothing while nobody queues.
  [[nodiscard]] std::optional<MonoTime> due() const;

 private:
  void earn(MonoTime now);
  /// By a byte at least: less is rounding.
  [[nodiscard]] bool in_debt() const { return credit_ <= -1; }

  double rate_;  // bytes per second; 0: no cap
  double credit_ = 0;
  std::optional<MonoTime> earned_at_;
  std::unordered_set<ConnId> waiting_;
  std::unordered_map<std::string, std::deque<ConnId>> readers_;  // by peer; may hold some that are gone
  std::deque<std::string> peers_;                                // the round; those with readers, once each
};

}  // namespace metalmesh::media
