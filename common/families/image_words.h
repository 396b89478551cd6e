// What an image was found to be, as both programs tell it.
#pragma once

#include <string>

#include "schemas/wire/images.pb.h"

namespace metalmesh::families {

/// Of the family that is named; nullptr: it was not judged for that one.
const wire::ImageVerdict* verdict_of(const wire::ImageFindings& found, const std::string& family);
/// The first family whose marks the image bears; empty: none.
std::string likely_family(const wire::ImageFindings& found);

/// Why servers cannot be installed from it by `family` (empty: it bears the marks of none); empty: they can be.
std::string image_obstacle(const wire::ImageFindings& found, const std::string& family);
/// All of it, a line for each thing; the last one says whether servers can be installed from it by `family`.
std::string image_words(const wire::ImageFindings& found, const std::string& family);

}  // namespace metalmesh::families
