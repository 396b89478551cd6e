// What a tool asks over the broker, as values: read from a message, and what it is answered. Pure; tool_desk.h carries it out.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "common/ports/bus.h"
#include "controller/api/tool_topics.h"
#include "controller/core/operator_request.h"
#include "controller/state/mesh_state.h"
#include "schemas/rest/tools.pb.h"

namespace metalmesh::controller {

/// The codes that REST has no word for; all others are those of its problems ("forbidden", "conflict", ...).
namespace tool_codes {
inline constexpr std::string_view malformed = "malformed-request";
inline constexpr std::string_view retained = "retained";
inline constexpr std::string_view expired = "expired";
inline constexpr std::string_view too_many = "too-many";
inline constexpr std::string_view token_used = "token-used";
inline constexpr std::string_view expect_differs = "expect-differs";
}  // namespace tool_codes

using ToolRead = std::expected<rest::ToolRequest, rest::ToolRejected>;

/// Whether it can be read as a request; not whether it may be carried out.
ToolRead read_tool_request(const tool_topics::Asked& asked, std::string_view payload);
/// Equal for a request and its repetition; when it has to be carried out by does not count.
std::string tool_request_digest(const rest::ToolRequest& request);

rest::ToolRejected tool_rejected(std::string_view code, std::string message, std::string next,
                                 std::string field = {});
/// What the core, or who may what, refused: `rollout` is its name.
rest::ToolRejected tool_rejected(const Refusal& why, const std::string& rollout);
rest::ToolAccepted tool_accepted(const rest::Rollout& rollout);
/// Of one that is done.
rest::ToolResult tool_result(const MeshState& mesh, const rest::Rollout& rollout);

Publish tool_answer(const tool_topics::Asked& asked, const rest::ToolRejected& rejected);
Publish tool_answer(const tool_topics::Asked& asked, const rest::ToolAccepted& accepted);
Publish tool_answer(const tool_topics::Asked& asked, const rest::ToolResult& result);

}  // namespace metalmesh::controller
