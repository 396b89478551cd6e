// Makes a sender's journal whole again of which rows were damaged, from what its hash chain proves: an entry whose
// hash is damaged, or a hash whose entry is, follow from their neighbours. What does not is lost: those entries, and no
// others. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/ports/store.h"

namespace metalmesh::delivery {

struct MendedJournal {
  Batch batch;
  std::vector<std::string> mended;  // rows that are as they were, for the log
  /// Entries that are gone and that the receiver may not have; 0: none.
  std::uint64_t lost_from = 0;
  std::uint64_t lost_to = 0;
};

/// `journal_id`: what it is, should the row that says so be damaged; empty: nobody knows. Nothing to do when all is
/// whole. Fails with `corrupt` when no journal can be made of what is there.
Result<MendedJournal> mend_journal(const std::string& prefix, const RowReader& rows,
                                   const std::string& journal_id);

}  // namespace metalmesh::delivery
