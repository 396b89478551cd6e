// The person at the command line, as a routine: registers what there is, inspects, rolls out to whatever is
// ready, changes her mind now and then, and reinstalls. It only ever asks what the API offers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "controller/core/controller_core.h"
#include "tests/sim/swarm.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

inline constexpr char image_sha256[] = "8a5edab282632443219e051e4ade2d1d5bbc671c781051bf1437897cbdfea0f1";

struct ServerToRegister {
  std::string name;
  std::string site;
  std::string address;
  std::string uuid;
  std::string serial;
};

class Operator {
 public:
  Operator(const Swarm& swarm, Random random, Trace& trace, std::vector<std::string> sites,
           std::vector<ServerToRegister> servers)
      : swarm_(swarm),
        random_(random),
        trace_(trace),
        sites_(std::move(sites)),
        servers_(std::move(servers)) {}

  /// One look at the mesh, and what follows from it.
  void look(controller::ControllerCore& core, const Now& now, Outcome& out);
  /// No new rollouts, no aborts for fun: what runs may end.
  void rest() { resting_ = true; }

 private:
  bool ask(controller::ControllerCore& core, const Now& now, Outcome& out,
           decltype(controller::OperatorRequest::body) body);
  void register_all(controller::ControllerCore& core, const Now& now, Outcome& out);
  void care_for_servers(controller::ControllerCore& core, const Now& now, Outcome& out);
  void care_for_rollouts(controller::ControllerCore& core, const Now& now, Outcome& out);
  void begin_rollout(controller::ControllerCore& core, const Now& now, Outcome& out);

  const Swarm& swarm_;
  Random random_;
  Trace& trace_;
  std::vector<std::string> sites_;
  std::vector<ServerToRegister> servers_;
  std::map<std::string, MonoTime> inspected_;
  unsigned rollouts_ = 0;
  bool resting_ = false;
};

}  // namespace metalmesh::sim
