// A mesh with one site, and plans made in it.
#pragma once

#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {

inline std::map<std::string, std::string> reasons(const rest::Plan& plan) {
  std::map<std::string, std::string> out;
  for (const auto& one : plan.excluded()) out[one.name()] = one.reason();
  return out;
}

inline std::vector<std::string> names(const rest::Plan& plan) {
  std::vector<std::string> out;
  for (const auto& one : plan.servers()) out.push_back(one.name());
  return out;
}

struct Planned : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");
  rest::Plan plan(rest::Rollout object) {
    const std::string name = object.metadata().name();
    mesh.apply(std::move(object));
    mesh.must(PlanRollout{name});
    return mesh.rollout(name).status().plan();
  }
  StartRollout order(const std::string& name) {
    const auto& frozen = mesh.rollout(name).status().plan();
    return {name, frozen.digest(), static_cast<std::uint32_t>(frozen.servers_size())};
  }
};

}  // namespace metalmesh::testing
