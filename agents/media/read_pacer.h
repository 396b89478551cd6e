// Whose turn it is to be sent image content, how much, and when. Readers that can take content queue here.
// The next turn is of the peer that has been sent the fewest bytes while it wanted some (start-time fair
// queueing), and within a peer turns go round its readers: a BMC with sixteen connections gets no more than
// a BMC with one, and who asks for 2 KiB at a time, as firmware does, waits for one turn and not for a turn
// of everybody. Nobody saves up more than a short turn of what it did not want. A turn is short while other peers wait, and longer,
// because that costs less, while there is nobody to be fair to.
//
// With a cap on the rate of all together, turns are short and are given while there is credit. What was sent
// is charged: a turn may overdraw, the pause that follows makes up for it. Pure: no clock, no socket.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <tuple>
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
  /// By the last turn that `next` gave.
  void sent(std::uint64_t bytes);
  /// From when on `next` gives somebody; nothing while nobody queues.
  [[nodiscard]] std::optional<MonoTime> due() const;

 private:
  struct Peer {
    std::deque<ConnId> readers;   // those that queue; may hold some that are gone
    std::uint64_t share = 0;      // bytes, on the clock that `round_` is
    std::uint64_t queued_at = 0;  // among equal shares the longest wait counts
  };
  using Peers = std::unordered_map<std::string, Peer>;
  struct Sooner {
    bool operator()(const Peers::value_type* a, const Peers::value_type* b) const {
      return std::tie(a->second.share, a->second.queued_at) < std::tie(b->second.share, b->second.queued_at);
    }
  };
  using Line = std::set<Peers::value_type*, Sooner>;

  void line_up(Peers::value_type& peer, Line& line);
  void forget_those_caught_up();
  /// Where a newcomer begins: a turn behind the others, which go in step, so that it need not wait for all of
  /// them.
  [[nodiscard]] std::uint64_t least_share() const;
  void earn(MonoTime now);
  /// By a byte at least: less is rounding.
  [[nodiscard]] bool in_debt() const { return credit_ <= -1; }

  double rate_;  // bytes per second; 0: no cap
  double credit_ = 0;
  std::optional<MonoTime> earned_at_;
  std::unordered_set<ConnId> waiting_;
  Peers peers_;
  Line wanting_;  // those with readers
  Line idle_;     // those without, as long as what they had is more than they would begin with
  Peers::value_type* served_ = nullptr;  // by the last turn
  std::uint64_t round_ = 0;              // the share of whoever had the last turn
  std::uint64_t lined_up_ = 0;
};

}  // namespace metalmesh::media
