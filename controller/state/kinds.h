// The kinds of objects, each described once: its words, its table, where it is in memory. Whoever does the same for every
// kind (load, flush, feed, lists, routes, metrics) goes by this; so a kind is told here, what it may say in
// core/object_rules, and how people see it in cli/kinds and cli/object_tables. What is beyond that is an overload at its
// place: of `store`, `may_change` and `user_of` in core/object_apply, of `stored` in the ledger.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "controller/state/packed_table.h"
#include "controller/state/tables.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

/// As the change feed numbers them: what others refer to comes first.
enum class ChangeKind : std::uint8_t {
  site,
  credential,
  server,
  image,
  profile,
  settings,
  exception,
  hardware_type,
  user,
  rollout,
  deployment
};

/// Ordered maps by name: iteration order is part of every decision and must not depend on hashing.
struct Objects {
  std::map<std::string, rest::Site> sites;
  std::map<std::string, rest::Credential> credentials;
  PackedTable<rest::Server> servers;
  std::map<std::string, rest::Image> images;
  std::map<std::string, rest::Profile> profiles;  // newest version
  std::map<std::string, rest::SettingsProfile> settings;
  std::map<std::string, rest::PostureException> exceptions;
  std::map<std::string, rest::HardwareType> hardware_types;
  std::map<std::string, rest::User> users;
  std::map<std::string, rest::Rollout> rollouts;
  std::map<std::string, rest::Deployment> deployments;  // by id
};

template <class T>
struct Kind;
template <>
struct Kind<rest::Site> {
  static constexpr auto kind = ChangeKind::site;
  static constexpr std::string_view word = "Site", plural = "sites", table = tables::sites;
  static constexpr auto objects = &Objects::sites;
};
template <>
struct Kind<rest::Credential> {
  static constexpr auto kind = ChangeKind::credential;
  static constexpr std::string_view word = "Credential", plural = "credentials", table = tables::credentials;
  static constexpr auto objects = &Objects::credentials;
};
template <>
struct Kind<rest::Server> {
  static constexpr auto kind = ChangeKind::server;
  static constexpr std::string_view word = "Server", plural = "servers", table = tables::servers;
  static constexpr auto objects = &Objects::servers;
};
template <>
struct Kind<rest::Image> {
  static constexpr auto kind = ChangeKind::image;
  static constexpr std::string_view word = "Image", plural = "images", table = tables::images;
  static constexpr auto objects = &Objects::images;
};
template <>
struct Kind<rest::Profile> {
  static constexpr auto kind = ChangeKind::profile;
  static constexpr std::string_view word = "Profile", plural = "profiles", table = tables::profiles;
  static constexpr auto objects = &Objects::profiles;
};
template <>
struct Kind<rest::SettingsProfile> {
  static constexpr auto kind = ChangeKind::settings;
  static constexpr std::string_view word = "SettingsProfile", plural = "settingsprofiles",
                                    table = "o/settings/";
  static constexpr auto objects = &Objects::settings;
};
template <>
struct Kind<rest::PostureException> {
  static constexpr auto kind = ChangeKind::exception;
  static constexpr std::string_view word = "PostureException", plural = "postureexceptions",
                                    table = "o/exception/";
  static constexpr auto objects = &Objects::exceptions;
};
template <>
struct Kind<rest::HardwareType> {
  static constexpr auto kind = ChangeKind::hardware_type;
  static constexpr std::string_view word = "HardwareType", plural = "hardwaretypes", table = "o/hardware/";
  static constexpr auto objects = &Objects::hardware_types;
};
template <>
struct Kind<rest::User> {
  static constexpr auto kind = ChangeKind::user;
  static constexpr std::string_view word = "User", plural = "users", table = tables::users;
  static constexpr auto objects = &Objects::users;
};
template <>
struct Kind<rest::Rollout> {
  static constexpr auto kind = ChangeKind::rollout;
  static constexpr std::string_view word = "Rollout", plural = "rollouts", table = tables::rollouts;
  static constexpr auto objects = &Objects::rollouts;
};
/// Of the mesh's own making: people read it and do not apply it.
template <>
struct Kind<rest::Deployment> {
  static constexpr auto kind = ChangeKind::deployment;
  static constexpr std::string_view word = "Deployment", plural = "deployments", table = tables::deployments;
  static constexpr auto objects = &Objects::deployments;
};

template <class... T>
struct KindList {
  using Variant = std::variant<T...>;
  static constexpr std::size_t size = sizeof...(T);
};
/// What people apply and delete.
using ObjectKinds =
    KindList<rest::Site, rest::Credential, rest::Server, rest::Image, rest::Profile, rest::SettingsProfile,
             rest::PostureException, rest::HardwareType, rest::User, rest::Rollout>;
/// What the change feed tells of, in the order of ChangeKind.
using FeedKinds =
    KindList<rest::Site, rest::Credential, rest::Server, rest::Image, rest::Profile, rest::SettingsProfile,
             rest::PostureException, rest::HardwareType, rest::User, rest::Rollout, rest::Deployment>;

using Object = ObjectKinds::Variant;

/// `f.template operator()<T>()` for each kind of the list.
template <class... T, class F>
void for_each_kind(KindList<T...>, F&& f) {
  (f.template operator()<T>(), ...);
}

/// The same for the first kind that `is.template operator()<T>()`; nothing when there is none. Whatever the kind, the
/// result is of one type, which is not void.
template <class First, class... Rest, class Is, class F>
auto with_kind_that(KindList<First, Rest...>, Is is, F&& f)
    -> std::optional<decltype(f.template operator()<First>())> {
  if (is.template operator()<First>()) return f.template operator()<First>();
  if constexpr (sizeof...(Rest) > 0) return with_kind_that(KindList<Rest...>{}, is, f);
  return std::nullopt;
}

/// By its word ("Site"), or by its plural ("sites").
template <class F>
auto with_object_kind(std::string_view name, F&& f) {
  return with_kind_that(
      ObjectKinds{}, [&]<class T>() { return Kind<T>::word == name || Kind<T>::plural == name; }, f);
}

/// One that is there, for changes.
template <class T>
T& editable(std::map<std::string, T>& objects, const std::string& name) {
  return objects.at(name);
}
template <class T>
T& editable(PackedTable<T>& objects, const std::string& name) {
  return objects.edit(name);
}
/// This is its row.
template <class T>
void keep_row(std::map<std::string, T>&, const std::string&, const std::string&) {}
template <class T>
void keep_row(PackedTable<T>& objects, const std::string& name, const std::string& row) {
  objects.keep(name, row);
}

/// `f(objects)` with those of that kind.
template <class State, class F>
auto with_objects(State& state, ChangeKind kind, F&& f) {
  return *with_kind_that(
      FeedKinds{}, [&]<class T>() { return Kind<T>::kind == kind; },
      [&]<class T>() { return f(state.*Kind<T>::objects); });
}

}  // namespace metalmesh::controller
