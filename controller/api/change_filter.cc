#include "controller/api/change_filter.h"

#include <utility>
#include <vector>

#include "common/text/letters.h"
#include "common/text/near_miss.h"
#include "controller/api/request_filters.h"
#include "controller/api/rights.h"

namespace metalmesh::controller {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::expected<std::set<ChangeKind>, Problem> wanted_kinds(const ApiRequest& request) {
  std::set<ChangeKind> wanted;
  const std::string* text = request.parameter("kind");
  if (text == nullptr) return wanted;
  std::vector<std::string> known;
  for (std::size_t i = 0; i < change_kinds; ++i) known.emplace_back(word_of(static_cast<ChangeKind>(i)));
  for (std::size_t at = 0; at <= text->size();) {
    const std::size_t comma = std::min(text->find(',', at), text->size());
    const std::string word = text->substr(at, comma - at);
    at = comma + 1;
    const auto found =
        std::ranges::find_if(known, [&](const std::string& one) { return same_letters(one, word); });
    if (found != known.end()) {
      wanted.insert(*change_kind(*found));
      continue;
    }
    const std::string near = near_miss(word, known);
    return refuse(400, "no kind \"" + word + "\" is in the change feed", "kind",
                  near.empty() ? "it has " + joined(known) : "did you mean \"" + near + "\"?");
  }
  return wanted;
}

/// Of what stands at a site and may be moved to another.
const std::string* site_of(const rest::Server& server) { return &server.spec().site(); }
const std::string* site_of(const rest::Credential& credential) { return &credential.spec().site(); }
template <class T>
const std::string* site_of(const T&) {
  return nullptr;
}

/// It was hers to see, before it was moved.
bool has_left(const Principal& who, const rest::Server& server) {
  const std::string& site = server.status().former_site();
  return !site.empty() && sees(who, Reach::of({site}));
}
template <class T>
bool has_left(const Principal&, const T&) {
  return false;
}

}  // namespace

std::expected<ChangeFilter, Problem> ChangeFilter::of(const ApiRequest& request) {
  ChangeFilter filter;
  filter.who_ = request.principal;
  const auto value = [&](const char* name) {
    const std::string* text = request.parameter(name);
    return text == nullptr ? std::string() : *text;
  };
  filter.site_ = value("site");
  filter.rollout_ = value("rollout");
  filter.server_ = value("server");
  auto kinds = wanted_kinds(request);
  if (!kinds) return std::unexpected(kinds.error());
  filter.kinds_ = std::move(*kinds);
  auto state = wanted_state(request);
  if (!state) return std::unexpected(state.error());
  filter.state_ = std::move(*state);
  auto labels = wanted_labels(request);
  if (!labels) return std::unexpected(labels.error());
  filter.labels_ = std::move(*labels);
  return filter;
}

bool ChangeFilter::concerns(const ChangeFeed::Object& object) const {
  using enum ChangeKind;
  if (!kinds_.empty() && !kinds_.contains(object.kind)) return false;
  if (object.kind == user && who_.role < Role::admin) return false;
  if (object.kind == deployment) return true;  // its own facts tell
  const auto only = [&](const std::string& wanted, ChangeKind kind) {
    return wanted.empty() || (object.kind == kind && object.name == wanted);
  };
  const bool stands_there = object.kind == server || object.kind == credential;
  return state_.empty() && only(rollout_, rollout) && only(server_, server) &&
         (stands_there || only(site_, site));
}

ChangeFilter::Told ChangeFilter::told(const rest::Deployment& deployment) const {
  const auto is = [](const std::string& wanted, const std::string& there) {
    return wanted.empty() || wanted == there;
  };
  if (!is(rollout_, deployment.rollout()) || !is(server_, deployment.server()) ||
      !is(site_, deployment.site()) || !labels_.matches({}))
    return Told::nothing;
  return is(state_, deployment.state()) ? Told::object : Told::gone;
}

template <class T>
ChangeFilter::Told ChangeFilter::told(const T& object) const {
  const std::string* site = site_of(object);
  const bool elsewhere = !site_.empty() && site != nullptr && *site != site_;
  return elsewhere || !labels_.matches(object.metadata().labels()) ? Told::gone : Told::object;
}

ChangeFilter::Told ChangeFilter::of(const MeshState& state, const ChangeFeed::Change& change) const {
  if (!concerns(*change.object)) return Told::nothing;
  if (change.deleted) return sees(who_, *change.reach) ? Told::gone : Told::nothing;
  return with_objects(state, change.object->kind, [&](const auto& objects) {
    const auto& object = objects.at(change.object->name);
    if (sees(who_, state, object)) return told(object);
    return has_left(who_, object) ? Told::gone : Told::nothing;
  });
}

}  // namespace metalmesh::controller
