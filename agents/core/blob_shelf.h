// Bytes that an event named and that do not fit one: kept as rows, handed out piece by piece when the controller asks.
//
// A blob is durable with the event that names it, and outside the numbered stream: it travels when it is wanted, never
// before the event, and no event waits for it. The shelf is bounded; the oldest make room, and whoever asks for one that
// is gone is told so.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agents/core/up_channel.h"
#include "common/ports/store.h"
#include "schemas/wire/event.pb.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::agent {

class BlobShelf {
 public:
  /// `room`: bytes that all of them may take.
  BlobShelf(const RowReader& rows, const UpChannel& channel, std::size_t room);

  /// Keeps them from this commit on. What an event calls them by.
  wire::BlobRef put(std::string bytes, Outcome& out);
  /// A want of the controller that is meant for this agent.
  void answer(const wire::BlobWant& want, Outcome& out) const;

 private:
  struct Kept {
    std::uint64_t number = 0;
    std::size_t size = 0;
  };
  void make_room(std::size_t size, Outcome& out);

  const RowReader& rows_;
  const UpChannel& channel_;
  std::size_t room_;
  std::size_t used_ = 0;
  std::map<std::string, Kept> kept_;                // by digest (hex)
  std::map<std::uint64_t, std::string> by_number_;  // the oldest first
};

}  // namespace metalmesh::agent
