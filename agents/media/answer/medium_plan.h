// From an order's profile to what its medium differs in: rendered answer files, edited boot configuration.
// Pure; the media server composes the medium from the result.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/answer/callback_script.h"
#include "common/base/result.h"
#include "schemas/config/family.pb.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

/// Where packages come from, if not from the medium.
struct PackagesPlace {
  std::string url;    // empty: the medium
  bool site = false;  // of a tree that is served while the installer runs, and not afterwards
};

struct MediumOrder {
  const config::OsFamily& family;
  std::string profile_template;  // empty: the family's own
  std::vector<wire::Variable> variables;
  wire::Host host;
  std::vector<std::string> recognised;  // the families whose marks the image bears
  PackagesPlace packages;
  std::optional<answer::Callback> callback;  // the profile's proof: the new system must call
};

struct MediumPlan {
  std::string answer;  // for the image's placeholder
  std::vector<wire::FileChange> changes;
  std::optional<wire::SecondMedium> second;  // the answer files, when they have a medium of their own
};

/// Errors by whose fault it is: `invalid` the order's (template, variable, wish that the family cannot
/// express), `unsupported` the image's (boot configuration missing or strange, other family, no room for the
/// answer).
Result<MediumPlan> plan_medium(MediumOrder order, const wire::ImageFacts& facts);

}  // namespace metalmesh::media
