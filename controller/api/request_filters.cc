#include "controller/api/request_filters.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>

#include "common/ports/wire_time.h"
#include "common/text/letters.h"
#include "common/text/near_miss.h"
#include "common/text/scalars.h"

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

std::expected<std::optional<ObjectQuery>, Problem> wanted_objects(const ApiRequest& request,
                                                                  const google::protobuf::Descriptor& type) {
  const std::string* where = request.parameter("where");
  if (where == nullptr) return std::nullopt;
  auto query = ObjectQuery::of(*where, type);
  if (query) return std::move(*query);
  Refusal& why = query.error();
  return refuse(400, std::move(why.message), std::move(why.field), std::move(why.next));
}

std::expected<std::optional<WallTime>, Problem> wanted_since(const ApiRequest& request, const Now& now) {
  const std::string* since = request.parameter("since");
  if (since == nullptr) return std::nullopt;
  if (const auto ago = parse_duration(*since); ago && *ago >= Duration::zero()) return now.wall() - *ago;
  google::protobuf::Timestamp stamp;
  if (google::protobuf::util::TimeUtil::FromString(*since, &stamp)) return from_wire(stamp);
  return refuse(400, "since is how long ago (90m, 2h, 7d) or when (2026-12-02T18:00:00Z)", "since");
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
