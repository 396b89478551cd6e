#include "controller/api/operator_api.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "common/text/near_miss.h"
#include "controller/api/actions_api.h"
#include "controller/api/mesh_api.h"
#include "controller/api/objects_api.h"
#include "controller/api/request_target.h"
#include "controller/api/rights.h"
#include "controller/api/user_callers.h"
#include "controller/core/field_rules.h"

namespace metalmesh::controller {
namespace {

constexpr std::string_view event_stream_type = "text/event-stream";

/// By the clock.
bool is_good(const Principal& principal, const Now& now) {
  return !principal.until || now.wall_high < *principal.until;
}

Problem not_authenticated(bool token_was_sent, bool is_over) {
  Problem problem{401,
                  "this request carries no token",
                  "Authorization",
                  "send Authorization: Bearer <token>; tokens are listed in the controller's tokens file, or "
                  "made by: metalmesh user token NAME",
                  {}};
  std::string challenge = "Bearer realm=\"metalmesh\"";
  if (token_was_sent) {
    problem.detail = is_over ? "the token was good until a time that has passed" : "the token is not known";
    challenge += ", error=\"invalid_token\"";
  }
  problem.headers.emplace_back("www-authenticate", std::move(challenge));
  return problem;
}

std::expected<void, Problem> check_query(const ApiRequest& request) {
  const auto known = query_of(request.route->endpoint);
  for (const auto& [name, value] : request.query) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    const std::string near = near_miss(name, names);
    return refuse(400, "unknown query parameter \"" + name + "\"", name,
                  near.empty() ? std::string() : "did you mean \"" + near + "\"?");
  }
  return {};
}

/// What can be no object's name is said so, whatever else is wrong with the request.
std::expected<void, Problem> check_name(const ApiRequest& request) {
  const Endpoint endpoint = request.route->endpoint;
  if (endpoint != Endpoint::put_object && endpoint != Endpoint::delete_object) return {};
  if (auto wrong = rules::name("metadata.name", request.captures.at(0)))
    return std::unexpected(to_problem(std::move(*wrong)));
  return {};
}

bool wants_stream(const ApiRequest& request) {
  const Endpoint endpoint = request.route->endpoint;
  const std::string* accept = request.header("accept");
  return (endpoint == Endpoint::read_events || endpoint == Endpoint::read_changes) && accept != nullptr &&
         accept->find(event_stream_type) != std::string::npos;
}

/// A list says where in the change feed it stands: whoever follows the feed from there misses nothing.
ApiResult with_position(ApiResult list, const MeshState& state) {
  if (list) list->headers.emplace_back("metalmesh-feed", FeedPosition::now(state).text(state));
  return list;
}

bool is_write(std::string_view method) { return method != "GET"; }

}  // namespace

OperatorApi::OperatorApi(ControllerCore& core, const RowReader& rows, Authenticator& authenticator,
                         ApiSettings settings)
    : core_(core),
      watched_(rows),
      authenticator_(authenticator),
      settings_(std::move(settings)),
      events_(watched_, core.state(), settings_.event_streams),
      changes_(core.state(), settings_.change_streams) {
  committed();  // what was loaded is durable
}

void OperatorApi::opened(const ExchangeOpened& exchange, const Now& now, Outcome& out) {
  Asked asked{exchange.id, exchange.method, exchange.peer, {}};
  ApiRequest& request = asked.request;
  request.path = exchange.target.substr(0, exchange.target.find('?'));
  request.headers = exchange.headers;
  request.body = exchange.body;

  auto admitted = admit(exchange, request, now);
  if (admitted && wants_stream(request)) {
    admitted = request.route->endpoint == Endpoint::read_events
                   ? events_.open(exchange.id, request, now, out)
                   : changes_.open(exchange.id, request, now, out);
    if (admitted) {
      ++replies_[200];
      return;
    }
  }
  if (admitted) admitted = take_piece(exchange.id, request);
  if (!admitted) {
    applies_.closed(exchange.id);
    return reply(asked, to_reply(admitted.error(), request.path), out);
  }
  if (goes_on(request)) {
    out.emit(ExchangeReply{exchange.id, 100, {}, {}, false});
    return;
  }
  exchange_ = exchange.id;
  auto performed = perform(request, now, out);
  if (!performed) return reply(asked, to_reply(performed.error(), request.path), out);
  if (performed->later == 0) return reply(asked, std::move(*performed), out);
  request.body = {};
  waiting_.emplace(performed->later, std::move(asked));
}

void OperatorApi::committed() {
  events_.committed();
  changes_.committed();
  if (std::exchange(callers_told_, core_.state().callers) != core_.state().callers)
    authenticator_.learn(callers_of(core_.state()));
}

void OperatorApi::fired(const TimerFired& timer, const Now& now, Outcome& out) {
  std::map<std::string, bool> known;  // by token
  const StillCaller still = [&](const Principal& caller) {
    if (caller.token.empty()) return true;
    const auto [at, is_new] = known.try_emplace(caller.token, false);
    if (is_new) at->second = is_good(caller, now) && authenticator_.known(caller.token) == caller;
    return at->second;
  };
  events_.fired(timer.token, still, now, out);
  changes_.fired(timer.token, still, now, out);
}

void OperatorApi::answered(std::uint64_t number, const OperatorResult& result, Outcome& out) {
  const auto [first, last] = waiting_.equal_range(number);
  if (result && result->later != 0) {  // its turn came, and it takes several
    for (auto at = first; at != last;) {
      auto asked = waiting_.extract(at++);
      asked.key() = result->later;
      waiting_.insert(std::move(asked));
    }
    return;
  }
  for (auto at = first; at != last; ++at) {
    const Asked& asked = at->second;
    reply(asked, later_reply(asked.request, result), out);
  }
  waiting_.erase(first, last);
}

ApiReply OperatorApi::later_reply(const ApiRequest& request, OperatorResult result) const {
  const Endpoint endpoint = request.route->endpoint;
  const bool writes = endpoint == Endpoint::put_object || endpoint == Endpoint::delete_object;
  if (!result)
    return to_reply(writes ? write_problem(request, std::move(result.error())) : to_problem(result.error()),
                    request.path);
  if (endpoint == Endpoint::apply_objects) return apply_reply(request, *result);
  return writes ? written_reply(request, *result) : action_reply(request, *result);
}

std::expected<void, Problem> OperatorApi::take_piece(ExchangeId id, const ApiRequest& request) {
  if (request.route->endpoint == Endpoint::apply_objects) return applies_.take(id, request, core_.state());
  if (goes_on(request)) return refuse(415, "a body of lines is for POST /api/v1/apply", "Content-Type");
  return {};
}

void OperatorApi::reply(const Asked& asked, ApiReply reply, Outcome& out) {
  const int status = reply.status;
  ++replies_[status];
  if (!reply.content_type.empty() && !reply.body.empty()) {
    reply.headers.emplace_back("content-type", std::move(reply.content_type));
  }
  reply.headers.emplace_back("cache-control", "no-store");
  // Writes and refused callers are worth a line; reads would drown them.
  if (is_write(asked.method) || status == 401 || status == 403) {
    std::vector<std::pair<std::string, std::string>> fields = {{"method", asked.method},
                                                               {"path", asked.request.path},
                                                               {"status", std::to_string(status)},
                                                               {"peer", asked.peer}};
    const Principal& principal = asked.request.principal;
    if (!principal.name.empty()) fields.emplace_back("actor", principal.name);
    out.log(status >= 500 ? LogLevel::error : LogLevel::info, "request", std::move(fields));
  }
  out.emit(ExchangeReply{asked.exchange, status, std::move(reply.headers), std::move(reply.body), false});
}

std::expected<void, Problem> OperatorApi::admit(const ExchangeOpened& exchange, ApiRequest& request,
                                                const Now& now) const {
  auto target = parse_target(exchange.target);
  if (!target) return refuse(400, target.error().message);
  request.query = std::move(target->query);
  auto match = match_route(exchange.method, target->segments);
  if (auto* matched = std::get_if<Matched>(&match)) {
    request.route = matched->route;
    request.captures = std::move(matched->captures);
  }

  const std::string* authorization = request.header("authorization");
  const auto token = authorization == nullptr ? std::nullopt : bearer_token(*authorization);
  const auto principal = token                      ? authenticator_.authenticate(*token)
                         : authorization == nullptr ? local_principal(exchange.peer)
                                                    : std::nullopt;
  const bool is_known = principal && is_good(*principal, now);
  if (is_known) request.principal = *principal;
  // Without a token nobody learns which paths exist.
  const bool anybody = request.route != nullptr && request.route->role == Role::nobody;
  if (!is_known && !anybody)
    return std::unexpected(not_authenticated(token.has_value(), principal.has_value()));
  if (const auto* wrong = std::get_if<WrongMethod>(&match)) {
    auto problem = Problem{405, exchange.method + " is not possible here", {}, "use " + wrong->allow, {}};
    problem.headers.emplace_back("allow", wrong->allow);
    return std::unexpected(std::move(problem));
  }
  if (request.route == nullptr) {
    return refuse(404, "there is no " + request.path, {},
                  "the paths are listed at /api/v1/reference and in /api/v1/openapi.yaml");
  }
  if (auto refusal = route_refused(request.principal, *request.route))
    return std::unexpected(to_problem(std::move(*refusal)));
  if (auto wrong = check_idempotency_key(request); !wrong) return wrong;
  if (auto wrong = check_name(request); !wrong) return wrong;
  return check_query(request);
}

ApiResult OperatorApi::apply_objects(const ApiRequest& request, const Operate& operate) {
  auto all = applies_.finish(exchange_, request);
  if (!all) return std::unexpected(all.error());
  auto answer = ask(request, operate, std::move(*all));
  if (!answer) return std::unexpected(answer.error());
  return ApiReply{.body = {}, .headers = {}, .later = answer->later};
}

ApiResult OperatorApi::perform(const ApiRequest& request, const Now& now, Outcome& out) {
  const MeshState& state = core_.state();
  const Operate operate = [&](const OperatorRequest& asked) -> OperatorResult {
    if (auto refusal = request_refused(request.principal, asked, state))
      return std::unexpected(std::move(*refusal));
    return core_.operate(asked, now, out);
  };
  switch (request.route->endpoint) {
    case Endpoint::list_objects:
    case Endpoint::list_servers:
      return with_position(list_objects(request, state), state);
    case Endpoint::get_object:
      return get_object(request, state);
    case Endpoint::list_inventories:
      return with_position(list_inventories(request, state, watched_), state);
    case Endpoint::get_inventory:
      return get_inventory(request, state, watched_);
    case Endpoint::list_hardware:
      return with_position(list_hardware(request, state, watched_), state);
    case Endpoint::get_hardware:
      return get_hardware(request, state, watched_);
    case Endpoint::put_object:
      return put_object(request, state, operate);
    case Endpoint::delete_object:
      return delete_object(request, state, operate);
    case Endpoint::apply_objects:
      return apply_objects(request, operate);
    case Endpoint::get_plan:
      return get_plan(request, state, watched_);
    case Endpoint::get_profile_version:
      return get_profile_version(request, state, watched_);
    case Endpoint::render_profile:
      return render_profile(request, state, watched_);
    case Endpoint::plan_rollout:
    case Endpoint::start_rollout:
    case Endpoint::pause_rollout:
    case Endpoint::continue_rollout:
    case Endpoint::stop_rollout:
    case Endpoint::skip_servers:
    case Endpoint::set_rollout:
    case Endpoint::resolve_deployment:
    case Endpoint::cancel_deployment:
    case Endpoint::continue_controller:
    case Endpoint::settle_damage:
    case Endpoint::start_backup:
    case Endpoint::inspect_server:
    case Endpoint::accept_server:
    case Endpoint::protect_server:
    case Endpoint::unprotect_server:
    case Endpoint::retire_server:
    case Endpoint::adopt_server:
    case Endpoint::release_server:
    case Endpoint::reidentify_server:
    case Endpoint::replace_server:
    case Endpoint::move_server:
    case Endpoint::clean_server:
    case Endpoint::clear_quarantine:
    case Endpoint::open_first_contact:
    case Endpoint::revoke_site:
    case Endpoint::diagnose_site:
    case Endpoint::discover_bmcs:
    case Endpoint::stop_discovery:
    case Endpoint::prefetch_image:
    case Endpoint::approve_unprotect:
    case Endpoint::widen_pace:
    case Endpoint::add_token:
    case Endpoint::revoke_token:
      return perform_action(request, operate);
    case Endpoint::list_deployments:
      return with_position(list_deployments(request, state), state);
    case Endpoint::get_deployment:
      return get_deployment(request, state);
    case Endpoint::get_transcript:
      return get_transcript(request, state, watched_);
    case Endpoint::read_events:
      return list_events(request, state, watched_, now);
    case Endpoint::read_changes:
      return with_position(list_changes(request, state), state);
    case Endpoint::get_openapi:
      return get_reference_text("openapi.yaml", "application/yaml");
    case Endpoint::get_reference:
      return get_reference_text("reference.html", "text/html; charset=utf-8");
    case Endpoint::list_families:
      return list_families(request, settings_.families);
    case Endpoint::get_family:
      return get_family(request, settings_.families);
    case Endpoint::get_discovery:
      return get_discovery(request, state);
    case Endpoint::get_controller:
      return get_controller(request, state);
    case Endpoint::get_limits:
      return get_limits(request, state, now);
    case Endpoint::get_version:
      return get_version(settings_.version, state);
    case Endpoint::get_support:
      return get_support(settings_.version, settings_.configuration, state, now);
    case Endpoint::get_health:
      return get_health(request.principal, state, bus_up_, watched_.damage());
    case Endpoint::get_metrics:
      return ApiReply{200,
                      metrics_text(state, core_.metrics(),
                                   {replies_, events_.size(), changes_.size(), bus_up_}, settings_.version),
                      "text/plain; version=0.0.4",
                      {}};
  }
  return refuse(500, "an endpoint without code");
}

}  // namespace metalmesh::controller
