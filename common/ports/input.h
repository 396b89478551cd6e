// Everything that can happen to a node, as one closed variant. Both kinds of node share it: the turn,
// the simulator and the traces then need one vocabulary.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/ports/backup.h"
#include "common/ports/bus.h"
#include "common/ports/http_client.h"
#include "common/ports/http_exchange.h"
#include "common/ports/image_files.h"
#include "common/ports/media_link.h"
#include "common/ports/prober.h"
#include "common/ports/timers.h"

namespace metalmesh {

/// The first input of a life, before any other. The core has loaded its rows from its RowReader.
struct Started {
  bool operator==(const Started&) const = default;
};
/// Rows of the last turn are durable and visible to the RowReader. Delivered by the turn itself, once per
/// commit that wrote rows, before it waits for new inputs.
struct Committed {
  bool operator==(const Committed&) const = default;
};
/// The site's credentials, by name and version; values stay in the adapter. Sent at start and on change.
struct CredentialsChanged {
  struct Entry {
    std::string name;
    std::string version;  // changes when the value does
    bool operator==(const Entry&) const = default;
  };
  std::vector<Entry> credentials;
  bool operator==(const CredentialsChanged&) const = default;
};
/// Free space fell below the reserve (`low`) or came back.
struct DiskLevel {
  bool low = false;
  std::uint64_t free_bytes = 0;
  bool operator==(const DiskLevel&) const = default;
};

/// The list of revoked certificates that the broker reads, when it was read anew.
struct RevocationsRead {
  WallTime from;
  WallTime until;          // brokers refuse every newcomer by a list that has ended
  std::string unreadable;  // why it says nothing; empty: it was read
  bool operator==(const RevocationsRead&) const = default;
};

using Input = std::variant<Started, Committed, BusUp, BusDown, MessageArrived, TimerFired, HttpReplied,
                           HttpFailed, ExchangeOpened, ExchangeClosed, ExchangeDrained, ImageReady,
                           ImageProgress, ImageFailed, MediaReported, ProbeAnswered, CredentialsChanged,
                           DiskLevel, BackupReported, RevocationsRead>;

/// The alternative's name, for logs and traces.
std::string_view name_of(const Input& input);

}  // namespace metalmesh
