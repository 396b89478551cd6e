#include "controller/state/version_bounds.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>

#include "common/ports/wire_time.h"
#include "controller/state/rollout_states.h"

namespace metalmesh::controller {
namespace {

std::set<std::string> gone_by(const MeshState& mesh) {
  std::set<std::string> names;
  for (const auto& [id, rollout] : mesh.rollouts) {
    const RolloutState state = state_of(rollout);
    if (state == RolloutState::done) continue;
    names.insert(rollout.spec().profile());
    if (is_under_way(state)) names.insert(rollout.status().plan().profile());
  }
  return names;
}

struct Old {
  WallTime since;
  std::uint64_t version = 0;
  std::string name;  // name@version
};

bool older(const Old& a, const Old& b) {
  return std::tie(a.since, a.version, a.name) < std::tie(b.since, b.version, b.name);
}

}  // namespace

std::vector<std::string> versions_too_many(const MeshState& mesh) {
  const std::set<std::string> kept = gone_by(mesh);
  std::map<std::string, std::vector<Old>> by_profile;
  for (const auto& [name, profile] : mesh.profile_versions) {
    const rest::Metadata& metadata = profile.metadata();
    const auto newest = mesh.profiles.find(metadata.name());
    const bool is_newest =
        newest != mesh.profiles.end() && newest->second.metadata().version() == metadata.version();
    if (!is_newest && !kept.contains(name))
      by_profile[metadata.name()].push_back({from_wire(metadata.changed()), metadata.version(), name});
  }
  std::vector<std::string> out;
  std::vector<Old> rest;
  for (auto& [profile, olds] : by_profile) {
    const std::size_t most = versions_of_a_profile - (mesh.profiles.contains(profile) ? 1 : 0);
    std::ranges::sort(olds, std::ranges::greater(), &Old::version);
    for (std::size_t i = 0; i < olds.size(); ++i) {
      if (i < most)
        rest.push_back(std::move(olds[i]));
      else
        out.push_back(std::move(olds[i].name));
    }
  }
  if (rest.size() > old_versions_most) {
    std::ranges::sort(rest, older);
    rest.resize(rest.size() - old_versions_most);
    for (Old& each : rest) out.push_back(std::move(each.name));
  }
  if (out.size() > versions_dropped_at_once) out.resize(versions_dropped_at_once);
  return out;
}

}  // namespace metalmesh::controller
