// Where the threads of a node meet: adapters deliver from any thread, the turn drains from its own.
//
// Bounded. Nobody is made to wait: blocking the bus client's only thread would stall its keep-alive. When the
// queue is full, inputs that the mesh can do without are dropped and counted: messages of the bus (whatever
// must arrive is resent by its sender, which is how back-pressure reaches it) and progress samples. Every
// other kind is kept: there is at most one per request, timer, probe, fetch or open exchange, and those are
// bounded where they start.
//
// Inputs that only read have a lane of their own: they wait for no commit that is to be shared.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <vector>

#include "common/base/time.h"
#include "common/ports/sink.h"

namespace metalmesh {

struct QueueLimits {
  std::size_t inputs = 4096;
  std::size_t bytes = std::size_t{16} * 1024 * 1024;  // of queued bus messages
};

/// Whether an input only reads what its node has stored: handling it gives no rows. Called on any thread.
using OnlyReads = bool (*)(const Input&);

class InputQueue final : public Sink {
 public:
  struct Taken {
    std::vector<Input> reads;
    std::vector<Input> others;
  };

  /// Without `only_reads` nothing is a read.
  explicit InputQueue(QueueLimits limits = {}, OnlyReads only_reads = nullptr);

  /// Any thread.
  void deliver(Input input) override;

  /// One thread. All reads and the oldest of the other inputs, at most `most` of these; waits until there is
  /// an input, `patience` is over or `stop` is requested (then possibly none).
  [[nodiscard]] Taken take(std::size_t most, Duration patience, const std::stop_token& stop);

  /// One thread. Lets inputs gather until there are `enough` that are no reads, a read arrives, `at_most` is
  /// over or `stop` is requested. Returns the reads.
  [[nodiscard]] std::vector<Input> gather(std::size_t enough, Duration at_most, const std::stop_token& stop);

  /// How many inputs were dropped so far.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  [[nodiscard]] bool full() const;

  QueueLimits limits_;
  OnlyReads only_reads_;
  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::vector<Input> reads_;
  std::deque<Input> inputs_;  // all others
  std::size_t awaited_ = 1;   // so many inputs are worth waking the reader for
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace metalmesh
