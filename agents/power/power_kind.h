#pragma once

#include "agents/work/kind.h"

namespace metalmesh::power {

extern const work::Kind power_kind;

}  // namespace metalmesh::power
