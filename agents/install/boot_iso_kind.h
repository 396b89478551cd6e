#pragma once

#include "agents/work/kind.h"

namespace metalmesh::install {

extern const work::Kind boot_iso_kind;

}  // namespace metalmesh::install
