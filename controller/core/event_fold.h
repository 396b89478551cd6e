// What a site's events change: one event in, changes of deployments, servers, credentials, images, and one
// line in the event log. Facts are folded once and in order (delivery/ sees to that), yet folding a stale or
// foreign one does no harm: generations are compared, ended deployments stay ended.
#pragma once

#include <cstdint>
#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// `bytes` is one verified entry of `site`'s stream; bytes that are no event advance the stream all the same.
void fold_event(Work& work, const std::string& site, const std::string& journal, std::uint64_t seq,
                const std::string& bytes);

/// The site lost its journal: whatever was with it is INDETERMINATE, and its inspections start anew.
void void_site(Work& work, const std::string& site, const std::string& journal);

}  // namespace metalmesh::controller
