// The faults of a seed, as they come over a mesh until it is healed. Each kind has its own random numbers, so
// that leaving one out does not change when the others come.
#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "tests/sim/mesh.h"

namespace metalmesh::sim {

class Weather {
 public:
  Weather(Mesh& mesh, Random random) : mesh_(mesh), random_(random) {}
  void begin();
  /// Puts right what people would: addresses that were mixed up.
  void heal();

 private:
  using What = std::function<void(Random&)>;
  /// Calls `what` at random moments, on average once per `mean`, until the mesh is healed.
  void now_and_then(Duration mean, What what);
  void repeat(Duration mean, Random random, What what);
  void network();
  void nodes();
  void clocks();
  void step_controller(Random& random);
  void freeze(Random& random);
  void black_out(Site& site, Random& random);
  /// A power failure of a node's machine or the death of its process.
  void pull_plug(SimNode& node, Random& random);
  void histories();
  void machines();
  void odd_bmcs();
  void newcomers();
  void take_copies();
  void roll_back(Site& site);
  void restore_controller(Random& random);
  void run_newer_version(Random& random);
  void order_again(Random& random);
  void alter_order(Site& site, wire::Command command);
  void move_machine(Random& random);
  /// Somebody to cut off. Not a site with a twin: of two agents of one name that cannot hear each other, one
  /// that is cut off from the controller for long cannot be told from one that is gone.
  std::string anybody(Random& random);
  Site& any_site(Random& random) { return *mesh_.sites[random.below(mesh_.sites.size())]; }
  Machine& any_machine(Random& random) {
    return *mesh_.bmcs.machines()[random.below(mesh_.bmcs.machines().size())];
  }

  Mesh& mesh_;
  Random random_;
  std::vector<std::pair<std::string, std::string>> swapped_;
  std::deque<SimStore::Rows> controller_copies_;
  std::map<std::string, std::deque<SimStore::Rows>> agent_copies_;
};

}  // namespace metalmesh::sim
