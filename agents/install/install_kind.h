#pragma once

#include "agents/work/kind.h"

namespace metalmesh::install {

extern const work::Kind install_kind;

}  // namespace metalmesh::install
