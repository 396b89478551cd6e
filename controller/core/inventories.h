// What each server is made of: a row of its own, of which the server's status has what fits into memory; and the quiet
// inspections that keep it true.
#pragma once

#include <optional>
#include <string>

#include "controller/core/work.h"
#include "schemas/wire/event.pb.h"

namespace metalmesh::controller {

/// Of a server that there is, as the store has it. Nothing: none was read yet, or this very turn wrote it.
std::optional<rest::ServerInventory> inventory_of(const RowReader& rows, const rest::Server& server);

/// Folds in what an inspection read. What is no longer as it was becomes a line of the event log.
void take_inventory(Work& work, const std::string& server, const wire::Inspected& seen);

/// Servers that nobody looked at for as long as their sites say are inspected again, each at its own moment of that time, some
/// at once at most, and not beside work on them.
class QuietInspections {
 public:
  /// Each tick: looks at the next few servers. A small fleet is walked once a minute.
  void go_on(Work& work);

 private:
  std::string cursor_;
  std::optional<MonoTime> next_lap_;  // begins then at the earliest
};

}  // namespace metalmesh::controller
