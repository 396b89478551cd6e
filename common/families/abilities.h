// What a family's own templates can express, held against what an order asks for.
#pragma once

#include <optional>
#include <string>

#include "schemas/config/family.pb.h"
#include "schemas/wire/host.pb.h"

namespace metalmesh::families {

/// The first wish of a (checked) host that the family's own templates cannot render, or what its installer
/// cannot do without, as a sentence with the way out; nothing when it can render all.
std::optional<std::string> why_not(const config::OsFamily& family, const wire::Host& host,
                                   const std::string& hostname);

/// The first part of a host that is set and that no text of the order names: neither `own_template` (empty: the
/// family's), nor the family's other files and kernel arguments. It would be lost without a word. A remark
/// such as {{! host.ntp }} names it, too: somebody thought of it.
std::optional<std::string> unnamed(const config::OsFamily& family, const std::string& own_template,
                                   const wire::Host& host);

}  // namespace metalmesh::families
