// The turn: the only loop of a node. Inputs are handled, all rows are committed in one synced write, and only
// then anything leaves the node. While a commit is in flight, and for a breath after it where that pays
// (gathering.h), inputs gather in the queue, so that the next commit carries them together.
//
// What only reads shares nothing: it is handled between two turns, when what the core remembers is what the
// store holds, and its answer leaves at once. So it waits for one turn at most, and never for gathering.
//
// A failed commit releases nothing (no effect, no log line that claims what was not stored) and is an error:
// the core is ahead of its store, so the process must end and reload.
#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "common/ports/backup.h"
#include "common/ports/bus.h"
#include "common/ports/clock.h"
#include "common/ports/http_client.h"
#include "common/ports/http_exchange.h"
#include "common/ports/image_files.h"
#include "common/ports/media_link.h"
#include "common/ports/prober.h"
#include "common/ports/store.h"
#include "common/ports/timers.h"
#include "common/turn/decision_core.h"
#include "common/turn/input_queue.h"
#include "common/turn/wake_watch.h"

namespace metalmesh {

/// Where effects go. Not owned. A port that this kind of node does not have is null; a core that uses it
/// nevertheless stops the process.
struct Ports {
  Bus* bus = nullptr;
  HttpClient* http = nullptr;
  Timers* timers = nullptr;
  ExchangeServer* exchanges = nullptr;
  ImageFiles* images = nullptr;
  MediaLink* media = nullptr;
  Prober* prober = nullptr;
  Backups* backups = nullptr;
  LogSink* log = nullptr;
};

class Turn {
 public:
  /// References must outlive the turn. One thread uses it.
  Turn(DecisionCore& core, Store& store, Ports ports);

  /// One turn: handles `inputs` in order, commits, releases; then delivers Committed and does the same with
  /// what it brought, until no rows are left. Also delivers DiskLevel when the store's level changed.
  /// An error ends the life of this node: a failed commit (its own kind), or a Halt (`internal`, its reason).
  [[nodiscard]] Status step(std::vector<Input> inputs, const Now& now);

  /// Handles inputs that only read, releasing each one's effects at once. A row is a defect: it stops the
  /// process. Not to be called within a turn.
  [[nodiscard]] Status read(const std::vector<Input>& reads, const Now& now);

  /// Delivers Started, then turns until `stop` is requested or a step fails. Says in each `Now` since when
  /// the node has been awake.
  [[nodiscard]] Status run(InputQueue& queue, Clock& clock, const std::stop_token& stop);

 private:
  [[nodiscard]] Now look_at(Clock& clock);
  [[nodiscard]] Status gather(InputQueue& queue, Clock& clock, const std::stop_token& stop);
  void look_at_disk(std::vector<Input>& inputs, const Now& now, bool at_once);
  [[nodiscard]] Status commit_and_release(Outcome outcome);
  [[nodiscard]] Status release(Effect effect);

  DecisionCore& core_;
  Store& store_;
  Ports ports_;
  WakeWatch wakes_;
  bool owes_committed_ = false;
  std::optional<bool> disk_low_;
  std::optional<MonoTime> disk_seen_;
};

}  // namespace metalmesh
