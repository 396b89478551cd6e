#include "controller/core/audit_line.h"

#include <cstddef>
#include <string>
#include <variant>

#include "common/text/utf8.h"
#include "controller/core/request_digest.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t actor_limit = 128;
constexpr std::size_t name_limit = 80;

/// Of what was refused nothing is known but what was asked for.
std::string wanted(const OperatorRequest& request) {
  std::string what = verb_of(request);
  if (const auto* apply = std::get_if<Apply>(&request.body)) {
    const auto [kind, name] = kind_and_name(apply->object);
    what += " " + kind + " " + name.substr(0, name_limit);
  } else if (const auto* gone = std::get_if<Delete>(&request.body)) {
    what += " " + gone->kind.substr(0, name_limit) + " " + gone->name.substr(0, name_limit);
  }
  return what;
}

}  // namespace

rest::LogEvent audit_line(const OperatorRequest& request, const ActResult& result) {
  rest::LogEvent line;
  line.set_type("audit");
  line.set_actor(Utf8(request.actor).cut(actor_limit).str());
  line.set_token(request.token);
  if (!result) {
    line.set_message("refused: " + wanted(request) + ": " +
                     (result.error().field.empty() ? "" : result.error().field + ": ") +
                     result.error().message);
    return line;
  }
  line.set_message(result->audit);
  if (result->kind == "Server") line.set_server(result->name);
  if (result->kind == "Rollout") line.set_rollout(result->name);
  if (result->kind == "Deployment") line.set_deployment(result->name);
  if (result->kind == "Site") line.set_site(result->name);
  const auto* gone = std::get_if<Delete>(&request.body);
  if (gone != nullptr && gone->kind == "Server") line.set_server(gone->name);
  return line;
}

}  // namespace metalmesh::controller
