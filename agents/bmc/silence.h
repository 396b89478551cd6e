// How long a BMC has not given what it was asked for, and when it is asked again: because it does not answer, because
// what it answers cannot be read, or because we could not ask. Each is paced, and each has an end of its own.
#pragma once

#include <optional>
#include <string_view>

#include "agents/bmc/turn.h"

namespace metalmesh::bmc {

class Silence {
 public:
  /// One more request in a row without an answer, `since` it was sent: it is asked again after a while, or the turn's
  /// patience is over (BMC_UNREACHABLE).
  void not_answered(Turn& turn, MonoTime since, std::string_view seen);
  /// What kept us from asking is not the BMC's silence.
  void could_not_ask(Turn& turn, std::string_view why);
  /// A resource answered, but not so that it can be read: asked again like after silence, until it is `readable`.
  void unreadable(Turn& turn, std::string_view seen, const HttpReplied& reply);
  void readable() { unreadable_since_.reset(); }
  /// A request got out, whatever came of it.
  void asked() { unasked_since_.reset(); }
  /// The BMC answered as one that works.
  void ended();

  /// Nothing is sent before.
  [[nodiscard]] MonoTime pause() const { return pause_; }
  void pause_until(MonoTime at) { pause_ = at; }
  /// Nobody could be asked for so long: that is not the BMC's silence.
  void skip(Duration gap);

 private:
  std::optional<MonoTime> silent_since_;
  std::optional<MonoTime> unreadable_since_;
  std::optional<MonoTime> unasked_since_;  // for a reason of our own
  unsigned failures_ = 0;                  // in a row
  MonoTime pause_;
};

}  // namespace metalmesh::bmc
