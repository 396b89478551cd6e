#include "controller/api/objects_api.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "common/base/command_words.h"
#include "common/text/letters.h"
#include "common/text/near_miss.h"
#include "common/text/percent.h"
#include "controller/api/json_encode.h"
#include "controller/api/object_json.h"
#include "controller/api/paging.h"
#include "controller/api/preconditions.h"
#include "controller/api/read_only.h"
#include "controller/api/request_body.h"
#include "controller/api/request_filters.h"
#include "controller/api/request_target.h"
#include "controller/api/rights.h"
#include "controller/core/actions/install_order.h"
#include "controller/core/actions/install_preview.h"
#include "controller/core/hardware_types.h"
#include "controller/core/inventories.h"
#include "controller/core/object_query.h"
#include "controller/core/object_rules.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "controller/state/version_bounds.h"

namespace metalmesh::controller {
namespace {

/// "sites" of "/api/v1/sites/{name}".
std::string_view plural_of(const Route& route) {
  std::string_view rest = route.pattern.substr(std::string_view("/api/v1/").size());
  return rest.substr(0, rest.find('/'));
}

template <class T>
const T* find(const MeshState& state, const std::string& name) {
  const auto& rows = state.*Kind<T>::objects;
  const auto found = rows.find(name);
  return found == rows.end() ? nullptr : &found->second;
}

/// As this caller has it: nullptr for what is not hers to see, too.
template <class T>
const T* find_seen(const ApiRequest& request, const MeshState& state, const std::string& name) {
  const T* object = find<T>(state, name);
  return object == nullptr || sees(request.principal, state, *object) ? object : nullptr;
}

/// The object as this caller is shown it.
template <class T>
const T& seen_as(const Principal&, const T& object) {
  return object;
}
rest::Image seen_as(const Principal& who, const rest::Image& image) { return shown_to(who, image); }

template <class T>
std::uint64_t version_in(const MeshState& state, const std::string& name) {
  const T* object = find<T>(state, name);
  return object == nullptr ? 0 : object->metadata().version();
}

// The tag of an object, with what changes in it without a new version.

template <class T>
ObjectTag tag_of_object(const T& object) {
  return {object.metadata().version(), object.metadata().ledger()};
}

ObjectTag tag_of_object(const rest::Site& site) {
  return {site.metadata().version(), site.metadata().ledger(), live_digest(canonical_bytes(site.status()))};
}

ObjectTag tag_of_object(const rest::Rollout& rollout) {
  rest::RolloutStatus live;
  *live.mutable_counts() = rollout.status().counts();
  live.set_fences_owed(rollout.status().fences_owed());
  return {rollout.metadata().version(), rollout.metadata().ledger(), live_digest(canonical_bytes(live))};
}

template <class T>
ObjectTag tag_in(const MeshState& state, const std::string& name) {
  const T* object = find<T>(state, name);
  return object == nullptr ? ObjectTag() : tag_of_object(*object);
}

template <class T>
ApiReply reply_with(const T& object, int status) {
  return {status, object_json(object), "application/json", {{"etag", etag_of(tag_of_object(object))}}};
}

/// Where there are more, looking for a similar name would keep others waiting.
constexpr std::size_t names_compared = 10'000;

template <class T>
std::string did_you_mean(const ApiRequest& request, const MeshState& state, const std::string& name) {
  const auto& rows = state.*Kind<T>::objects;
  if (rows.size() > names_compared) return {};
  std::vector<std::string> names;
  for (const auto& [known, object] : rows) {
    if (sees(request.principal, state, object)) names.push_back(known);
  }
  const std::string near = near_miss(name, names);
  return near.empty() ? near : "did you mean \"" + near + "\"? ";
}

template <class T>
std::unexpected<Problem> no_such(const ApiRequest& request, const MeshState& state, const std::string& name) {
  std::string kind(Kind<T>::word);
  kind.front() = to_lower(kind.front());
  return refuse(
      404, "there is no " + kind + " \"" + name + "\"", {},
      did_you_mean<T>(request, state, name) + "List what there is: " + commands::list(Kind<T>::plural));
}

/// The body must not contradict the path; what it leaves out is taken from there.
template <class T>
std::expected<void, Problem> agree_with_path(T& object, const std::string& name) {
  const auto differs = [](const std::string& field, const std::string& body, std::string_view path) {
    return refuse(400, field + " is \"" + body + "\", but the path says \"" + std::string(path) + "\"",
                  field);
  };
  if (object.api_version().empty()) object.set_api_version(std::string(api_version));
  if (object.api_version() != api_version) {
    return refuse(400, "apiVersion is \"" + object.api_version() + "\", this is metalmesh/v1", "apiVersion");
  }
  if (object.kind().empty()) object.set_kind(std::string(Kind<T>::word));
  if (object.kind() != Kind<T>::word) return differs("kind", object.kind(), Kind<T>::word);
  if (object.metadata().name().empty()) object.mutable_metadata()->set_name(name);
  if (object.metadata().name() != name) return differs("metadata.name", object.metadata().name(), name);
  return {};
}

template <class T>
std::expected<std::optional<std::uint64_t>, Problem> condition_of(const ApiRequest& request,
                                                                  const MeshState& state,
                                                                  const std::string& name) {
  // Of what the caller does not see, no version is told.
  const T* object = find<T>(state, name);
  if (object != nullptr && !sees(request.principal, state, *object)) return std::nullopt;
  return write_condition(request, tag_in<T>(state, name));
}

/// The template of a version is in its row alone.
std::expected<rest::Profile, Problem> whole_version(const std::string& version, const RowReader& rows) {
  rest::Profile whole;
  const auto row = rows.get(tables::row(tables::versions, version));
  if (!row) return refuse(500, row.error().message);
  if (!*row || !decode_row(**row, whole)) return refuse(500, "profile " + version + " cannot be read");
  return whole;
}

/// A write that named a version and lost the race is 412, whatever else the core calls it.
Problem condition_failed(Problem refusal, const std::optional<std::uint64_t>& wanted, std::uint64_t current) {
  if (refusal.status != 409 || !wanted || *wanted == current) return refusal;
  Problem problem = version_mismatch(*wanted, current);
  if (*wanted == 0) problem.field = "If-None-Match";
  return problem;
}

/// Secrets are hidden from conditions, too: nobody is to find one out by asking what it begins with.
template <class T>
bool fits(const std::optional<ObjectQuery>& query, const T& object) {
  if (!query) return true;
  if (!may_hold_secrets(object)) return query->matches(object);
  T shown = object;
  hide_secrets(shown);
  return query->matches(shown);
}

/// A page of what `json_of` says of each object of the selection; nothing: it is not in the list.
template <class T, class Rows, class JsonOf>
ApiResult list_of(const ApiRequest& request, const MeshState& state, const Rows& rows,
                  const JsonOf& json_of) {
  const auto limit = page_limit(request);
  if (!limit) return std::unexpected(limit.error());
  const auto selector = wanted_labels(request);
  if (!selector) return std::unexpected(selector.error());
  const auto query = wanted_objects(request, *T::descriptor());
  if (!query) return std::unexpected(query.error());
  const std::string* after = request.parameter("after");
  PageWriter page;
  std::string last;
  std::size_t looked_at = 0;
  for (auto at = after == nullptr ? rows.begin() : rows.upper_bound(*after); at != rows.end(); ++at) {
    if (page.size() == *limit || looked_at++ == looked_at_most) return page.finish(last);
    last = at->first;
    if (!sees(request.principal, state, at->second)) continue;
    if (!selector->matches(at->second.metadata().labels()) || !fits(*query, at->second)) continue;
    if (const std::optional<std::string> json = json_of(at->second)) page.add(*json);
  }
  return page.finish({});
}

}  // namespace

ApiReply object_reply(const Object& object, int status) {
  return std::visit([&](const auto& it) { return reply_with(it, status); }, object);
}

ApiResult list_objects(const ApiRequest& request, const MeshState& state) {
  return *with_object_kind(plural_of(*request.route), [&]<class T>() -> ApiResult {
    return list_of<T>(request, state, state.*Kind<T>::objects,
                      [&](const T& object) { return object_json(seen_as(request.principal, object)); });
  });
}

ApiResult get_object(const ApiRequest& request, const MeshState& state) {
  const std::string& name = request.captures.at(0);
  return *with_object_kind(plural_of(*request.route), [&]<class T>() -> ApiResult {
    const T* object = find_seen<T>(request, state, name);
    if (object == nullptr) return no_such<T>(request, state, name);
    const ObjectTag tag = tag_of_object(*object);
    const auto unchanged = not_modified(request, tag);
    if (!unchanged) return std::unexpected(unchanged.error());
    if (*unchanged) return ApiReply{304, {}, {}, {{"etag", etag_of(tag)}}};
    return reply_with(seen_as(request.principal, *object), 200);
  });
}

ApiResult list_inventories(const ApiRequest& request, const MeshState& state, const RowReader& rows) {
  return list_of<rest::Server>(request, state, state.servers,
                               [&](const rest::Server& server) -> std::optional<std::string> {
                                 const auto inventory = inventory_of(rows, server);
                                 if (!inventory) return std::nullopt;
                                 return encode_json(*inventory);
                               });
}

ApiResult list_hardware(const ApiRequest& request, const MeshState& state, const RowReader& rows) {
  const std::string* type = request.parameter("type");
  return list_of<rest::Server>(
      request, state, state.servers, [&](const rest::Server& server) -> std::optional<std::string> {
        const auto types = types_of(state, server);
        const bool fits = type == nullptr ? !types.empty() : std::ranges::find(types, *type) != types.end();
        if (!fits) return std::nullopt;
        return encode_json(hardware_of(state, rows, server));
      });
}

ApiResult get_hardware(const ApiRequest& request, const MeshState& state, const RowReader& rows) {
  const std::string& name = request.captures.at(0);
  const rest::Server* server = find_seen<rest::Server>(request, state, name);
  if (server == nullptr) return no_such<rest::Server>(request, state, name);
  const rest::ServerHardware hardware = hardware_of(state, rows, *server);
  return ApiReply{200, encode_json(hardware), "application/json", {}};
}

ApiResult get_inventory(const ApiRequest& request, const MeshState& state, const RowReader& rows) {
  const std::string& name = request.captures.at(0);
  const rest::Server* server = find_seen<rest::Server>(request, state, name);
  if (server == nullptr) return no_such<rest::Server>(request, state, name);
  const auto inventory = inventory_of(rows, *server);
  if (!inventory)
    return refuse(404, "what server \"" + name + "\" is made of was not read yet", {},
                  commands::inspect(name));
  return ApiReply{200, encode_json(*inventory), "application/json", {}};
}

ApiResult get_profile_version(const ApiRequest& request, const MeshState& state, const RowReader& rows) {
  const std::string& name = request.captures.at(0);
  const auto number = parse_number(request.captures.at(1), "version");
  if (!number) return std::unexpected(number.error());
  const auto found = state.profile_versions.find(name + "@" + std::to_string(*number));
  if (found == state.profile_versions.end()) {
    const auto newest = state.profiles.find(name);
    const bool was =
        newest != state.profiles.end() && *number > 0 && *number < newest->second.metadata().version();
    return refuse(404,
                  was ? "version " + std::to_string(*number) + " of profile \"" + name +
                            "\" is not kept any more: the last " + std::to_string(versions_of_a_profile) +
                            " are"
                      : "there is no version " + std::to_string(*number) + " of profile \"" + name + "\"",
                  {}, "see the newest: metalmesh get profiles " + name);
  }
  const ObjectTag tag = tag_of_object(found->second);
  const auto unchanged = not_modified(request, tag);
  if (!unchanged) return std::unexpected(unchanged.error());
  if (*unchanged) return ApiReply{304, {}, {}, {{"etag", etag_of(tag)}}};
  const auto whole = whole_version(found->first, rows);
  if (!whole) return std::unexpected(whole.error());
  return reply_with(*whole, 200);
}

ApiResult render_profile(const ApiRequest& request, const MeshState& state, const RowReader& rows) {
  const std::string& wanted = request.captures.at(0);
  const std::string* server_name = request.parameter("server");
  if (server_name == nullptr) return refuse(400, "for which server? Give ?server=NAME", "server");
  const rest::Profile* profile = find_profile(state, wanted);
  if (profile == nullptr) return no_such<rest::Profile>(request, state, wanted);
  const rest::Server* server = find_seen<rest::Server>(request, state, *server_name);
  if (server == nullptr) return no_such<rest::Server>(request, state, *server_name);
  const auto whole = whole_version(version_of(*profile), rows);
  if (!whole) return std::unexpected(whole.error());
  const std::string* image = request.parameter("image");
  auto rendering = preview_install(state, hardware_of(state, rows, *server), *whole,
                                   image == nullptr ? std::string() : *image, *server);
  if (!rendering) {
    Refusal& why = rendering.error();
    return refuse(422, std::move(why.message), std::move(why.field), std::move(why.next));
  }
  return ApiReply{200, encode_json(*rendering), "application/json", {}};
}

ApiResult put_object(const ApiRequest& request, const MeshState& state, const Operate& operate) {
  const std::string& name = request.captures.at(0);
  return *with_object_kind(plural_of(*request.route), [&]<class T>() -> ApiResult {
    if (request.body.empty()) return refuse(400, "the body is empty, expected the object as JSON");
    const std::uint64_t current = version_in<T>(state, name);
    const auto condition = condition_of<T>(request, state, name);
    if (!condition) return std::unexpected(condition.error());
    T object;
    if (auto read = read_body(request, object, read_only_fields); !read) return std::unexpected(read.error());
    if (auto agreed = agree_with_path(object, name); !agreed) return std::unexpected(agreed.error());

    auto answer = ask(request, operate, Apply{std::move(object), *condition});
    if (!answer) {
      Problem refusal = condition_failed(std::move(answer.error()), *condition, current);
      // The path of a PUT needs nothing to exist: what was not found is something the body refers to.
      if (refusal.status == 404) refusal.status = 422;
      return std::unexpected(std::move(refusal));
    }
    if (answer->later != 0) return ApiReply{.body = {}, .headers = {}, .later = answer->later};
    return written_reply(request, *answer);
  });
}

ApiReply written_reply(const ApiRequest& request, const Answer& answer) {
  if (request.route->endpoint == Endpoint::delete_object) return {204, {}, {}, {}};
  ApiReply reply = object_reply(std::get<Object>(answer.object), answer.created ? 201 : 200);
  if (answer.created) {
    reply.headers.emplace_back("location", "/api/v1/" + std::string(plural_of(*request.route)) + "/" +
                                               percent_encode(request.captures.at(0)));
  }
  return reply;
}

Problem write_problem(const ApiRequest& request, Refusal why) {
  const bool is_version = why.field == "metadata.version" && why.kind == ErrorKind::conflict;
  Problem problem = to_problem(std::move(why));
  const bool puts = request.route->endpoint == Endpoint::put_object;
  if (is_version) {
    problem.status = 412;
    problem.field = request.header("if-none-match") == nullptr ? "If-Match" : "If-None-Match";
  } else if (puts && problem.status == 404) {
    problem.status = 422;
  }
  return problem;
}

ApiResult delete_object(const ApiRequest& request, const MeshState& state, const Operate& operate) {
  const std::string& name = request.captures.at(0);
  return *with_object_kind(plural_of(*request.route), [&]<class T>() -> ApiResult {
    const std::uint64_t current = version_in<T>(state, name);
    const auto condition = condition_of<T>(request, state, name);
    if (!condition) return std::unexpected(condition.error());
    const std::string* confirm = request.parameter("confirm");
    if (confirm != nullptr && !std::is_same_v<T, rest::Server>)
      return refuse(400, "only servers are deleted with confirm", "confirm");
    auto answer =
        ask(request, operate,
            Delete{std::string(Kind<T>::word), name, *condition, confirm == nullptr ? "" : *confirm});
    if (!answer) return std::unexpected(condition_failed(std::move(answer.error()), *condition, current));
    if (answer->later != 0) return ApiReply{.body = {}, .headers = {}, .later = answer->later};
    return written_reply(request, *answer);
  });
}

}  // namespace metalmesh::controller
