#pragma once

#include "agents/work/kind.h"

namespace metalmesh::install {

extern const work::Kind mount_test_kind;

}  // namespace metalmesh::install
