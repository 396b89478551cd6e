#include "controller/api/change_page.h"

#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <utility>

#include "common/text/letters.h"
#include "controller/api/object_json.h"
#include "controller/api/paging.h"
#include "controller/api/rights.h"

namespace metalmesh::controller {
namespace {

constexpr auto changes = LedgerLives::Of::changes;
constexpr std::size_t scanned_most = 20'000;  // per page, so that one filter cannot hold the turn
constexpr char list_again[] =
    "list again: GET /api/v1/changes?after=0, or the lists, whose Metalmesh-Feed header says where to go on";

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

/// Of a rollout all but its plan, which may be as large as the fleet.
std::string shown(const rest::Rollout& rollout) {
  using google::protobuf::util::FieldMaskUtil;
  static const google::protobuf::FieldMask but_plan = [] {
    google::protobuf::FieldMask plan;
    FieldMaskUtil::FromString("plan", &plan);
    google::protobuf::FieldMask rest;
    FieldMaskUtil::Subtract<rest::RolloutStatus>(
        FieldMaskUtil::GetFieldMaskForAllFields<rest::RolloutStatus>(), plan, &rest);
    return rest;
  }();
  rest::Rollout without;
  *without.mutable_metadata() = rollout.metadata();
  *without.mutable_spec() = rollout.spec();
  FieldMaskUtil::MergeMessageTo(rollout.status(), but_plan, {}, without.mutable_status());
  return object_json(without);
}
template <class T>
std::string shown(const T& object) {
  return object_json(object);
}

}  // namespace

bool FeedPosition::is_lost(const MeshState& state) const {
  return state.changes.floor() > std::max(after, begun);
}

std::string FeedPosition::text(const MeshState& state) const {
  if (after == 0 || begun <= after) return state.lives.id_of(after, changes);
  return state.lives.id_of(begun, changes) + "." + std::to_string(after);
}

std::expected<FeedPosition, Problem> feed_position(const std::string& text, const std::string& field,
                                                   const MeshState& state) {
  const std::size_t dot = text.rfind('.');
  const std::uint64_t last = state.changes.last();
  const auto found = state.lives.find(text.substr(0, dot), last, changes);
  const auto within = dot == std::string::npos ? std::expected<std::uint64_t, Problem>(0)
                                               : parse_number(text.substr(dot + 1), field);
  if (!found || !within || (!found->other_ledger && *within > found->after)) {
    return refuse(400, field + " is \"" + text + "\", expected a position in the change feed", field,
                  "send one as a change, a page or a list gave it, e.g. \"" +
                      state.lives.id_of(last, changes) + "\", or 0 for the beginning");
  }
  if (found->other_ledger) {
    return refuse(410,
                  "position " + text + " is not of this ledger: the controller was restored from a backup",
                  field, list_again);
  }
  if (found->after == 0) return FeedPosition::beginning(state);
  const FeedPosition place =
      dot == std::string::npos ? FeedPosition{found->after, 0} : FeedPosition{*within, found->after};
  if (place.is_lost(state)) {
    return refuse(410, "what was deleted since position " + text + " is not known any more", field,
                  list_again);
  }
  return place;
}

std::optional<ChangeTeller::Line> ChangeTeller::next(FeedPosition& place, std::uint64_t newest,
                                                     const ChangeFilter& filter) {
  const auto change = state_.changes.behind(place.after);
  if (!change || change->number > newest) {
    place.after = std::max(place.after, newest);
    return std::nullopt;
  }
  // What was deleted before it began, it was never told of.
  const bool matters = !change->deleted || place.begun == 0 || change->number > place.begun;
  place.after = change->number;
  const auto told = matters ? filter.of(state_, *change) : ChangeFilter::Told::nothing;
  Line line{change->number, {}};
  if (told == ChangeFilter::Told::nothing) return line;
  line.json = "{\"position\":" + quoted(place.text(state_)) +
              ",\"kind\":" + quoted(word_of(change->object->kind)) +
              ",\"name\":" + quoted(change->object->name) +
              (told == ChangeFilter::Told::gone ? std::string(",\"deleted\":true")
                                                : object_of(*change, filter.who())) +
              "}";
  return line;
}

std::string ChangeTeller::object_of(const ChangeFeed::Change& change, const Principal& who) {
  const bool own_view = change.object->kind == ChangeKind::image && !who.sites.empty();
  if (own_view) return ",\"image\":" + object_json(shown_to(who, state_.images.at(change.object->name)));
  std::string& json = objects_[change.number];
  if (json.empty()) {
    json = with_objects(state_, change.object->kind, [&](const auto& objects) {
      return ",\"" + to_lower(word_of(change.object->kind)) + "\":" + shown(objects.at(change.object->name));
    });
  }
  return json;
}

ApiResult list_changes(const ApiRequest& request, const MeshState& state) {
  const auto limit = page_limit(request);
  if (!limit) return std::unexpected(limit.error());
  const auto filter = ChangeFilter::of(request);
  if (!filter) return std::unexpected(filter.error());
  const std::string* after = request.parameter("after");
  auto place = after == nullptr ? std::expected<FeedPosition, Problem>(FeedPosition::now(state))
                                : feed_position(*after, "after", state);
  if (!place) return std::unexpected(place.error());

  PageWriter page;
  ChangeTeller teller(state);
  for (std::size_t scanned = 0; scanned < scanned_most && page.size() < *limit; ++scanned) {
    const auto line = teller.next(*place, state.changes.last(), *filter);
    if (!line) break;
    if (!line->json.empty()) page.add(line->json);
    teller.end_turn();
  }
  return page.finish(place->text(state));
}

}  // namespace metalmesh::controller
