// Every path of the API with what it needs: those of each kind of object (state/kinds.h), the others literally. schemas/rest/openapi.yaml lists the same ones;
// a unit test keeps the two equal.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/api/access.h"

namespace metalmesh::controller {

/// What is asked of the API; several routes share one (the kinds of objects).
enum class Endpoint {
  list_objects,
  list_servers,
  get_object,
  list_inventories,
  get_inventory,
  list_hardware,
  get_hardware,
  put_object,
  apply_objects,
  delete_object,
  get_profile_version,
  get_plan,
  render_profile,
  plan_rollout,
  start_rollout,
  pause_rollout,
  continue_rollout,
  stop_rollout,
  skip_servers,
  set_rollout,
  list_deployments,
  get_deployment,
  get_transcript,
  resolve_deployment,
  cancel_deployment,
  inspect_server,
  accept_server,
  protect_server,
  unprotect_server,
  retire_server,
  adopt_server,
  release_server,
  reidentify_server,
  replace_server,
  move_server,
  clean_server,
  clear_quarantine,
  open_first_contact,
  revoke_site,
  diagnose_site,
  get_discovery,
  discover_bmcs,
  stop_discovery,
  prefetch_image,
  get_limits,
  widen_pace,
  approve_unprotect,
  add_token,
  revoke_token,
  read_events,
  read_changes,
  get_controller,
  continue_controller,
  settle_damage,
  start_backup,
  get_openapi,
  get_reference,
  list_families,
  get_family,
  get_version,
  get_support,
  get_health,
  get_metrics,
};

struct Route {
  std::string_view method;
  std::string_view pattern;  // "{name}" stands for one segment
  Endpoint endpoint;
  Role role;
};

std::span<const Route> routes();
/// Who may write objects of a kind.
Role role_to_write(std::string_view plural);
/// Whether it stops work or keeps it from a server: heard also when nothing else is.
bool stops_something(Endpoint endpoint);
/// Query parameters an endpoint knows; any other one is refused.
std::span<const std::string_view> query_of(Endpoint endpoint);

struct Matched {
  const Route* route;
  std::vector<std::string> captures;  // decoded, in order
};
struct WrongMethod {
  std::string allow;  // "GET, PUT"
};
struct NoSuchPath {};

/// Segments as RequestTarget gives them; an empty one matches nothing.
std::variant<Matched, WrongMethod, NoSuchPath> match_route(std::string_view method,
                                                           std::span<const std::string> segments);

}  // namespace metalmesh::controller
