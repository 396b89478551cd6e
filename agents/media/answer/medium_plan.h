// From an order to what its medium differs in: rendered answer files, another boot configuration.
// Pure; the media server composes the medium from the result.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/media/menu/boot_menu.h"
#include "common/answer/answer_order.h"
#include "common/base/result.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

struct MediumOrder {
  answer::AnswerOrder answer;
  std::vector<std::string> recognised;  // the families whose marks the image bears
};

struct MediumPlan {
  std::string answer;  // for the image's placeholder
  std::vector<wire::FileChange> changes;
  std::vector<BootChoice> boots;             // for people: which entry, its own line and ours
  std::optional<wire::SecondMedium> second;  // the answer files, when they have a medium of their own
};

/// Errors by whose fault it is: `invalid` the order's (template, variable, wish that the family cannot
/// express), `unsupported` the image's (boot configuration missing or strange, other family, no room for the
/// answer).
Result<MediumPlan> plan_medium(MediumOrder order, const wire::ImageFacts& facts);

/// What can be said of an image before there is an order: the entries of the family's choice, without arguments, or what is
/// against installing from it (`unsupported`).
Result<std::vector<BootChoice>> judge_image(const config::OsFamily& family,
                                            const std::vector<std::string>& recognised,
                                            const wire::ImageFacts& facts);

}  // namespace metalmesh::media
