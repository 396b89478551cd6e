#include "controller/core/object_apply.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "common/base/command_words.h"
#include "controller/core/fences.h"
#include "controller/core/field_rules.h"
#include "controller/core/hidden_secrets.h"
#include "controller/core/object_rules.h"
#include "controller/core/server_edits.h"
#include "controller/core/server_phases.h"
#include "controller/core/user_tokens.h"
#include "controller/state/profile_blob.h"
#include "controller/state/rollout_states.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {
namespace {

using rules::refusal;
using rules::Verdict;

template <class Object>
std::string wish_of(const Object& object) {
  rest::Metadata labels;
  *labels.mutable_labels() = object.metadata().labels();
  return canonical_bytes(object.spec()) + '\0' + canonical_bytes(labels);
}

template <class Object>
bool same_wish(const Object& a, const Object& b) {
  return wish_of(a) == wish_of(b);
}

// What an object of each kind may not change, and what a change sets off. `old` is null when it is new.

template <class T>
Verdict may_change(const Work&, const T*, const T&, const IdentitiesToBe*) {
  return std::nullopt;
}

Verdict may_change(const Work& work, const rest::Site* old, const rest::Site& site, const IdentitiesToBe*) {
  const std::string& name = site.metadata().name();
  if (old != nullptr || !work.mesh().revoked_sites.contains(name)) return std::nullopt;
  return refusal(ErrorKind::conflict, "metadata.name",
                 "a site named " + name + " was revoked, and whoever has its key must not pass for this one",
                 "choose another name");
}

Verdict may_change(const Work& work, const rest::Server* old, const rest::Server& server,
                   const IdentitiesToBe* to_be) {
  return may_change_server(work, old, server, to_be);
}

Verdict may_change(const Work&, const rest::Rollout* old, const rest::Rollout& rollout,
                   const IdentitiesToBe*) {
  if (old == nullptr) return std::nullopt;
  const std::string& state = old->status().state();
  if (is_before_start(state_of(*old))) return std::nullopt;
  return refusal(ErrorKind::conflict, "spec",
                 "rollout " + rollout.metadata().name() + " is " + state + " and cannot change any more",
                 "make a rollout with another name");
}

template <class T>
void store(Work& work, const std::type_identity_t<T>*, T object) {
  work.ledger.put(std::move(object));
}
void store(Work& work, const rest::Image* old, rest::Image image) {
  if (old != nullptr && old->spec().iso().sha256() != image.spec().iso().sha256()) image.clear_status();
  work.ledger.put(std::move(image));
}
void store(Work& work, const rest::Profile*, rest::Profile profile) {
  std::string content = profile_content(profile);
  work.ledger.put_version(std::move(profile), std::move(content));
}

void store(Work& work, const rest::Server* old, rest::Server server) {
  store_server(work, old, std::move(server));
}

void store(Work& work, const rest::Rollout*, rest::Rollout rollout) {
  rollout.clear_status();
  set_state(rollout, RolloutState::draft);  // an earlier plan was of another wish
  work.ledger.put(std::move(rollout));
}

std::unexpected<Refusal> version_conflict(const std::string& kind, const std::string& name,
                                          std::uint64_t have, std::uint64_t want) {
  return std::unexpected(
      refusal(ErrorKind::conflict, "metadata.version",
              kind + " " + name + (have == 0 ? " does not exist" : " is at version " + std::to_string(have)) +
                  ", the request is for " + (want == 0 ? "a new one" : "version " + std::to_string(want)),
              "read it again, then repeat the change"));
}

template <class T>
const T* known(const Work& work, const std::string& name) {
  const auto& objects = work.mesh().*Kind<T>::objects;
  const auto found = objects.find(name);
  return found == objects.end() ? nullptr : &found->second;
}

/// What makes the store grow waits while its disk is nearly full: else whoever writes objects ends the controller, and with
/// it every stop. What is there may be changed, and who fills it be shut out.
template <class T>
Verdict no_room_for(const Work& work, const T* old) {
  constexpr bool is_user = std::is_same_v<T, rest::User>, keeps_versions = std::is_same_v<T, rest::Profile>;
  if (!work.mesh().disk_low || is_user || (old != nullptr && !keeps_versions)) return std::nullopt;
  return refusal(ErrorKind::exhausted, "", "the controller's disk is nearly full: nothing new is taken in",
                 "free space in its data directory, then apply again");
}

/// What `object` is to `old` (nullptr: it is new), with its secrets put back and its defaults filled in.
template <class T>
std::expected<Standing, Refusal> weigh(const Work& work, const T* old, T& object,
                                       const std::optional<std::uint64_t>& if_version,
                                       const MeshState& references, const IdentitiesToBe* to_be) {
  if (auto bad = keep_hidden(object, old == nullptr ? T() : *old)) return std::unexpected(std::move(*bad));
  if (auto bad = check(object, references)) return std::unexpected(std::move(*bad));
  const std::uint64_t have = old == nullptr ? 0 : old->metadata().version();
  if (if_version && *if_version != have)
    return version_conflict(std::string(Kind<T>::word), object.metadata().name(), have, *if_version);
  if (old != nullptr && same_wish(*old, object)) return Standing::unchanged;
  if (auto bad = may_change(work, old, object, to_be)) return std::unexpected(std::move(*bad));
  return old == nullptr ? Standing::created : Standing::changed;
}

template <class T>
ActResult apply(Work& work, T object, const std::optional<std::uint64_t>& if_version, bool decided) {
  const std::string kind(Kind<T>::word);
  const std::string name = object.metadata().name();
  const T* old = known<T>(work, name);
  const auto standing = weigh(work, old, object, if_version, work.mesh(), nullptr);
  if (!standing) return std::unexpected(standing.error());
  Acted acted{old == nullptr, kind, name, {}};
  if (*standing == Standing::unchanged) return acted;
  if (auto bad = decided ? std::nullopt : no_room_for(work, old)) return std::unexpected(std::move(*bad));
  acted.audit = "applied " + kind + " " + name + (old == nullptr ? " (created)" : " (changed)");

  T next = old == nullptr ? T() : *old;
  next.set_api_version(object.api_version());
  next.set_kind(object.kind());
  next.mutable_metadata()->set_name(name);
  *next.mutable_metadata()->mutable_labels() = object.metadata().labels();
  *next.mutable_spec() = object.spec();
  if (old == nullptr) {
    store(work, nullptr, std::move(next));
  } else {
    const T before = *old;
    store(work, &before, std::move(next));
  }
  return acted;
}

// Who still refers to an object. The answer is a sentence naming the first, or nothing.

template <class T>
std::optional<std::string> user_of(std::type_identity<T>, const MeshState&, const std::string&) {
  return std::nullopt;
}

std::optional<std::string> user_of(std::type_identity<rest::Site>, const MeshState& mesh,
                                   const std::string& name) {
  for (const auto& [id, server] : mesh.servers) {
    if (server.spec().site() == name) return "server " + id;
  }
  for (const auto& [id, credential] : mesh.credentials) {
    if (credential.spec().site() == name) return "credential " + id;
  }
  for (const auto& [id, user] : mesh.users) {
    if (std::ranges::find(user.spec().sites(), name) != user.spec().sites().end()) return "user " + id;
  }
  return std::nullopt;
}

std::optional<std::string> user_of(std::type_identity<rest::Credential>, const MeshState& mesh,
                                   const std::string& name) {
  for (const auto& [id, server] : mesh.servers) {
    if (server.spec().bmc().credential() == name) return "server " + id;
  }
  for (const auto& [id, site] : mesh.sites) {
    if (site.spec().defaults().credential() == name) return "site " + id;
  }
  return std::nullopt;
}

template <class Uses>
std::optional<std::string> user_rollout(const MeshState& mesh, Uses uses) {
  for (const auto& [id, rollout] : mesh.rollouts) {
    if (state_of(rollout) != RolloutState::done && uses(rollout.spec())) return "rollout " + id;
  }
  return std::nullopt;
}

std::optional<std::string> user_of(std::type_identity<rest::Server>, const MeshState& mesh,
                                   const std::string& name) {
  const rest::Deployment* open = any_open(mesh, name);
  if (open == nullptr) return std::nullopt;
  return "deployment " + open->id() + " (" + open->state() + ")";
}

std::optional<std::string> user_of(std::type_identity<rest::Image>, const MeshState& mesh,
                                   const std::string& name) {
  return user_rollout(mesh, [&](const rest::RolloutSpec& spec) { return spec.image() == name; });
}

std::optional<std::string> user_of(std::type_identity<rest::Profile>, const MeshState& mesh,
                                   const std::string& name) {
  return user_rollout(mesh, [&](const rest::RolloutSpec& spec) {
    return spec.profile() == name || spec.profile().starts_with(name + "@");
  });
}

std::optional<std::string> user_of(std::type_identity<rest::Rollout>, const MeshState& mesh,
                                   const std::string& name) {
  const rest::Rollout& rollout = mesh.rollouts.at(name);
  if (const std::uint32_t owed = rollout.status().fences_owed(); owed > 0)
    return std::to_string(owed) + " deployments that are not fenced yet: their sites have not confirmed it";
  if (!is_under_way(state_of(rollout))) return std::nullopt;
  return "its own deployments: it is " + rollout.status().state();
}

// What else a delete takes along.

template <class T>
void erase(std::type_identity<T>, Work& work, const std::string& name) {
  work.ledger.erase<T>(name);
}
void erase(std::type_identity<rest::Site>, Work& work, const std::string& name) {
  // Journals and fences of the site stay in their rows: applied again, it goes on where it was.
  work.links.erase(name);
  waive_fences(work, name, "deleted");
  work.ledger.erase<rest::Site>(name);
}
void erase(std::type_identity<rest::Server>, Work& work, const std::string& name) {
  work.ledger.erase_server(name);
}
void erase(std::type_identity<rest::Profile>, Work& work, const std::string& name) {
  work.ledger.erase_profile(name);
}
void erase(std::type_identity<rest::User>, Work& work, const std::string& name) {
  drop_tokens(work, name);
  work.ledger.erase<rest::User>(name);
}
void erase(std::type_identity<rest::Rollout>, Work& work, const std::string& name) {
  work.ledger.erase_rollout(name);
}

template <class T>
ActResult erase(Work& work, const Delete& request) {
  const auto& objects = work.mesh().*Kind<T>::objects;
  const std::string kind(Kind<T>::word);
  const auto found = objects.find(request.name);
  if (found == objects.end())
    return std::unexpected(refusal(ErrorKind::not_found, "metadata.name",
                                   kind + " \"" + request.name.substr(0, 80) + "\" does not exist"));
  const std::uint64_t have = found->second.metadata().version();
  if (request.if_version && *request.if_version != have)
    return version_conflict(kind, request.name, have, *request.if_version);
  if (const auto user = user_of(std::type_identity<T>(), work.mesh(), request.name)) {
    return std::unexpected(refusal(ErrorKind::conflict, "metadata.name",
                                   kind + " " + request.name + " is in use by " + *user,
                                   "remove that reference first"));
  }
  std::string known;
  if constexpr (std::is_same_v<T, rest::Server>) {
    const rest::Server& server = found->second;
    if (auto bad = may_delete_server(server, request.confirm)) return std::unexpected(std::move(*bad));
    known = " (" + confirmation_of(server) + ", which holds: " + server.status().holds() + ")";
  }
  erase(std::type_identity<T>(), work, request.name);
  return Acted{false, "", request.name, "deleted " + kind + " " + request.name + known};
}

}  // namespace

std::pair<std::string, std::string> kind_and_name(const Object& object) {
  return std::visit(
      [](const auto& one) {
        return std::pair<std::string, std::string>(Kind<std::decay_t<decltype(one)>>::word,
                                                   one.metadata().name());
      },
      object);
}

ActResult apply_object(Work& work, const Apply& request) {
  return std::visit([&](const auto& object) { return apply(work, object, request.if_version, false); },
                    request.object);
}

ActResult apply_decided(Work& work, const Apply& request) {
  return std::visit([&](const auto& object) { return apply(work, object, request.if_version, true); },
                    request.object);
}

std::expected<Weighed, Refusal> weigh_object(const Work& work, const Apply& request,
                                             const AppliedBefore& before) {
  Weighed weighed{.object = request.object};
  const auto standing = std::visit(
      [&]<class T>(T& object) -> std::expected<Standing, Refusal> {
        const T* old = known<T>(work, object.metadata().name());
        auto standing = weigh(work, old, object, request.if_version, before.references, &before.to_be);
        if (!standing || *standing == Standing::unchanged) return standing;
        if (auto bad = no_room_for(work, old)) return std::unexpected(std::move(*bad));
        return standing;
      },
      weighed.object);
  if (!standing) return std::unexpected(standing.error());
  weighed.standing = *standing;
  return weighed;
}

ActResult delete_object(Work& work, const Delete& request) {
  auto result =
      with_object_kind(request.kind, [&]<class T>() -> ActResult { return erase<T>(work, request); });
  if (result) return std::move(*result);
  return std::unexpected(
      refusal(ErrorKind::invalid, "kind", "\"" + request.kind.substr(0, 80) + "\" is no kind of object"));
}

void wish_inspection(Work& work, const std::string& name, AskedBy asked_by) {
  const std::string& site = work.mesh().servers.at(name).spec().site();
  const auto& wishes = work.ledger.inner().wishes;
  const auto there = wishes.find(site);
  const bool wished = there != wishes.end() && there->second.contains(name);
  if (asked_by == AskedBy::plan && wished) return;  // its answer will do
  record::InspectWish wish;
  wish.set_planned(asked_by == AskedBy::plan);
  if (wished) {  // what a lost folder left behind is to be looked for all the same
    wish.set_look_for_ours(there->second.at(name).look_for_ours());
    wish.set_take_ours_away(there->second.at(name).take_ours_away());
  }
  work.ledger.put_wish(site, name, std::move(wish));
}

}  // namespace metalmesh::controller
