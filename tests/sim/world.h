// A whole mesh in one process: production cores of one controller and a few agents on a virtual clock, with
// everything around them simulated and faulty. First the weather of the seed, then a healed world in which
// everything must come to an end. Equal seeds give equal runs, to the byte.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/event_queue.h"
#include "tests/sim/operator.h"
#include "tests/sim/sim_bmcs.h"
#include "tests/sim/sim_bus.h"
#include "tests/sim/sim_media.h"
#include "tests/sim/sim_node.h"
#include "tests/sim/swarm.h"
#include "tests/sim/trace.h"
#include "tests/sim/witness.h"

namespace metalmesh::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  bool print = false;
  Plant plant = Plant::none;
};

struct RunResult {
  std::vector<std::string> violations;
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  Duration virtual_time{};
  Sightings sightings;
};

/// Runs one seed from beginning to end.
RunResult run_seed(const RunOptions& options);

class World {
 public:
  explicit World(const RunOptions& options);
  ~World();
  RunResult run();

 private:
  struct Site;
  void build_controller();
  void build_site(unsigned index);
  void schedule_weather();
  /// Calls `what` at random moments, on average once per `mean`, until the world is healed.
  void now_and_then(Duration mean, std::function<void()> what);
  /// The planted defect: the controller's disk catches up only now and then.
  void sync_late();
  void heal();
  [[nodiscard]] bool converged();
  void report_what_is_open();
  /// What is still inserted when all is over must be owned up to as a debt.
  void check_leftovers();

  RunOptions options_;
  Random random_;
  Swarm swarm_;
  EventQueue events_;
  Trace trace_;
  Witness witness_;
  SimBus bus_;
  SimBmcs bmcs_;
  SimKey controller_key_{"controller"};
  SimVerifier verifier_;
  std::vector<std::unique_ptr<Site>> sites_;
  std::unique_ptr<Operator> operator_;
  std::unique_ptr<SimNode> controller_;
  std::vector<std::pair<std::string, std::string>> swapped_;
  bool healed_ = false;
};

}  // namespace metalmesh::sim
