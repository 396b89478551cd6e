// Where the threads of a node meet: adapters deliver from any thread, the turn drains from its own.
//
// Bounded. Nobody is made to wait: blocking the bus client's only thread would stall its keep-alive. When the
// queue is full, inputs that the mesh can do without are dropped and counted: messages of the bus (whatever
// must arrive is resent by its sender, which is how back-pressure reaches it) and progress samples. Every
// other kind is kept: there is at most one per request, timer, probe, fetch or open exchange, and those are
// bounded where they start.
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

class InputQueue final : public Sink {
 public:
  explicit InputQueue(QueueLimits limits = {});

  /// Any thread.
  void deliver(Input input) override;

  /// One thread. The oldest inputs, at most `most` of them; waits until there is one, `patience` is over or
  /// `stop` is requested (then possibly none).
  [[nodiscard]] std::vector<Input> take(std::size_t most, Duration patience, const std::stop_token& stop);

  /// One thread. Lets inputs gather until there are `enough`, `at_most` is over or `stop` is requested.
  void gather(std::size_t enough, Duration at_most, const std::stop_token& stop);

  /// How many inputs were dropped so far.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  [[nodiscard]] bool full() const;

  QueueLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Input> inputs_;
  std::size_t awaited_ = 1;  // so many inputs are worth waking the reader for
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace metalmesh
