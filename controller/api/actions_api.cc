#include "controller/api/actions_api.h"

#include <utility>

#include "common/base/check.h"
#include "common/ports/wire_time.h"
#include "controller/api/json_encode.h"
#include "controller/api/objects_api.h"
#include "controller/api/request_body.h"
#include "controller/core/user_tokens.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t longest_note = 1000;

using BodyResult = std::expected<OperatorBody, Problem>;

std::expected<void, Problem> check_text(const std::string& text, const std::string& field, bool needed) {
  if (needed && text.empty()) {
    return refuse(400, field + " is missing", field, "say why in a few words: it goes into the audit log");
  }
  if (text.size() > longest_note) return refuse(400, field + " is longer than 1000 bytes", field);
  return {};
}

BodyResult no_parameters(const ApiRequest& request, OperatorBody body) {
  rest::NoParameters none;
  if (auto read = read_body(request, none); !read) return std::unexpected(read.error());
  return body;
}

BodyResult start_body(const ApiRequest& request, const std::string& name) {
  rest::StartRollout body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  const std::string see = "POST /api/v1/rollouts/" + name + "/plan gives the digest and the servers";
  if (body.plan().empty())
    return refuse(400, "plan is missing: the digest of the plan to start", "plan", see);
  if (body.confirm() == 0) {
    return refuse(400, "confirm is missing: the number of servers in the plan, typed by a person", "confirm",
                  see);
  }
  StartRollout start{name, body.plan(), body.confirm()};
  if (body.has_until()) start.until = from_wire(body.until());
  return start;
}

BodyResult pause_body(const ApiRequest& request, const std::string& name) {
  rest::PauseRollout body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", false); !fine) return std::unexpected(fine.error());
  return PauseRollout{name, body.reason()};
}

BodyResult continue_rollout_body(const ApiRequest& request, const std::string& name) {
  rest::ContinueRollout body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (body.wave() == 0)
    return refuse(400, "wave is missing: the number of the wave that is to be handed out", "wave",
                  "status.waves of GET /api/v1/rollouts/" + name + " has them");
  if (auto fine = check_text(body.reason(), "reason", false); !fine) return std::unexpected(fine.error());
  return ContinueRollout{name, body.wave(), body.confirm(), body.accept_failures(), body.reason()};
}

BodyResult skip_body(const ApiRequest& request, const std::string& name) {
  rest::SkipServers body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (body.servers().empty() && body.sites().empty())
    return refuse(400, "servers and sites are missing: whom to skip", "servers");
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  return SkipServers{name,
                     {body.servers().begin(), body.servers().end()},
                     {body.sites().begin(), body.sites().end()},
                     body.reason()};
}

BodyResult set_body(const ApiRequest& request, const std::string& name) {
  rest::SetRollout body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (!body.has_until() && body.parallel().total() == 0 && body.parallel().per_site() == 0)
    return refuse(400, "until and parallel are missing: what to set", "until");
  if (auto fine = check_text(body.reason(), "reason", false); !fine) return std::unexpected(fine.error());
  SetRollout set{name, std::nullopt, body.parallel().total(), body.parallel().per_site(), body.reason()};
  if (body.has_until()) set.until = from_wire(body.until());
  return set;
}

BodyResult stop_body(const ApiRequest& request, const std::string& name) {
  rest::StopRollout body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", false); !fine) return std::unexpected(fine.error());
  return StopRollout{name, body.reason()};
}

BodyResult resolve_body(const ApiRequest& request, const std::string& id) {
  rest::ResolveDeployment body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (body.as() != "succeeded" && body.as() != "failed" && body.as() != "cancelled") {
    return refuse(400, "as is \"" + body.as() + "\", expected succeeded, failed or cancelled", "as");
  }
  if (auto fine = check_text(body.note(), "note", true); !fine) return std::unexpected(fine.error());
  return ResolveDeployment{id, body.as(), body.note()};
}

BodyResult cancel_body(const ApiRequest& request, const std::string& id) {
  rest::CancelDeployment body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  return CancelDeployment{id, body.reason()};
}

BodyResult continue_body(const ApiRequest& request) {
  rest::ContinueController body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  return ContinueController{body.reason()};
}

BodyResult settle_body(const ApiRequest& request) {
  rest::SettleDamage body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  return SettleDamage{body.row(), body.reason()};
}

BodyResult backup_body(const ApiRequest& request) {
  rest::StartBackup body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.folder(), "folder", true); !fine) return std::unexpected(fine.error());
  return StartBackup{body.folder()};
}

BodyResult protect_body(const ApiRequest& request, const std::string& name) {
  rest::ProtectServer body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", false); !fine) return std::unexpected(fine.error());
  return ProtectServer{name, true, body.reason(), 0};
}

BodyResult unprotect_body(const ApiRequest& request, const std::string& name) {
  rest::UnprotectServer body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  if (body.has_duration() && body.duration().seconds() == 0) {
    return refuse(400, "duration must be at least one second", "duration");
  }
  return ProtectServer{name,
                       false,
                       body.reason(),
                       body.duration().seconds(),
                       body.break_glass(),
                       token_id(request.principal.token)};
}

BodyResult adopt_body(const ApiRequest& request, const std::string& name) {
  rest::AdoptServer body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", false); !fine) return std::unexpected(fine.error());
  return AdoptServer{name, body.reason()};
}

BodyResult release_body(const ApiRequest& request, const std::string& name) {
  rest::ReleaseServer body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  return ReleaseServer{name, body.reason()};
}

BodyResult clean_server_body(const ApiRequest& request, const std::string& name) {
  rest::CleanServer body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  return CleanServer{name, body.reason()};
}

/// Reidentify and replace ask for the same: which machine a person saw there, and why.
template <class Body, class Request>
BodyResult identity_body(const ApiRequest& request, const std::string& name) {
  Body body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (body.confirm().empty()) {
    return refuse(400, "confirm is missing: the serial that the BMC reports now, read from the label",
                  "confirm", "status.seen of GET /api/v1/servers/" + name + " says what it reports");
  }
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  return Request{name, body.confirm(), body.reason()};
}

BodyResult move_body(const ApiRequest& request, const std::string& name) {
  rest::MoveServer body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (body.address().empty()) return refuse(400, "address is missing: where its BMC is now", "address");
  return MoveServer{name, body.site(), body.address(), body.credential()};
}

BodyResult clear_body(const ApiRequest& request, const std::string& site) {
  rest::ClearQuarantine body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.note(), "note", true); !fine) return std::unexpected(fine.error());
  return ClearSiteQuarantine{site, body.note(), body.journal()};
}

BodyResult first_contact_body(const ApiRequest& request, const std::string& site) {
  rest::OpenFirstContact body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  OpenFirstContact out{site, body.network(), body.reason(), std::nullopt};
  if (body.has_duration()) out.for_seconds = body.duration().seconds();
  return out;
}

BodyResult revoke_body(const ApiRequest& request, const std::string& site) {
  rest::RevokeSite body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  return RevokeSite{site, body.confirm(), body.reason()};
}

BodyResult prefetch_body(const ApiRequest& request, const std::string& image) {
  rest::PrefetchImage body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  return PrefetchImage{image, {body.sites().begin(), body.sites().end()}};
}

BodyResult approve_body(const ApiRequest& request, const std::string& name) {
  rest::ApproveUnprotect body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.note(), "note", true); !fine) return std::unexpected(fine.error());
  return ApproveUnprotect{name, body.note()};
}

BodyResult widen_body(const ApiRequest& request, const std::string& kind) {
  rest::WidenPace body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (auto fine = check_text(body.reason(), "reason", true); !fine) return std::unexpected(fine.error());
  if (body.has_duration() && body.duration().seconds() == 0)
    return refuse(400, "duration must be at least one second", "duration");
  return WidenPace{kind, request.captures.at(1), body.per_hour(), body.duration().seconds(), body.reason()};
}

BodyResult token_body(const ApiRequest& request, const std::string& user) {
  rest::AddToken body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  if (body.sha256().empty())
    return refuse(400, "sha256 is missing: of the token, which whoever makes it draws and keeps", "sha256",
                  "let metalmesh user token " + user + " draw one");
  if (body.has_duration() && body.duration().seconds() == 0)
    return refuse(400, "duration must be at least one second", "duration");
  return AddToken{user, body.sha256(), body.duration().seconds(), body.note()};
}

BodyResult discovery_body(const ApiRequest& request, const std::string& site) {
  rest::StartDiscovery body;
  if (auto read = read_body(request, body); !read) return std::unexpected(read.error());
  return DiscoverBmcs{site, {body.ranges().begin(), body.ranges().end()}, body.port()};
}

BodyResult body_of(const ApiRequest& request) {
  if (request.route->endpoint == Endpoint::continue_controller) return continue_body(request);
  if (request.route->endpoint == Endpoint::settle_damage) return settle_body(request);
  if (request.route->endpoint == Endpoint::start_backup) return backup_body(request);
  const std::string& name = request.captures.at(0);
  switch (request.route->endpoint) {
    case Endpoint::plan_rollout:
      return no_parameters(request, PlanRollout{name});
    case Endpoint::start_rollout:
      return start_body(request, name);
    case Endpoint::pause_rollout:
      return pause_body(request, name);
    case Endpoint::continue_rollout:
      return continue_rollout_body(request, name);
    case Endpoint::skip_servers:
      return skip_body(request, name);
    case Endpoint::set_rollout:
      return set_body(request, name);
    case Endpoint::stop_rollout:
      return stop_body(request, name);
    case Endpoint::resolve_deployment:
      return resolve_body(request, name);
    case Endpoint::cancel_deployment:
      return cancel_body(request, name);
    case Endpoint::inspect_server:
      return no_parameters(request, InspectServer{name});
    case Endpoint::accept_server:
      return no_parameters(request, AcceptServer{name});
    case Endpoint::protect_server:
      return protect_body(request, name);
    case Endpoint::unprotect_server:
      return unprotect_body(request, name);
    case Endpoint::retire_server:
      return no_parameters(request, RetireServer{name});
    case Endpoint::adopt_server:
      return adopt_body(request, name);
    case Endpoint::release_server:
      return release_body(request, name);
    case Endpoint::clean_server:
      return clean_server_body(request, name);
    case Endpoint::reidentify_server:
      return identity_body<rest::ReidentifyServer, ReidentifyServer>(request, name);
    case Endpoint::replace_server:
      return identity_body<rest::ReplaceServer, ReplaceServer>(request, name);
    case Endpoint::move_server:
      return move_body(request, name);
    case Endpoint::clear_quarantine:
      return clear_body(request, name);
    case Endpoint::open_first_contact:
      return first_contact_body(request, name);
    case Endpoint::revoke_site:
      return revoke_body(request, name);
    case Endpoint::diagnose_site:
      return no_parameters(request, DiagnoseSite{name});
    case Endpoint::discover_bmcs:
      return discovery_body(request, name);
    case Endpoint::stop_discovery:
      return no_parameters(request, StopDiscovery{name});
    case Endpoint::prefetch_image:
      return prefetch_body(request, name);
    case Endpoint::approve_unprotect:
      return approve_body(request, name);
    case Endpoint::widen_pace:
      return widen_body(request, name);
    case Endpoint::add_token:
      return token_body(request, name);
    case Endpoint::revoke_token:
      return no_parameters(request, RevokeToken{name, request.captures.at(1)});
    default:
      break;
  }
  MM_CHECK(!"an endpoint of the API that is no action");
}

}  // namespace

ApiResult perform_action(const ApiRequest& request, const Operate& operate) {
  auto body = body_of(request);
  if (!body) return std::unexpected(body.error());
  auto answer = ask(request, operate, std::move(*body));
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->later != 0) return ApiReply{.body = {}, .headers = {}, .later = answer->later};
  return action_reply(request, *answer);
}

ApiReply action_reply(const ApiRequest& request, const Answer& answer) {
  const Endpoint endpoint = request.route->endpoint;
  if (endpoint == Endpoint::start_backup) return ApiReply{202, "{}", "application/json", {}};
  const bool later = endpoint == Endpoint::inspect_server || endpoint == Endpoint::prefetch_image ||
                     endpoint == Endpoint::diagnose_site || endpoint == Endpoint::discover_bmcs;
  const int status = later ? 202 : 200;
  if (const auto* object = std::get_if<Object>(&answer.object)) return object_reply(*object, status);
  if (const auto* deployment = std::get_if<rest::Deployment>(&answer.object)) {
    return ApiReply{status, encode_json(*deployment), "application/json", {}};
  }
  return ApiReply{204, {}, {}, {}};
}

}  // namespace metalmesh::controller
