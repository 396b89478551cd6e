// Rows of the store that were damaged (row_care.h): told to the controller once, kept until a person settles them.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agents/core/event_journal.h"
#include "common/ports/store.h"
#include "common/turn/outcome.h"
#include "schemas/record/damage.pb.h"

namespace metalmesh::agent {

class DamageDesk {
 public:
  explicit DamageDesk(const RowReader& rows);

  /// After the start. What needs no person is forgotten with it.
  void tell(EventJournal& journal, const Now& now, Outcome& out);
  /// There was a job that this agent cannot name: its installer may run, and read its medium.
  [[nodiscard]] bool lost_a_job() const { return lost_jobs() > 0; }
  /// Each takes a place of the site, until a person has looked at its machine.
  [[nodiscard]] std::int64_t lost_jobs() const;

 private:
  std::map<std::string, record::DamagedRow> rows_;  // by row
};

}  // namespace metalmesh::agent
