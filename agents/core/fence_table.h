// What is remembered of a machine's orders for ever, keyed by the machine and not by its name. Every
// number only rises, whatever is replayed: a late cancel of an old generation cannot lower a tombstone.
//
// Two identities are taken for one machine when they share a UUID, a serial or a MAC. That errs towards
// refusing: a board that moved between servers brings its fence along.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/ports/store.h"
#include "common/turn/outcome.h"
#include "schemas/record/agent.pb.h"
#include "schemas/wire/event.pb.h"
#include "schemas/wire/fault.pb.h"

namespace metalmesh::agent {

/// common/base/machine_key.h; empty when nothing identifies the machine.
std::string machine_key(const wire::Identity& identity);
/// The names by which one machine is recognised again: "uuid:...", "serial:...", "mac:...".
std::vector<std::string> machine_names(const wire::Identity& identity);
bool same_machine(const wire::Identity& a, const wire::Identity& b);

class FenceTable {
 public:
  explicit FenceTable(const RowReader& rows);

  struct Fence {
    std::uint64_t generation = 0;    // highest order seen
    std::uint64_t cancelled_to = 0;  // tombstone
    std::uint64_t launched = 0;      // highest that was launched
    std::uint64_t refused = 0;       // highest that was refused
    std::string damaged;             // the row of it, or of a job on it, that was damaged; empty: none
  };
  [[nodiscard]] Fence of(const wire::Identity& identity) const;

  /// GENERATION_FENCED unless `generation` is above everything seen, refused, cancelled or launched, and all of
  /// that is known.
  [[nodiscard]] std::optional<wire::Fault> refuse(const wire::Identity& identity,
                                                  std::uint64_t generation) const;
  /// May the order that holds `generation` still launch? False once it was launched or cancelled, or a later
  /// one was seen, or it is not known whether that is so.
  [[nodiscard]] bool holds(const wire::Identity& identity, std::uint64_t generation) const;

  void see(const wire::Identity& identity, std::uint64_t generation, const std::string& deployment,
           Outcome& out);
  /// The order was answered with no. What runs on the machine goes on.
  void refused(const wire::Identity& identity, std::uint64_t generation, Outcome& out);
  void cancel(const wire::Identity& identity, std::uint64_t generation, Outcome& out);
  void launch(const wire::Identity& identity, std::uint64_t generation, Outcome& out);

  /// Reports of at most `per_report` machines each; at least one.
  [[nodiscard]] std::vector<wire::StateReport> report(const std::string& request_id,
                                                      std::size_t per_report) const;

 private:
  record::Fence& raise(const wire::Identity& identity);
  void index(const std::string& key, const wire::Identity& identity);
  void store(const wire::Identity& identity, record::Fence& fence, Outcome& out);

  std::map<std::string, record::Fence> fences_;                // by machine key
  std::map<std::string, std::set<std::string>> keys_by_name_;  // name -> machine keys
};

}  // namespace metalmesh::agent
