// What the site tells the controller. Facts are numbered, journalled in the same commit as the rows they
// speak of, and sent until acknowledged. Samples are latest-wins and never journalled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agents/core/up_channel.h"
#include "common/delivery/stream_sender.h"
#include "schemas/wire/event.pb.h"

namespace metalmesh::agent {

class EventJournal {
 public:
  EventJournal(const RowReader& rows, const UpChannel& channel, Duration frame_gap);

  [[nodiscard]] bool exists() const { return sender_.exists(); }
  /// A new journal; its first event names it and the machine it is bound to.
  void open(std::string journal_id, const std::string& machine_id, const Now& now, Outcome& out);

  /// Journals `event` (its time is filled in here) and returns its number. It is sent after the commit.
  std::uint64_t tell(wire::Event event, const Now& now, Outcome& out);
  void sample(const wire::Sample& sample, Outcome& out) const { channel_.send("sample", sample, out); }

  void on_committed(const Now& now, Outcome& out);
  void on_bus_up(const Now& now, Outcome& out);
  /// Timer "stream".
  void on_due(const Now& now, Outcome& out) {
    armed_.reset();
    pump(now, out);
  }
  delivery::StreamSender::AckResult on_ack(const wire::Ack& ack, const Now& now, Outcome& out);
  delivery::StreamSender::ResyncResult on_resync(const wire::Resync& resync, const Now& now, Outcome& out);

  [[nodiscard]] const delivery::StreamSender& stream() const { return sender_; }

 private:
  void pump(const Now& now, Outcome& out);
  /// Events that come close upon others go together: a frame costs a signature, two syncs and an ack.
  void pump_in_turn(const Now& now, Outcome& out);

  void arm(MonoTime at, Outcome& out);

  Duration frame_gap_;
  MonoTime next_frame_;
  std::optional<MonoTime> armed_;  // timer "stream"
  delivery::StreamSender sender_;
  const UpChannel& channel_;
};

}  // namespace metalmesh::agent
