#include "controller/api/mesh_api.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <deque>
#include <utility>

#include "common/base/command_words.h"
#include "common/ports/wire_time.h"
#include "controller/api/event_filter.h"
#include "controller/api/json_encode.h"
#include "controller/api/object_json.h"
#include "controller/api/paging.h"
#include "controller/api/reference_texts.h"
#include "controller/api/request_filters.h"
#include "controller/api/rights.h"
#include "controller/core/discoveries.h"
#include "controller/core/start_pace.h"
#include "controller/state/event_log.h"
#include "controller/state/plan_pages.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "controller/state/transcript_rows.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t events_default = 100;
constexpr std::size_t events_scanned_most = 10'000;
const std::string shown_by_status = ". Next: metalmesh controller status";
constexpr std::size_t events_batch = 100;  // read at a time: an event may have tens of KB

rest::Family shown(const config::OsFamily& family) {
  rest::Family out;
  out.set_name(family.name());
  out.set_title(family.title());
  out.set_tier(family.tier());
  *out.mutable_documents() = family.documents();
  out.set_completion(family.completion());
  out.set_restarts(family.restarts());
  const auto own = std::ranges::find_if(family.files(), [](const auto& file) { return file.main(); });
  out.set_needs_template(own == family.files().end() || own->template_().empty());
  out.set_notes(family.notes());
  *out.mutable_verified_by() = family.verified_by();
  *out.mutable_not_run() = family.not_run();
  return out;
}

/// nullptr: there is none that this caller sees.
const rest::Deployment* deployment_seen(const ApiRequest& request, const MeshState& state) {
  const auto found = state.deployments.find(request.captures.at(0));
  const bool is_seen = found != state.deployments.end() && sees(request.principal, state, found->second);
  return is_seen ? &found->second : nullptr;
}

std::unexpected<Problem> no_deployment(const ApiRequest& request) {
  return refuse(404, "there is no deployment \"" + request.captures.at(0) + "\"", {},
                "list what there is: " + commands::list("deployments"));
}

}  // namespace

ApiResult list_deployments(const ApiRequest& request, const MeshState& state) {
  const auto limit = page_limit(request);
  if (!limit) return std::unexpected(limit.error());
  const auto wanted = wanted_state(request);
  if (!wanted) return std::unexpected(wanted.error());
  const auto query = wanted_objects(request, *rest::Deployment::descriptor());
  if (!query) return std::unexpected(query.error());
  const std::string* rollout = request.parameter("rollout");
  const std::string* server = request.parameter("server");
  const std::string* after = request.parameter("after");

  PageWriter page;
  std::string last;
  std::size_t looked_at = 0;
  const auto& rows = state.deployments;
  for (auto at = after == nullptr ? rows.begin() : rows.upper_bound(*after); at != rows.end(); ++at) {
    if (looked_at++ == looked_at_most) return page.finish(last);
    const rest::Deployment& deployment = at->second;
    const bool fits = sees(request.principal, state, deployment) &&
                      (rollout == nullptr || deployment.rollout() == *rollout) &&
                      (server == nullptr || deployment.server() == *server) &&
                      (wanted->empty() || deployment.state() == *wanted) &&
                      (!*query || (*query)->matches(deployment));
    if (fits && page.size() == *limit) return page.finish(last);
    last = at->first;
    if (fits) page.add(encode_json(deployment));
  }
  return page.finish({});
}

ApiResult get_deployment(const ApiRequest& request, const MeshState& state) {
  const rest::Deployment* deployment = deployment_seen(request, state);
  if (deployment == nullptr) return no_deployment(request);
  return ApiReply{200, encode_json(*deployment), "application/json", {}};
}

ApiResult get_transcript(const ApiRequest& request, const MeshState& state, const RowReader& rows) {
  const rest::Deployment* seen = deployment_seen(request, state);
  if (seen == nullptr) return no_deployment(request);
  const rest::Deployment& deployment = *seen;
  const std::string& id = deployment.id();
  const rest::Transcript& transcript = deployment.transcript();
  if (transcript.state() == transcripts::here) {
    auto bytes = read_pieces(rows, id, transcript, pieces_of(transcript));
    if (!bytes) return refuse(500, "the transcript cannot be read: " + bytes.error().message);
    return ApiReply{200, std::move(*bytes), "application/x-ndjson", {}};
  }
  if (transcript.state() == transcripts::coming)
    return refuse(
        503, "the transcript of " + id + " is at site " + deployment.site() + ", asked for, and not here yet",
        {}, "ask again; whether the site is heard tells " + commands::describe("site", deployment.site()));
  if (transcript.state() == transcripts::gone)
    return refuse(404, "the transcript of " + id + " is gone: " + transcript.note(), {},
                  "what its site told meanwhile: metalmesh events --server " + deployment.server());
  return refuse(
      404, "deployment " + id + " has no transcript: it is open, went as wished, or its BMC was never asked",
      {}, commands::describe("deployment", id));
}

namespace {

/// The number of the last event before `time`. Clocks may have stepped: it is as good as they were.
Result<std::uint64_t> last_event_before(const RowReader& rows, std::uint64_t newest, WallTime time) {
  std::uint64_t low = 0;
  std::uint64_t high = newest;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const auto next = metalmesh::controller::read_events(rows, middle, 1);
    if (!next) return std::unexpected(next.error());
    if (next->events.empty() || from_wire(next->events.front().at()) >= time) {
      high = middle;
    } else {
      low = std::max(middle + 1, next->events.front().number());
    }
  }
  return low;
}

/// The newest `count` that pass, among the newest that one request may look at.
ApiResult newest_events(std::size_t count, std::uint64_t after, const EventFilter& filter,
                        const MeshState& state, const RowReader& rows) {
  std::deque<rest::LogEvent> found;
  std::uint64_t end = state.last_event;
  for (std::size_t scanned = 0; end > after && found.size() < count && scanned < events_scanned_most;
       scanned += events_batch) {
    const std::uint64_t begin = std::max(after, end - std::min<std::uint64_t>(end, events_batch));
    auto log = metalmesh::controller::read_events(rows, begin, end - begin);
    if (!log) return refuse(500, "the event log cannot be read: " + log.error().message);
    for (auto at = log->events.rbegin(); at != log->events.rend() && found.size() < count; ++at)
      if (at->number() <= end && filter.passes(*at, state)) found.push_front(std::move(*at));
    end = begin;
  }
  PageWriter page;
  for (rest::LogEvent& event : found) {
    event.set_id(state.lives.id_of(event.number()));
    page.add(encode_json(event));
  }
  return page.finish({});
}

}  // namespace

ApiResult list_events(const ApiRequest& request, const MeshState& state, const RowReader& rows,
                      const Now& now) {
  const auto limit = page_limit(request, events_default);
  if (!limit) return std::unexpected(limit.error());
  std::uint64_t after = 0;
  if (const std::string* text = request.parameter("after")) {
    const auto position = seen_position(*text, "after", state);
    if (!position) return std::unexpected(position.error());
    if (position->other_ledger) {
      return refuse(
          410, "event " + *text + " is not of this ledger: the controller was restored from a backup",
          "after", "read the state anew, then the events after " + state.lives.id_of(position->after));
    }
    after = position->after;
  }
  const EventFilter filter = EventFilter::of(request);
  const auto since = wanted_since(request, now);
  if (!since) return std::unexpected(since.error());
  if (*since) {
    const auto before = last_event_before(rows, state.last_event, **since);
    if (!before) return refuse(500, "the event log cannot be read: " + before.error().message);
    after = std::max(after, *before);
  }
  if (const std::string* tail = request.parameter("tail")) {
    const auto count = parse_number(*tail, "tail");
    if (!count) return std::unexpected(count.error());
    if (*count == 0 || *count > page_most)
      return refuse(400, "tail is 1 to " + std::to_string(page_most), "tail");
    return newest_events(*count, after, filter, state, rows);
  }

  PageWriter page;
  for (std::size_t scanned = 0; scanned < events_scanned_most; scanned += events_batch) {
    auto log = metalmesh::controller::read_events(rows, after, events_batch);
    if (!log) return refuse(500, "the event log cannot be read: " + log.error().message);
    for (rest::LogEvent& event : log->events) {
      if (filter.passes(event, state)) {
        if (page.size() == *limit || page.full()) return page.finish(state.lives.id_of(after));
        event.set_id(state.lives.id_of(event.number()));
        page.add(encode_json(event));
      }
      after = event.number();
    }
    if (!log->more) return page.finish({});
  }
  return page.finish(state.lives.id_of(after));
}

ApiReply get_reference_text(std::string_view name, std::string_view type) {
  const auto texts = reference_texts();
  const auto found = std::ranges::find(texts, name, &ReferenceText::name);
  return {200,
          std::string(found->text),
          std::string(type),
          {{"content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"},
           {"x-content-type-options", "nosniff"}}};
}

ApiResult list_families(const ApiRequest& request, const families::FamilyCatalogue& families) {
  const auto limit = page_limit(request);
  if (!limit) return std::unexpected(limit.error());
  const std::string* after = request.parameter("after");
  PageWriter page;
  std::string last;
  for (const auto& [name, family] : families.all()) {
    if (after != nullptr && name <= *after) continue;
    if (page.size() == *limit) return page.finish(last);
    page.add(encode_json(shown(family)));
    last = name;
  }
  return page.finish({});
}

ApiResult get_family(const ApiRequest& request, const families::FamilyCatalogue& families) {
  const config::OsFamily* family = families.find(request.captures.at(0));
  if (family == nullptr)
    return refuse(404, families.unknown(request.captures.at(0)), {},
                  "list what there is: " + commands::list("families"));
  return ApiReply{200, encode_json(shown(*family)), "application/json", {}};
}

ApiResult get_plan(const ApiRequest& request, const MeshState& state, const RowReader& rows) {
  const std::string& name = request.captures.at(0);
  const auto found = state.rollouts.find(name);
  if (found == state.rollouts.end() || !sees(request.principal, state, found->second))
    return refuse(404, "there is no rollout \"" + name + "\"", {}, commands::list("rollouts"));
  const rest::Plan& plan = found->second.status().plan();
  if (plan.digest().empty()) return refuse(409, "rollout " + name + " has no plan", {}, commands::plan(name));
  std::uint64_t number = 0;
  if (const std::string* after = request.parameter("after")) {
    const auto seen = parse_number(*after, "after");
    if (!seen) return std::unexpected(seen.error());
    number = *seen + 1;
  }
  rest::PlanPage page;
  if (!is_long(plan)) {
    page.set_digest(plan.digest());
    *page.mutable_servers() = plan.servers();
    *page.mutable_excluded() = plan.excluded();
    if (number > 0) return refuse(404, "the plan has one page", "after");
    return ApiReply{200, encode_json(page), "application/json", {}};
  }
  const auto row = rows.get(tables::plan_page(name, number));
  if (!row) return refuse(500, row.error().message);
  const std::uint64_t pages = plan_pages(plan);
  if (number >= pages) return refuse(404, "the plan has " + std::to_string(pages) + " pages", "after");
  if (!*row || !decode_row(**row, page) || page.digest() != plan.digest())
    return refuse(
        409,
        "this page of the plan is not there: the rollout is just being planned, or its planning was cut off",
        {}, "plan it again: " + commands::plan(name));
  if (number + 1 < pages) page.set_next(std::to_string(number));
  return ApiReply{200, encode_json(page), "application/json", {}};
}

ApiResult get_discovery(const ApiRequest& request, const MeshState& state) {
  const std::string& site = request.captures.at(0);
  if (!state.sites.contains(site) || !sees(request.principal, Reach::of({site})))
    return refuse(404, "there is no site \"" + site + "\"", {}, commands::list("sites"));
  const auto found = state.discoveries.find(site);
  if (found == state.discoveries.end())
    return refuse(404, "site " + site + " was not asked which BMCs it has since this controller started", {},
                  commands::discover(site));
  return ApiReply{200, encode_json(shown_discovery(state, found->second)), "application/json", {}};
}

ApiReply get_limits(const ApiRequest& request, const MeshState& state, const Now& now) {
  return {200, encode_json(shown_to(request.principal, paces_shown(state, now))), "application/json", {}};
}

ApiReply get_controller(const ApiRequest& request, const MeshState& state) {
  rest::Controller controller;
  controller.set_instance(state.lives.current());
  if (state.started) *controller.mutable_started() = to_wire(*state.started);
  controller.set_epoch(state.epoch);
  if (state.hold) *controller.mutable_hold() = *state.hold;
  for (const auto& [row, damage] : state.damage) {
    rest::StoreDamage& shown = *controller.add_damage();
    shown.set_row(row);
    shown.set_what(damage.what());
    shown.set_next(damage.next());
    if (damage.has_at()) *shown.mutable_found() = damage.at();
  }
  if (state.backup) *controller.mutable_backup() = *state.backup;
  if (state.revocations_alarm) *controller.add_alarms() = *state.revocations_alarm;
  return {200, encode_json(shown_to(request.principal, std::move(controller))), "application/json", {}};
}

ApiReply get_version(const std::string& version, const MeshState& state) {
  boost::json::object body;
  body["version"] = version;
  body["apiVersion"] = std::string(api_version);
  body["controllerEpoch"] = std::to_string(state.epoch);
  return {200, boost::json::serialize(body), "application/json", {}};
}

ApiReply get_support(const std::string& version, const std::string& configuration, const MeshState& state,
                     const Now& now) {
  const auto nanos = [](auto time) { return std::to_string(time.time_since_epoch().count()); };
  boost::system::error_code wrong;
  boost::json::value config = boost::json::parse(configuration, wrong);
  boost::json::object body;
  body["version"] = version;
  body["controllerEpoch"] = std::to_string(state.epoch);
  body["configuration"] = wrong ? boost::json::value(nullptr) : std::move(config);
  boost::json::object rows;
  for_each_kind(FeedKinds{}, [&]<class T>() { rows[Kind<T>::plural] = (state.*Kind<T>::objects).size(); });
  rows["profileVersions"] = state.profile_versions.size();
  rows["events"] = state.last_event;
  body["rows"] = std::move(rows);
  body["diskLow"] = state.disk_low;
  body["clock"] = {{"monotonicNs", nanos(now.mono)},
                   {"wallLowNs", nanos(now.wall_low)},
                   {"wallHighNs", nanos(now.wall_high)}};
  return {200, boost::json::serialize(body), "application/json", {}};
}

ApiReply get_health(const Principal& who, const MeshState& state, bool bus_up,
                    const std::string& unreadable) {
  const bool all = who.role != Role::nobody && who.sites.empty();
  boost::json::array reasons;
  if (state.disk_low) {
    reasons.emplace_back(
        "disk low: free space in the data directory is below the reserve, no new work is accepted");
  }
  if (!state.clock_doubt.empty())
    reasons.emplace_back("the controller's clock: " + state.clock_doubt +
                         ", nothing is handed out until it agrees");
  if (state.hold && !state.hold->foreign_instance().empty())
    reasons.emplace_back(
        "nothing is handed out: " +
        (all ? state.hold->reason() : "another controller with our identity runs" + shown_by_status));
  const bool works = reasons.empty();
  if (!all && !state.damage.empty())
    reasons.emplace_back("damaged rows of the store: " + std::to_string(state.damage.size()) +
                         shown_by_status);
  for (const auto& [row, damage] : state.damage) {
    if (all)
      reasons.emplace_back("row " + row + " of the store was damaged: " + damage.what() +
                           ". Next: " + damage.next());
  }
  if (!unreadable.empty()) {
    reasons.emplace_back("the store has rotted since this controller started" +
                         (all ? ": " + unreadable : std::string()) +
                         ". Next: start it again; it then looks at every row");
  }
  boost::json::object body;
  body["status"] = reasons.empty() ? "ok" : "degraded";
  body["broker"] = bus_up ? "connected" : "away";
  if (!reasons.empty()) body["reasons"] = std::move(reasons);
  return {works ? 200 : 503, boost::json::serialize(body), "application/json", {}};
}

}  // namespace metalmesh::controller
