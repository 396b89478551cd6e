#pragma once

#include "agents/work/kind.h"

namespace metalmesh::install {

extern const work::Kind install_kind;

/// Of everything that is launched from a medium: past its launch nobody calls it back.
bool was_launched(const record::Job& job);
std::unique_ptr<work::Work> make_install_machine(work::Makings with);

}  // namespace metalmesh::install
