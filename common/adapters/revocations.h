// The list of certificates of one authority that count no more (X.509 CRL), as brokers read it. It is there from the first
// day, empty, so that a revocation is a change of a file that they have already. It ends with its authority: one that ran out
// sooner would cut every client off.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "common/adapters/certificates.h"
#include "common/ports/input.h"
#include "common/ports/sink.h"

namespace metalmesh::adapters {

/// PEM. What `before` lists (empty: nothing), and `certificate` (PEM; empty: none more). Kind invalid: one of them cannot be
/// read, or is of another authority.
/// `life`: it ends after that; none, or longer than its authority: with its authority.
Result<std::string> make_revocations(const KeyPair& authority, const std::string& before,
                                     const std::string& certificate, WallTime now,
                                     std::optional<Duration> life = std::nullopt);

/// From when until when the list in `file` is good, or why that cannot be told.
RevocationsRead read_revocations(const std::filesystem::path& file);

/// Tells `sink` what the list says now, and anew whenever that has changed, until the object ends. Any thread.
class RevocationsWatch {
 public:
  /// `sink` outlives it. An empty `file`: nothing is told.
  RevocationsWatch(std::filesystem::path file, Sink& sink, Duration interval = std::chrono::seconds(5));

 private:
  std::jthread watcher_;
};

}  // namespace metalmesh::adapters
