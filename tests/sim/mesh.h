// The parts of one simulated mesh, wired: one controller, sites with their agents and media servers, the
// machines, the broker, the operator and the witness. Everything runs on one virtual clock in one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/event_queue.h"
#include "tests/sim/operator.h"
#include "tests/sim/sim_bmcs.h"
#include "tests/sim/sim_bus.h"
#include "tests/sim/sim_images.h"
#include "tests/sim/sim_keys.h"
#include "tests/sim/sim_media.h"
#include "tests/sim/sim_node.h"
#include "tests/sim/swarm.h"
#include "tests/sim/trace.h"
#include "tests/sim/witness.h"

namespace metalmesh::sim {

/// One agent's machine: the agent, its media server and its images.
struct Box {
  std::unique_ptr<SimMedia> media;
  std::unique_ptr<SimImages> images;
  std::unique_ptr<SimNode> node;
};

struct Site {
  std::string name;
  std::vector<Machine*> machines;
  Box box;
  Box twin;                     // a copy of the box that runs beside it, if there is one
  bool twin_was_empty = false;  // it began with an empty disk
  std::string bmc_password;     // what the BMCs want
  std::string password;         // what the credential file holds
  unsigned password_version = 1;
  unsigned rotations = 1;
};

class Mesh {
 public:
  Mesh(const Swarm& swarm, Random random, const KeyRing& keys, bool print);
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;
  ~Mesh();

  void start();
  /// No more faults: what is left of them is repaired by the people in charge.
  void heal();
  [[nodiscard]] bool healed() const { return healed_; }
  /// Nothing is open, nothing is owed, everybody is up.
  [[nodiscard]] bool at_rest() const;

  // ---- people on the spot
  /// A second box with a copy of the first one's disk begins to run.
  void clone_box(Site& site);
  /// A second box with an empty disk begins to run under the site's name, and is switched off again.
  void start_newcomer(Site& site);
  void stop_newcomer(Site& site);
  /// Its agent is gone, and somebody else has its key; what its machines do is not looked at any more.
  void steal_box(Site& site);
  [[nodiscard]] const KeyRing& keys() const { return keys_; }
  /// The site's folder is emptied and its twin switched off: it is enrolled anew.
  void enrol_anew(Site& site);
  /// The box that was switched off is switched on again.
  void revive_twin(Site& site);
  /// The site's store is empty after this; what the old one knew to be left behind, nobody knows.
  void lose_store(Site& site, std::string_view why);
  /// A bit turns over in a row of that kind (a prefix of keys) while the node is down. Who cares for a site's box looks at what
  /// was damaged some minutes later, and settles it. False when there is none.
  bool rot_row(Site& site, std::string_view kind);
  bool rot_controller_row(std::string_view kind);
  /// A copy of the controller's machine begins to run beside it, and is switched off again.
  void start_second_controller();
  void stop_second_controller();
  /// The controller says again, under a new number, what it had commanded. False when it cannot.
  bool repeat_command(const Site& site, const wire::Command& command);
  /// It is not run for a while, and knows it when it wakes.
  void freeze_controller(Duration length);
  /// BMC passwords are changed now, the credential file after `late`.
  void rotate_password(Site& site, Duration late);

  const Swarm& swarm;
  EventQueue events;
  Trace trace;
  Witness witness;
  SimBus bus;
  SimBmcs bmcs;
  SimProber prober;
  std::vector<std::unique_ptr<Site>> sites;
  std::unique_ptr<Operator> person;
  std::unique_ptr<SimNode> controller;
  std::unique_ptr<SimNode> second;                     // with the same identity, if there is one
  std::function<void()> controller_committed = [] {};  // a story may look then

 private:
  void build_site(unsigned index);
  Box build_box(Site& site, const std::string& name);
  Surroundings around_agent(Site& site, const std::string& name, SimMedia& media, SimImages& images);
  void build_controller();
  SimImages::Source image_source();
  void fetch_image(SimImages& images, const ImageFetch& fetch, const Surroundings::Deliver& deliver);
  void tell_credentials(Site& site);
  void release_credentials(Site& site);
  Site* site_named(const std::string& name);
  void settle_damage(Site& site);
  [[nodiscard]] static bool may_be_settled(const Site& site);

  Random random_;
  const KeyRing& keys_;
  bool healed_ = false;
};

}  // namespace metalmesh::sim
