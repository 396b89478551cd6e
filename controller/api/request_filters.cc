#include "controller/api/request_filters.h"

#include <algorithm>
#include <array>

#include "common/text/letters.h"
#include "common/text/near_miss.h"

namespace metalmesh::controller {
namespace {

const std::array<std::string, 9> deployment_states = {"PENDING",    "ISSUED",    "RUNNING",
                                                      "CANCELLING", "SUCCEEDED", "UNPROVEN",
                                                      "FAILED",     "CANCELLED", "INDETERMINATE"};

}  // namespace

std::expected<LabelSelector, Problem> wanted_labels(const ApiRequest& request) {
  const std::string* text = request.parameter("labelSelector");
  if (text == nullptr || text->empty()) return LabelSelector();
  auto parsed = LabelSelector::parse(*text);
  if (!parsed) return refuse(400, parsed.error().message, "labelSelector");
  return std::move(*parsed);
}

std::expected<std::string, Problem> wanted_state(const ApiRequest& request) {
  const std::string* text = request.parameter("state");
  if (text == nullptr) return std::string();
  const std::string upper = to_upper(*text);
  if (std::ranges::find(deployment_states, upper) != deployment_states.end()) return upper;
  const std::string near = near_miss(upper, deployment_states);
  return refuse(400, "there is no deployment state \"" + *text + "\"", "state",
                near.empty() ? std::string() : "did you mean \"" + near + "\"?");
}

}  // namespace metalmesh::controller
