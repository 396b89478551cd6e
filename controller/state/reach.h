// Which sites an object is about: who is bound to sites sees what is about none but them, and what is shared by all. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

struct Objects;

struct Reach {
  enum class Extent : std::uint8_t { sites, everybody, anywhere };
  Extent extent = Extent::anywhere;  // it cannot be told: for who is bound to none
  std::set<std::string> sites;

  static Reach of(std::set<std::string> sites, bool shared = false) {
    if (shared) return {Extent::everybody, {}};
    return sites.empty() ? Reach() : Reach{Extent::sites, std::move(sites)};
  }
  [[nodiscard]] bool shared() const { return extent == Extent::everybody; }
  /// Whether it is for who is bound to `own`, which is nothing for who is bound to none.
  [[nodiscard]] bool is_within(std::span<const std::string> own) const {
    if (own.empty() || shared()) return true;
    return extent == Extent::sites && std::ranges::all_of(sites, [&](const auto& site) {
             return std::ranges::find(own, site) != own.end();
           });
  }
};

/// Images, profiles, types of hardware: everybody's.
template <class T>
Reach reach_of(const Objects&, const T&) {
  return Reach::of({}, true);
}
Reach reach_of(const Objects&, const rest::Site& site);
/// Without a site it is everybody's.
Reach reach_of(const Objects&, const rest::Credential& credential);
Reach reach_of(const Objects&, const rest::Server& server);
Reach reach_of(const Objects&, const rest::Deployment& deployment);
/// Of nobody who is bound.
Reach reach_of(const Objects&, const rest::User& user);
/// The sites that it selects by name, or those of the servers that it does; labels alone may mean anybody.
Reach reach_of(const Objects& objects, const rest::Rollout& rollout);
/// Likewise: what is accepted of which servers is theirs.
Reach reach_of(const Objects& objects, const rest::PostureException& exception);

}  // namespace metalmesh::controller
