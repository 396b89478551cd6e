// What sites found images to be, beside each image: what they found alike is there once, however many sites have it.
#pragma once

#include <optional>
#include <string>

#include "common/base/time.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// A site told what it found. At most 8 different surveys are kept of an image: the oldest goes.
void keep_survey(rest::ImageStatus& status, const std::string& site, const wire::ImageFindings& found,
                 WallTime at);

/// Why this site would refuse to install from it by this family, in its words: nothing if it would not, never looked, or
/// renders by another file of the family by now.
std::optional<std::string> image_refused_at(const MeshState& mesh, const rest::Image& image,
                                            const std::string& site, const std::string& family);

}  // namespace metalmesh::controller
