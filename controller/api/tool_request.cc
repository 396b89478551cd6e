#include "controller/api/tool_request.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/text/filler/filler.h"
#include "common/text/letters.h"
#include "controller/api/json_encode.h"
#include "controller/api/object_json.h"
#include "controller/api/problem.h"
#include "controller/core/field_rules.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t token_most = 64;
constexpr std::string_view see_form =
    "its form is that of ToolRequest in schemas/rest/tools.proto, for example "
    R"({"do": "plan", "rollout": {"metadata": {"name": "r1"}}})";
constexpr std::array<std::string_view, 6> read_only = {"rollout.status",           "rollout.metadata.version",
                                                       "rollout.metadata.ledger",  "rollout.metadata.created",
                                                       "rollout.metadata.changed", "rollout.metadata.feed"};

bool is_token(std::string_view token) {
  return !token.empty() && token.size() <= token_most && std::ranges::all_of(token, [](char c) {
    return is_lower(to_lower(c)) || is_digit(c) || c == '-' || c == '_' || c == '.';
  });
}

std::unexpected<rest::ToolRejected> malformed(std::string message, std::string field, std::string next = {}) {
  return std::unexpected(tool_rejected(tool_codes::malformed, std::move(message),
                                       next.empty() ? std::string(see_form) : std::move(next),
                                       std::move(field)));
}

/// The field of a request that a refusal is about, where REST has others.
std::string field_here(const std::string& field) {
  if (field == "confirm") return "expect.servers";
  if (field == "plan") return "expect.digest";
  return field.starts_with("spec") || field.starts_with("metadata") ? "rollout." + field : field;
}

}  // namespace

ToolRead read_tool_request(const tool_topics::Asked& asked, std::string_view payload) {
  if (!is_token(asked.token))
    return malformed("the last part of the topic is 1 to 64 letters, digits, dots, - and _", "topic",
                     "ask at mm/tools/USER/requests/TOKEN with a TOKEN of your own, such as a UUID");
  if (payload.empty()) return malformed("the message is empty, expected a JSON object", "");
  rest::ToolRequest request;
  if (auto read = read_json_into(payload, request, {.whole = "the request", .ignored = read_only}); !read)
    return malformed(std::move(read.error().message), std::move(read.error().field),
                     std::move(read.error().next));
  if (request.do_() != "plan" && request.do_() != "start")
    return malformed("do is \"" + request.do_().substr(0, token_most) + "\", expected plan or start", "do");
  rest::Rollout& rollout = *request.mutable_rollout();
  if (rollout.metadata().name().empty())
    return malformed("rollout.metadata.name is missing", "rollout.metadata.name");
  if (auto wrong = rules::name("rollout.metadata.name", rollout.metadata().name()))
    return malformed(std::move(wrong->message), std::move(wrong->field), std::move(wrong->next));
  if (!rollout.api_version().empty() && rollout.api_version() != api_version)
    return malformed("rollout.apiVersion is not " + std::string(api_version), "rollout.apiVersion");
  if (!rollout.kind().empty() && rollout.kind() != Kind<rest::Rollout>::word)
    return malformed("rollout.kind is not Rollout", "rollout.kind");
  if (request.has_expect() && request.expect().servers() == 0)
    return malformed("expect.servers is missing: the number of servers that are to be started",
                     "expect.servers", "a request to plan is answered with the number");
  rollout.set_api_version(std::string(api_version));
  rollout.set_kind(std::string(Kind<rest::Rollout>::word));
  return request;
}

std::string tool_request_digest(const rest::ToolRequest& request) {
  rest::ToolRequest lasting = request;
  lasting.clear_deadline();
  return sha256(canonical_bytes(lasting));
}

rest::ToolRejected tool_rejected(std::string_view code, std::string message, std::string next,
                                 std::string field) {
  rest::ToolRejected rejected;
  rejected.set_code(std::string(code));
  rejected.set_message(std::move(message));
  rejected.set_field(std::move(field));
  rejected.set_next(std::move(next));
  return rejected;
}

rest::ToolRejected tool_rejected(const Refusal& why, const std::string& rollout) {
  if (why.field == "confirm")
    return tool_rejected(tool_codes::expect_differs, why.message,
                         "look at the plan: " + commands::describe("rollout", rollout) +
                             "; then ask by another token and expect that number",
                         field_here(why.field));
  std::string next = why.next;
  if (next.empty() && why.kind == ErrorKind::denied)
    next = "ask an admin for the right: " + commands::describe("user", "USER") + " shows what there is";
  if (next.empty() && why.kind == ErrorKind::unavailable) next = "ask again by another token in a moment";
  if (next.empty()) next = "mend it, or look at the rollout: " + commands::describe("rollout", rollout);
  return tool_rejected(slug_of(status_of(why.kind)), why.message, std::move(next), field_here(why.field));
}

rest::ToolAccepted tool_accepted(const rest::Rollout& rollout) {
  const rest::RolloutStatus& status = rollout.status();
  rest::ToolAccepted accepted;
  accepted.set_rollout(rollout.metadata().name());
  accepted.set_digest(status.plan().digest());
  accepted.set_servers(status.plan().server_count());
  accepted.set_excluded(status.plan().excluded_count());
  accepted.set_state(status.state());
  if (status.state() == "planned")
    accepted.set_waits_for("it is planned and not started: do start and expect " +
                           std::to_string(status.plan().server_count()) + " servers");
  else
    accepted.set_waits_for(status.waits().empty() ? status.paced() : status.waits());
  return accepted;
}

rest::ToolResult tool_result(const MeshState& mesh, const rest::Rollout& rollout) {
  const std::string& name = rollout.metadata().name();
  rest::ToolResult result;
  result.set_rollout(name);
  result.set_state(rollout.status().state());
  result.set_stop_reason(rollout.status().stop_reason());
  *result.mutable_counts() = rollout.status().counts();
  std::map<std::string, std::pair<std::uint32_t, std::string>> causes;  // with one of the servers
  for (const auto& [id, deployment] : mesh.deployments) {
    if (deployment.rollout() != name || deployment.state() == "SUCCEEDED") continue;
    const std::string cause = deployment.has_fault() ? wire::FaultCode_Name(deployment.fault().code())
                              : deployment.skipped() ? "SKIPPED"
                                                     : deployment.state();
    auto& [servers, example] = causes[cause];
    if (servers++ == 0) example = deployment.server();
  }
  std::vector<std::string> by_servers;
  for (const auto& [cause, of] : causes) by_servers.push_back(cause);
  std::ranges::sort(by_servers, [&](const std::string& a, const std::string& b) {
    return std::pair(causes[b].first, a) < std::pair(causes[a].first, b);
  });
  for (const std::string& cause : by_servers) {
    rest::ToolCause& told = *result.add_causes();
    told.set_cause(cause);
    told.set_servers(causes[cause].first);
    told.set_example(causes[cause].second);
  }
  return result;
}

Publish tool_answer(const tool_topics::Asked& asked, const rest::ToolRejected& rejected) {
  return {tool_topics::answer(asked.user, asked.token, "rejected"), encode_json(rejected)};
}
Publish tool_answer(const tool_topics::Asked& asked, const rest::ToolAccepted& accepted) {
  return {tool_topics::answer(asked.user, asked.token, "accepted"), encode_json(accepted)};
}
Publish tool_answer(const tool_topics::Asked& asked, const rest::ToolResult& result) {
  return {tool_topics::answer(asked.user, asked.token, "result"), encode_json(result)};
}

}  // namespace metalmesh::controller
