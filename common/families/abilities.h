// What a family's own templates can express, held against what an order asks for.
#pragma once

#include <optional>
#include <string>

#include "schemas/config/family.pb.h"
#include "schemas/wire/host.pb.h"

namespace metalmesh::families {

/// The first wish of a (checked) host that the family cannot render, as a sentence; nothing when it can
/// render all.
std::optional<std::string> why_not(const config::OsFamily& family, const wire::Host& host);

}  // namespace metalmesh::families
