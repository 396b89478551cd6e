// What a controller does about rows of its store that are damaged or missing, once, before its core loads the others.
// Nothing is guessed: a damaged row is made anew where another row proves what it was; otherwise it is moved aside
// ("z/<row>", record::DamagedRow), and the core says what follows from that (store_damage.h). A damaged event is
// that event: a line in its place says so.
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/ports/store.h"

namespace metalmesh::controller {

struct RowCare {
  Batch batch;                     // to be committed before the core loads
  std::vector<std::string> lines;  // what was found and done, for the log
};

/// `losses`: what the store itself says it no longer has (sentences): the controller went back, and holds.
/// Fails with `corrupt` or `unavailable` where rows cannot be read at all.
Result<RowCare> care_for_rows(const RowReader& rows, const std::vector<std::string>& losses);

/// What a damaged row costs, and what a person does about it, before a controller has started on it.
struct RowEffect {
  std::string what;
  std::string next;
};
RowEffect effect_of_damage(std::string_view key);
/// Numbers of events that are not there and of which no line tells, as sentences.
std::vector<std::string> gaps_in_log(const RowReader& rows);

/// Those rows were put back from a backup, as `how` says: the controller that starts on them holds.
Result<Batch> mark_restored(const RowReader& rows, const std::string& how);

}  // namespace metalmesh::controller
