// Several wishes in one host: what two of them say of the same link or user becomes one link or user.
#pragma once

#include "schemas/wire/host.pb.h"

namespace metalmesh::answer {

/// `wish` is added to `host`: single values win, lists grow by what they do not have yet.
void merge_wish(wire::Host& host, const wire::Host& wish);

}  // namespace metalmesh::answer
