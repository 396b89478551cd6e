// What an agent does about rows of its store that are damaged, once, before its core loads the others. Nothing is
// guessed: a damaged row is moved aside ("damaged/<row>", record::DamagedRow) and what rests on it waits, or is made
// anew where something else proves what it was.
//
//   row                  effect                                                  a person
//   fence/M              nothing starts on machine M                             store settle fence/M --through N
//   job/D                deployment D is INDETERMINATE, its machine takes no     store settle job/D
//                        order, no medium is taken away
//   a/link, a/site       in quarantine: nothing new starts                       store settle a/link, a/site
//   r/commands           made anew from the receipts                             -
//   s/events/ (journal)  made anew from the hash chain; what cannot be is a      -
//                        told gap of those events
//   blob/, image/, inspect/, credential/, reads/, bmc/, a/clock
//                        forgotten: fetched, asked or learned again              -
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/ports/store.h"
#include "schemas/record/damage.pb.h"

namespace metalmesh::agent {

struct RowCare {
  Batch batch;                            // to be committed before the core loads
  std::vector<record::DamagedRow> found;  // what it is about, also where it could be mended
};

/// Fails with `corrupt` where rows cannot be told from one another, or nothing proves which journal this is.
Result<RowCare> care_for_rows(const RowReader& rows);

}  // namespace metalmesh::agent
