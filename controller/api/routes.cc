#include "controller/api/routes.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "controller/state/kinds.h"

namespace metalmesh::controller {
namespace {

using enum Endpoint;

// clang-format off
constexpr Route others[] = {
    {"GET",    "/healthz",                                  get_health,          Role::nobody},
    {"GET",    "/metrics",                                  get_metrics,         Role::viewer},
    {"GET",    "/api/v1/version",                           get_version,         Role::viewer},
    {"GET",    "/api/v1/openapi.yaml",                      get_openapi,         Role::nobody},
    {"GET",    "/api/v1/reference",                         get_reference,       Role::nobody},
    {"GET",    "/api/v1/support",                           get_support,         Role::admin},
    {"GET",    "/api/v1/events",                            read_events,         Role::viewer},
    {"GET",    "/api/v1/changes",                           read_changes,        Role::viewer},

    {"POST",   "/api/v1/apply",                             apply_objects,       Role::operator_},

    {"GET",    "/api/v1/families",                          list_families,       Role::viewer},
    {"GET",    "/api/v1/families/{name}",                   get_family,          Role::viewer},

    {"POST",   "/api/v1/sites/{name}/clear-quarantine",     clear_quarantine,    Role::admin},
    {"POST",   "/api/v1/sites/{name}/first-contact",        open_first_contact,  Role::approver},
    {"POST",   "/api/v1/sites/{name}/revoke",               revoke_site,         Role::admin},
    {"POST",   "/api/v1/sites/{name}/doctor",               diagnose_site,       Role::operator_},
    {"GET",    "/api/v1/sites/{name}/discovery",            get_discovery,       Role::viewer},
    {"POST",   "/api/v1/sites/{name}/discovery",            discover_bmcs,       Role::operator_},
    {"DELETE", "/api/v1/sites/{name}/discovery",            stop_discovery,      Role::operator_},

    {"POST",   "/api/v1/servers/{name}/inspect",            inspect_server,      Role::operator_},
    {"POST",   "/api/v1/servers/{name}/accept",             accept_server,       Role::operator_},
    {"POST",   "/api/v1/servers/{name}/protect",            protect_server,      Role::operator_},
    {"POST",   "/api/v1/servers/{name}/unprotect",          unprotect_server,    Role::operator_},
    {"POST",   "/api/v1/servers/{name}/approve-unprotect",  approve_unprotect,   Role::approver},
    {"POST",   "/api/v1/servers/{name}/retire",             retire_server,       Role::operator_},
    {"POST",   "/api/v1/servers/{name}/adopt",              adopt_server,        Role::operator_},
    {"POST",   "/api/v1/servers/{name}/release-for-install", release_server,     Role::operator_},
    {"POST",   "/api/v1/servers/{name}/clean",              clean_server,        Role::operator_},
    {"POST",   "/api/v1/servers/{name}/reidentify",         reidentify_server,   Role::operator_},
    {"POST",   "/api/v1/servers/{name}/replace",            replace_server,      Role::operator_},
    {"POST",   "/api/v1/servers/{name}/move",               move_server,         Role::operator_},

    {"GET",    "/api/v1/inventories",                       list_inventories,    Role::viewer},
    {"GET",    "/api/v1/inventories/{server}",              get_inventory,       Role::viewer},

    {"GET",    "/api/v1/hardware",                          list_hardware,       Role::viewer},
    {"GET",    "/api/v1/hardware/{server}",                 get_hardware,        Role::viewer},

    {"POST",   "/api/v1/images/{name}/prefetch",            prefetch_image,      Role::operator_},

    {"GET",    "/api/v1/limits",                            get_limits,          Role::viewer},
    {"POST",   "/api/v1/limits/{kind}/{name}",              widen_pace,          Role::approver},

    {"POST",   "/api/v1/users/{name}/tokens",               add_token,           Role::admin},
    {"DELETE", "/api/v1/users/{name}/tokens/{id}",          revoke_token,        Role::admin},

    {"GET",    "/api/v1/profiles/{name}/versions/{number}", get_profile_version, Role::viewer},
    {"GET",    "/api/v1/profiles/{name}/render",            render_profile,      Role::viewer},

    {"GET",    "/api/v1/rollouts/{name}/plan",              get_plan,            Role::viewer},
    {"POST",   "/api/v1/rollouts/{name}/plan",              plan_rollout,        Role::operator_},
    {"POST",   "/api/v1/rollouts/{name}/start",             start_rollout,       Role::operator_},
    {"POST",   "/api/v1/rollouts/{name}/pause",             pause_rollout,       Role::operator_},
    {"POST",   "/api/v1/rollouts/{name}/continue",          continue_rollout,    Role::operator_},
    {"POST",   "/api/v1/rollouts/{name}/stop",              stop_rollout,        Role::operator_},
    {"POST",   "/api/v1/rollouts/{name}/skip",              skip_servers,        Role::operator_},
    {"POST",   "/api/v1/rollouts/{name}/set",               set_rollout,         Role::operator_},

    {"GET",    "/api/v1/deployments",                       list_deployments,    Role::viewer},
    {"GET",    "/api/v1/deployments/{id}",                  get_deployment,      Role::viewer},
    {"GET",    "/api/v1/deployments/{id}/transcript",       get_transcript,      Role::viewer},
    {"POST",   "/api/v1/deployments/{id}/resolve",          resolve_deployment,  Role::operator_},
    {"POST",   "/api/v1/deployments/{id}/cancel",           cancel_deployment,   Role::operator_},

    {"GET",    "/api/v1/controller",                        get_controller,      Role::viewer},
    {"POST",   "/api/v1/controller/continue",               continue_controller, Role::operator_},
    {"POST",   "/api/v1/controller/settle",                 settle_damage,       Role::operator_},
    {"POST",   "/api/v1/controller/backup",                 start_backup,        Role::admin},
};
// clang-format on

/// What can be done with objects of any kind.
template <class T>
struct ObjectPaths {
  static constexpr std::string_view root = "/api/v1/", name = "/{name}";
  static constexpr auto text = [] {
    std::array<char, root.size() + Kind<T>::plural.size() + name.size()> out{};
    std::ranges::copy(name, std::ranges::copy(Kind<T>::plural, std::ranges::copy(root, out.begin()).out).out);
    return out;
  }();
  static constexpr std::string_view one{text.data(), text.size()};
  static constexpr std::string_view all = one.substr(0, one.size() - name.size());
};

/// Who may read and write objects of a kind.
template <class T>
constexpr std::pair<Role, Role> roles_of = {Role::viewer, Role::operator_};
template <>
constexpr std::pair<Role, Role> roles_of<rest::User> = {Role::admin, Role::admin};

std::vector<Route> all_routes() {
  std::vector<Route> routes(std::begin(others), std::end(others));
  for_each_kind(ObjectKinds{}, [&]<class T>() {
    const auto [reads, writes] = roles_of<T>;
    routes.push_back(
        {"GET", ObjectPaths<T>::all, std::is_same_v<T, rest::Server> ? list_servers : list_objects, reads});
    routes.push_back({"GET", ObjectPaths<T>::one, get_object, reads});
    routes.push_back({"PUT", ObjectPaths<T>::one, put_object, writes});
    routes.push_back({"DELETE", ObjectPaths<T>::one, delete_object, writes});
  });
  return routes;
}

constexpr std::string_view page_query[] = {"limit", "after"};
constexpr std::string_view where_query[] = {"labelSelector", "where", "limit", "after"};
constexpr std::string_view hardware_query[] = {"labelSelector", "where", "type", "limit", "after"};
constexpr std::string_view plan_query[] = {"after"};
constexpr std::string_view apply_query[] = {"dryRun", "atomic"};
constexpr std::string_view render_query[] = {"server", "image"};
constexpr std::string_view delete_query[] = {"confirm"};
constexpr std::string_view deployments_query[] = {"rollout", "server", "state", "where", "limit", "after"};
constexpr std::string_view events_query[] = {"rollout", "server", "site",  "type",
                                             "since",   "tail",   "limit", "after"};
constexpr std::string_view changes_query[] = {"kind",  "site",          "rollout", "server",
                                              "state", "labelSelector", "limit",   "after"};

/// The captures when `segments` has the shape of `pattern`.
std::optional<std::vector<std::string>> captures_of(std::string_view pattern,
                                                    std::span<const std::string> segments) {
  std::vector<std::string> captures;
  for (const std::string& segment : segments) {
    if (pattern.empty()) return std::nullopt;
    pattern.remove_prefix(1);  // the slash
    const std::string_view expected = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(expected.size());
    const bool placeholder = expected.starts_with('{');
    if (segment.empty() || (!placeholder && segment != expected)) return std::nullopt;
    if (placeholder) captures.push_back(segment);
  }
  if (!pattern.empty()) return std::nullopt;
  return captures;
}

}  // namespace

std::span<const Route> routes() {
  static const std::vector<Route> all = all_routes();
  return all;
}

Role role_to_write(std::string_view plural) {
  Role role = Role::admin;
  for_each_kind(ObjectKinds{}, [&]<class T>() {
    if (Kind<T>::plural == plural) role = roles_of<T>.second;
  });
  return role;
}

bool stops_something(Endpoint endpoint) {
  return endpoint == stop_rollout || endpoint == pause_rollout || endpoint == cancel_deployment ||
         endpoint == protect_server;
}

std::span<const std::string_view> query_of(Endpoint endpoint) {
  switch (endpoint) {
    case list_objects:
    case list_servers:
    case list_inventories:
      return where_query;
    case list_hardware:
      return hardware_query;
    case list_families:
      return page_query;
    case apply_objects:
      return apply_query;
    case render_profile:
      return render_query;
    case delete_object:
      return delete_query;
    case get_plan:
      return plan_query;
    case list_deployments:
      return deployments_query;
    case read_events:
      return events_query;
    case read_changes:
      return changes_query;
    default:
      return {};
  }
}

std::variant<Matched, WrongMethod, NoSuchPath> match_route(std::string_view method,
                                                           std::span<const std::string> segments) {
  std::string allow;
  for (const Route& route : routes()) {
    auto captures = captures_of(route.pattern, segments);
    if (!captures) continue;
    if (route.method == method) return Matched{&route, std::move(*captures)};
    allow += (allow.empty() ? "" : ", ") + std::string(route.method);
  }
  if (allow.empty()) return NoSuchPath{};
  return WrongMethod{std::move(allow)};
}

}  // namespace metalmesh::controller
