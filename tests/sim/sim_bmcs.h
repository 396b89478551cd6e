// The machine rooms: every server of the mesh with its BMC, and the unreliable network between them and the
// agents. The hosts' ground truth is what the checkers judge by; an agent's crash changes nothing here.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/ports/input.h"
#include "tests/bmcsim/model/bmc_model.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/sim_media.h"
#include "tests/sim/swarm.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

struct Machine {
  std::string name;
  std::string key_sha256;
  SimMedia* media = nullptr;  // of its site
  std::unique_ptr<bmcsim::BmcModel> model;
  MonoTime busy{};                   // requests to one BMC run in order
  std::optional<MonoTime> wakes_at;  // when `advance` is scheduled
  std::size_t launches_seen = 0;
};

class SimBmcs {
 public:
  using Deliver = std::function<void(Input)>;
  /// Called after anything happened to a machine.
  using Watch = std::function<void(Machine&)>;

  SimBmcs(EventQueue& events, Trace& trace, const Swarm& swarm, Random random, Watch watch);

  /// `address` is what orders name; machines may later swap theirs.
  Machine& add(std::string name, std::string address, SimMedia& media);
  void start(const HttpRequest& request, Deliver deliver);
  /// The host powers on or resets by itself.
  void self_reset(Machine& machine);
  void swap(const std::string& address, const std::string& other);
  void set_healthy();
  [[nodiscard]] std::map<std::string, Machine*>& by_address() { return by_address_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Machine>>& machines() const { return machines_; }

 private:
  void arrive(const HttpRequest& request, const std::string& address, const std::string& path,
              const Deliver& deliver);
  void advance(Machine& machine);
  void want(Machine& machine, const bmcsim::HostWish& wish);

  EventQueue& events_;
  Trace& trace_;
  const Swarm& swarm_;
  Random random_;
  Watch watch_;
  bool healthy_ = false;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::map<std::string, Machine*> by_address_;
};

}  // namespace metalmesh::sim
