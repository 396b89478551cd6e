// What an installer image is to us: which family it bears the marks of, what its menus have, and what an install by each
// family would start, or why it would not. For people before there is an order, and for plans. Pure.
#pragma once

#include "common/families/family_catalogue.h"
#include "schemas/wire/images.pb.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::agent {

/// Bounded: 16 KiB, of 32 loaders, 64 entries, 16 troubles and 64 verdicts with 4 starts each, texts of 300 bytes. What is
/// left out is counted.
wire::ImageFindings image_findings(const wire::ImageFacts& facts, const families::FamilyCatalogue& families);

}  // namespace metalmesh::agent
