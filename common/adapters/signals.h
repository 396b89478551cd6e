// Signals for a program whose turn runs on a thread of its own: blocked everywhere, waited for by main.
// SIGPIPE is ignored: a peer that goes away in the middle of a write is an error code, not the end of the
// process.
#pragma once

#include <csignal>
#include <initializer_list>

namespace metalmesh::adapters {

class Signals {
 public:
  /// Before any thread starts: threads inherit the mask. SIGTERM and SIGINT are always waited for.
  explicit Signals(std::initializer_list<int> more = {});
  /// The next signal; `turn_ended_signal` when the turn's thread ended by itself.
  [[nodiscard]] int wait() const;
  /// From the turn's thread.
  static void turn_ended();
  static constexpr int turn_ended_signal = SIGUSR1;

 private:
  sigset_t set_;
};

}  // namespace metalmesh::adapters
