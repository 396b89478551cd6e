// Profiles and other content-addressed bytes of orders, fetched from the controller in chunks and kept as
// rows, so that what was accepted can be carried out while the WAN is away. They go with the last job that
// was ordered with them.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "agents/core/up_channel.h"
#include "common/delivery/blob_transfer.h"

namespace metalmesh::agent {

class BlobCache {
 public:
  BlobCache(const RowReader& rows, const UpChannel& channel);

  /// Is it here, committed? If not, it is wanted from now on.
  bool has(const std::string& sha256);
  /// The committed bytes; none if they are damaged.
  [[nodiscard]] std::optional<std::string> get(const std::string& sha256) const;
  /// It was here and is damaged.
  void fetch_again(const std::string& sha256);
  /// The controller said it has no such blob (it is asked again, slowly).
  [[nodiscard]] bool unknown(const std::string& sha256) const { return unknown_.contains(sha256); }

  /// Erases and forgets all but `wanted`.
  void keep(const std::set<std::string>& wanted, Outcome& out);

  void on_bus_up(const Now& now, Outcome& out);
  /// Timer "blob", and after `get` wanted something.
  void pump(const Now& now, Outcome& out);
  /// True when the state of a blob changed.
  bool on_chunk(const wire::BlobChunk& chunk, const Now& now, Outcome& out);

 private:
  const RowReader& rows_;
  const UpChannel& channel_;
  delivery::BlobFetcher fetcher_;
  std::set<std::string> here_;     // known to be rows
  std::set<std::string> stored_;   // these, those not looked at yet, and those about to be rows
  std::set<std::string> missing_;  // asked for
  std::set<std::string> unknown_;
};

}  // namespace metalmesh::agent
