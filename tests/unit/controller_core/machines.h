// A mesh with one site, and machines whose facts outlive their objects.
#pragma once

#include <functional>

#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {

struct Machines : ::testing::Test {
  Mesh mesh;
  Puppet& agent = mesh.bring_up("par1");

  /// Registered, with what its BMC reports; `state` as the manifest says it.
  void add(const std::string& name, int number, const std::string& state) {
    show(name, number);
    auto object = Mesh::server_object(name, "par1", number);
    object.mutable_spec()->set_state(state);
    mesh.apply(object);
    agent.answer_inspections();
  }
  void show(const std::string& name, int number) {
    agent.bmcs[name] = bmc_report(number);
    agent.bmcs[name].set_bmc_key_sha256(agent.key);
  }
  void inspect(const std::string& name) {
    mesh.must(InspectServer{name});
    agent.answer_inspections();
  }
  rest::Plan plan(const std::string& name, bool reinstall = true) {
    auto object = Mesh::rollout_object(name);
    object.mutable_spec()->set_reinstall(reinstall);
    object.mutable_spec()->set_powered_on("graceful");
    mesh.apply(object);
    mesh.must(PlanRollout{name});
    return mesh.rollout(name).status().plan();
  }
  /// Why `server` is not in a plan of everything; empty: it is.
  std::string why_not(const std::string& server) {
    const rest::Plan made = plan("why" + std::to_string(++plans_));
    for (const auto& one : made.excluded()) {
      if (one.name() == server) return one.reason();
    }
    return {};
  }
  void install(const std::string& rollout, const std::string& server) {
    auto object = Mesh::rollout_object(rollout);
    object.mutable_spec()->mutable_select()->add_servers(server);
    mesh.start_rollout(object);
    ASSERT_TRUE(agent.last_order(server).has_value());
  }
  static Delete forget(const std::string& name, int number) {
    return {"Server", name, std::nullopt, bmc_report(number).identity().serial()};
  }

 private:
  int plans_ = 0;
};

}  // namespace metalmesh::testing
