// Every kind of work that this agent does. A new one is one line in works.cc.
#pragma once

#include "agents/work/kind.h"

namespace metalmesh::agent {

/// nullptr: this agent does not know it.
const work::Kind* find_kind(const wire::Agreed& agreed);
/// Of an order that was taken in.
const work::Kind& kind_of(const wire::Agreed& agreed);
inline const work::Kind& kind_of(const record::Job& job) { return kind_of(job.agreed()); }
inline work::Materials materials_of(const record::Job& job) {
  return kind_of(job).materials(job.agreed(), job.issue());
}

}  // namespace metalmesh::agent
